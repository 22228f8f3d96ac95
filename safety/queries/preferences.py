"""How a person is told now, and when next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ntrust.models import Chat, Notification, Preference, User
from ntrust.notifications import hours_of, last_struck


@dataclass(frozen=True)
class Wishes:
    """What a person has chosen. `home`: the zone that holds when they choose none; `in_force`: the
    one that does."""

    hour: int
    zone: str
    home: str
    in_force: str
    mails_at_once: bool
    address: str
    chat: str
    waiting: int
    next_at: datetime


def read_wishes(user: User, *, now: datetime) -> Wishes:
    """The choices of one person, and when their next digest would be made."""
    chat = Chat.objects.filter(user=user).first()
    own = Preference.objects.filter(user=user).first()
    hour, zone = hours_of([user])[user.pk]
    home = zone if own is None or not own.timezone else hours_of([user], own=False)[user.pk][1]
    waiting = Notification.objects.filter(
        recipient=user, waits_for_digest=True, digest__isnull=True
    )
    return Wishes(
        hour=hour,
        zone=own.timezone if own else "",
        home=home,
        in_force=zone,
        mails_at_once=bool(own and own.mails_at_once),
        address=user.email,
        chat=chat.service if chat else "",
        waiting=waiting.count(),
        next_at=last_struck(hour, zone, now=now + timedelta(days=1))[1],
    )
