"""Sites and roles."""

from ntrust.models import Membership, Site
from tests.safety.rights.scene import ADMINISTRATOR, MANAGER, N, Rights

RIGHTS: Rights = {
    "ntrust.add_site": (
        MANAGER,
        lambda s: N.add_site(s.trial.study, code="S8", name="Eight", **s.who),
    ),
    "ntrust.activate_site": (
        MANAGER,
        lambda s: N.activate_site(Site.objects.get(code="S9"), **s.who),
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
