"""Sites and roles."""

from ntrust.models import Membership, Site
from safety.management.conduct import Conduct
from tests.safety.rights.scene import ADMINISTRATOR, MANAGER, N, Rights


def suspend(trial: Conduct) -> None:
    N.suspend_site(trial.crews[0].site, reason="an audit", by=trial.manager, now=trial.tick())


FIRST = {"ntrust.resume_site": suspend}

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
    "ntrust.revoke_role": (
        ADMINISTRATOR,
        lambda s: N.revoke_role(Membership.objects.get(user=s.trial.monitor), **s.who),
    ),
}
