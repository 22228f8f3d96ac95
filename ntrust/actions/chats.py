"""A person's own chat or telephone."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from ntrust import clock
from ntrust.errors import Refused
from ntrust.models import Chat, Delivery, User
from ntrust.notifications import check_chat, nudge, seal_chat
from ntrust.states import Channel

_BETWEEN_TESTS: Final = timedelta(minutes=1)


def set_chat(user: User, *, target: str, by: User, now: datetime | None = None) -> Chat:
    """Tell a person of what is urgent by a chat of their own too; mail comes all the same.

    Refuses another person's (`wrong_role`), a service that is not allowed here (`bad_chat`), and
    one that leads inside (`bad_target`, `private_target`).
    """
    _check_own(user, by)
    service = check_chat(target.strip())
    sealed = seal_chat(target.strip())
    with transaction.atomic():
        _lock(user)
        row = Chat.objects.filter(user=user).first()
        if row is None:
            moment = now or clock.now()
            return Chat.objects.create(user=user, service=service, target=sealed, changed_at=moment)
        return _point(row, service, sealed, now=now)


def remove_chat(user: User, *, by: User, now: datetime | None = None) -> Chat:
    """Tell a person by mail alone again. Refuses another person's, and where there is no chat
    (`no_chat`). What was planned for it fails; the mail goes."""
    _check_own(user, by)
    with transaction.atomic():
        _lock(user)
        return _point(_own(user), "", "", now=now)


def try_chat(user: User, *, by: User, now: datetime | None = None) -> Delivery:
    """Plan a test message to a person's chat. Refuses another person's, where there is none, and
    (`test_waits`) a second one within a minute."""
    _check_own(user, by)
    moment = now or clock.now()
    with transaction.atomic():
        _lock(user)
        row = _own(user)
        recent = row.deliveries.filter(
            notification__isnull=True, planned_at__gt=moment - _BETWEEN_TESTS
        )
        if recent.exists():
            raise Refused("test_waits", "A test was sent just now: wait a minute.")
        made = Delivery.objects.create(
            chat=row, channel=Channel.CHAT, planned_at=moment, next_try_at=moment
        )
        transaction.on_commit(nudge, robust=True)
    return made


def _check_own(user: User, by: User) -> None:
    if by.pk != user.pk:
        raise Refused("wrong_role", "Everybody chooses for themselves how they are told.")


def _lock(user: User) -> None:
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _own(user: User) -> Chat:
    row = Chat.objects.filter(user=user).exclude(target="").first()
    if row is None:
        raise Refused("no_chat", "There is no chat to tell you by.")
    return row


def _point(row: Chat, service: str, sealed: str, *, now: datetime | None) -> Chat:
    """Lead a chat elsewhere, or nowhere, with its circuit closed."""
    row.service, row.target = service, sealed
    row.failures, row.opened_at, row.changed_at = 0, None, now or clock.now()
    row.save(update_fields=["service", "target", "failures", "opened_at", "changed_at"])
    return row
