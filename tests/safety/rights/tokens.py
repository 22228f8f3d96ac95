"""Tokens for programs: everybody their own, whatever their role."""

from datetime import timedelta

from ntrust.models import ApiToken
from ntrust.states import TokenScope
from tests.safety.rights.preferences import EVERYBODY
from tests.safety.rights.scene import N, Rights, Scene


def own(s: Scene) -> ApiToken:
    until = s.trial.now + timedelta(days=7)
    token, _ = N.make_token(s.by, name="ours", scope=TokenScope.READ, ends_at=until, **s.who)
    return token


RIGHTS: Rights = {
    "ntrust.make_token": (EVERYBODY, own),
    "ntrust.revoke_token": (EVERYBODY, lambda s: N.revoke_token(own(s), **s.who)),
}
