"""Sites and roles."""

from django.conf import settings

from ntrust import clock
from ntrust.models import Membership, Site
from ntrust.signing.attempts import attempting
from ntrust.states import AttemptOutcome, Door
from safety.management.conduct import Conduct
from tests.safety.rights.scene import ADMINISTRATOR, MANAGER, N, Rights


def suspend(trial: Conduct) -> None:
    N.suspend_site(trial.crews[0].site, reason="an audit", by=trial.manager, now=trial.tick())


def lock(trial: Conduct) -> None:
    """Wrong passwords in a row for the monitor."""
    for _ in range(settings.LOCK_AFTER_FAILURES):
        with attempting(trial.monitor, identifier="monitor", door=Door.LOG_IN) as attempt:
            attempt.outcome = AttemptOutcome.WRONG_PASSWORD


FIRST = {"ntrust.resume_site": suspend, "ntrust.unlock_account": lock}

RIGHTS: Rights = {
    "ntrust.add_site": (
        MANAGER,
        lambda s: N.add_site(s.trial.study, code="S8", name="Eight", **s.who),
    ),
    "ntrust.activate_site": (
        MANAGER,
        lambda s: N.activate_site(Site.objects.get(code="S9"), **s.who),
    ),
    "ntrust.suspend_site": (
        MANAGER,
        lambda s: N.suspend_site(s.site, reason="an audit", **s.who),
    ),
    "ntrust.resume_site": (
        MANAGER,
        lambda s: N.resume_site(s.site, reason="the audit is over", **s.who),
    ),
    "ntrust.grant_role": (
        ADMINISTRATOR,
        lambda s: N.grant_role(s.by, study=s.trial.study, role="AUDITOR", **s.who),
    ),
    "ntrust.unlock_account": (
        ADMINISTRATOR,
        lambda s: N.unlock_account(s.trial.monitor, by=s.by, now=clock.now()),
    ),
    "ntrust.revoke_role": (
        ADMINISTRATOR,
        lambda s: N.revoke_role(Membership.objects.get(user=s.trial.monitor), **s.who),
    ),
}
