"""Decisions that wait for signatures, and those looked at again; the latter in a study of its own,
with the same people."""

from cohorts.actions import Conclusion, SecondLook
from cohorts.engine.design import Verdict
from cohorts.models import Decision, ReReview
from cohorts.states import ReReviewVerdict
from ntrust.actions import grant_role
from ntrust.models import Membership
from safety.actions import Minutes, convene_review
from safety.management.conduct import Conduct
from safety.models import Review
from tests.re_reviewing import look_again, marked_trial
from tests.safety.rights.scene import MANAGER, REASON, SIGNERS, C, Rights, S

KEY = "again"


def _there(trial: Conduct) -> Conduct:
    """The other study, in which everybody is the same."""
    study = marked_trial(KEY, sites=2).study
    sites = {site.code: site for site in study.sites.all()}
    for row in Membership.objects.filter(study=trial.study, revoked_at__isnull=True):
        site = sites.get(row.site.code) if row.site else None
        grant_role(row.user, study=study, role=row.role, site=site, by=None, now=trial.now)
    return Conduct(study, trial.manager, trial.monitor, trial.password, "flu_cy", trial.now)


def _convene(trial: Conduct) -> None:
    other = _there(trial)
    decision = Decision.objects.get(study=other.study, number=2)
    convene_review(other.study, re_reviews=decision, by=trial.manager, now=trial.now)


def _look(trial: Conduct) -> None:
    other = _there(trial)
    look_again(other, Decision.objects.get(study=other.study, number=2))


def _propose(trial: Conduct) -> None:
    more = Conclusion(Verdict.ENROL, trial.level(1), "agrees", reason=REASON, seats=1)
    trial.propose(more)


FIRST = {
    "cohorts.sign_decision": _propose,
    "cohorts.sign_re_review": _look,
    "safety.conclude_re_review": _convene,
}
RIGHTS: Rights = {
    "cohorts.sign_re_review": (
        SIGNERS,
        lambda s: C.sign_re_review(ReReview.objects.get(), **s.signing),
    ),
    "safety.conclude_re_review": (
        MANAGER,
        lambda s: S.conclude_re_review(
            Review.objects.get(study__key=KEY, state="CONVENED"),
            look=SecondLook(ReReviewVerdict.WITHDRAWN, "withdraw it", REASON),
            minutes=Minutes(3, "minutes"),
            **s.who,
        ),
    ),
}
