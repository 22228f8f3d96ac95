"""Taking over from paper: in a study where nobody is yet, with the same people."""

from cohorts.models import Decision
from ntrust.actions import grant_role
from ntrust.models import Membership, Study
from safety.actions import stage_take_over
from safety.management.conduct import Conduct
from safety.models import TakeOver
from safety.takeover import SHEETS, Line
from tests.factories import make_trial
from tests.safety.rights.scene import MANAGER, REASON, SIGNERS, Rights, S

BOOK = {
    **{name: [] for name in SHEETS},
    "decisions": [
        Line(
            2,
            {
                "number": "1",
                "decided_on": "2026-01-02",
                "verdict": "ENROL",
                "level": "1",
                "seats": "3",
                "reference": "minutes 1",
            },
        )
    ],
}


def paper_study() -> Study:
    return Study.objects.get(key="paper")


def PREPARE(trial: Conduct) -> None:
    make_trial(key="paper", sites=2)
    assert not Decision.objects.filter(study=paper_study()).exists()


def _same_people(trial: Conduct) -> None:
    """Everybody in the trial is the same in the study on paper."""
    study = paper_study()
    sites = {site.code: site for site in study.sites.all()}
    for row in Membership.objects.filter(study=trial.study, revoked_at__isnull=True):
        site = sites.get(row.site.code) if row.site else None
        grant_role(row.user, study=study, role=row.role, site=site, by=None, now=trial.now)


def _stage(trial: Conduct) -> None:
    _same_people(trial)
    stage_take_over(paper_study(), book=BOOK, by=trial.manager, now=trial.now)


FIRST = {
    "safety.stage_take_over": _same_people,
    "safety.sign_take_over": _stage,
    "safety.withdraw_take_over": _stage,
}
RIGHTS: Rights = {
    "safety.stage_take_over": (
        MANAGER,
        lambda s: S.stage_take_over(paper_study(), book=BOOK, **s.who),
    ),
    "safety.sign_take_over": (
        SIGNERS,
        lambda s: S.sign_take_over(
            TakeOver.objects.get(), seen_hash=TakeOver.objects.get().content_hash, **s.signing
        ),
    ),
    "safety.withdraw_take_over": (
        MANAGER,
        lambda s: S.withdraw_take_over(TakeOver.objects.get(), reason=REASON, **s.who),
    ),
}
