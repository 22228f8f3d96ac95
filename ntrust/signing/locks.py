"""Locked accounts: who is told, and how one is unlocked."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from django.core.mail import EmailMessage
from django.db import transaction

from ntrust.models import AccountLock, LoginAttempt, User
from ntrust.signing.attempts import key_of, locked_until
from ntrust.states import AttemptOutcome, Door

log = structlog.get_logger(__name__)


def tell_of_locks(*, now: datetime) -> int:
    """Mail the owner of each newly locked account, and the administrators. How many were told.

    A mail that cannot be sent is tried again the next time; the lock holds meanwhile.
    """
    told = 0
    for pk in AccountLock.objects.filter(told_at__isnull=True).values_list("pk", flat=True):
        with transaction.atomic():
            rows = AccountLock.objects.select_for_update(skip_locked=True, of=("self",))
            lock = rows.select_related("user").filter(pk=pk, told_at__isnull=True).first()
            told += lock is not None and _tell(lock, now=now)
    return told


def _tell(lock: AccountLock, *, now: datetime) -> bool:
    administrators = User.objects.filter(is_superuser=True, is_active=True).exclude(email="")
    addresses = {lock.user.email, *administrators.values_list("email", flat=True)} - {""}
    try:
        for address in sorted(addresses):
            EmailMessage(
                subject="Account locked after wrong passwords or codes",
                body=(
                    f"The account {lock.user.username} is locked from "
                    f"{lock.locked_at.astimezone(UTC):%d-%b-%Y %H:%M} to "
                    f"{lock.until.astimezone(UTC):%d-%b-%Y %H:%M} UTC, after wrong passwords or "
                    "codes at the log-in or at a signature.\n\nWas it not you? Tell the person "
                    "who runs this service. Who is logged in stays logged in, and can report "
                    "events.\n"
                ),
                to=[address],
            ).send()
    except Exception as error:
        log.warning("lock_not_told", lock=lock.pk, error=type(error).__name__)
        return False
    lock.told_at = now
    lock.save(update_fields=["told_at"])
    return True


def unlock(user: User, *, by: User, now: datetime) -> bool:
    """End the lock of an account; False where there was none."""
    if locked_until(user, now=now) is None:
        return False
    LoginAttempt.objects.create(
        key=key_of(user, user.username),
        user=user,
        identifier=by.username,
        door=Door.ADMINISTRATION,
        outcome=AttemptOutcome.UNLOCKED,
        at=now,
    )
    return True
