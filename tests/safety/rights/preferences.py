"""How people want to be told: everybody their own, whatever their role."""

from __future__ import annotations

from django.test import override_settings

from ntrust.models import Chat, User
from safety.management.conduct import Conduct
from tests.safety.rights.scene import N, Rights, Scene

EVERYBODY = frozenset(
    {
        "manager",
        "monitor",
        "investigator",
        "investigator elsewhere",
        "pharmacist",
        "pharmacist elsewhere",
        "committee",
        "auditor",
        "superuser",
        "stranger",
        "revoked",
        "data monitor",
    }
)


def give_chats(trial: Conduct) -> None:
    """Each has one."""
    for user in User.objects.all():
        Chat.objects.create(user=user, service="json", target="sealed", changed_at=trial.now)


def set_chat(s: Scene) -> object:
    """One on this machine, which may be told for once."""
    with override_settings(NTRUST_LOOPBACK_TARGETS=True):
        return N.set_chat(s.by, target="json://127.0.0.1:9/x", **s.who)


FIRST = {"ntrust.remove_chat": give_chats, "ntrust.try_chat": give_chats}

RIGHTS: Rights = {
    "ntrust.set_chat": (EVERYBODY, set_chat),
    "ntrust.remove_chat": (EVERYBODY, lambda s: N.remove_chat(s.by, **s.who)),
    "ntrust.try_chat": (EVERYBODY, lambda s: N.try_chat(s.by, **s.who)),
    "ntrust.set_preferences": (
        EVERYBODY,
        lambda s: N.set_preferences(s.by, digest_hour=6, **s.who),
    ),
}
