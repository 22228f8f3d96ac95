"""Every try to prove who one is, at the log-in and at signatures alike, and the lock after many.

The counts are in the database: they hold across processes, and while Redis is down. Tries at one
account wait for one another (an advisory lock of the database session, which outlives the
transaction that a refused signature rolls back), so that many sent at once count like as many sent
one by one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from django.conf import settings
from django.db import connection
from django.db.models import Q

from ntrust import clock
from ntrust.models import AccountLock, LoginAttempt, Study, User
from ntrust.states import AttemptOutcome, Door

_LOCKS: Final = 0x516E
"""The class of our advisory locks: others' numbers are not ours."""
_FAILURES: Final = (
    AttemptOutcome.WRONG_IDENTIFIER,
    AttemptOutcome.WRONG_PASSWORD,
    AttemptOutcome.WRONG_CODE,
)
_RESETS: Final = (AttemptOutcome.ACCEPTED, AttemptOutcome.UNLOCKED)


@dataclass
class Attempt:
    """One try. Say in `outcome` how it ended; a locked account is not tried at all."""

    identifier: str
    user: User | None
    door: Door
    study: Study | None
    locked_until: datetime | None
    outcome: AttemptOutcome | None = None
    has_turn: bool = False

    @property
    def key(self) -> str:
        """Whose failures count together: the account's, or those of a name that is none."""
        return key_of(self.user, self.identifier)


def key_of(user: User | None, identifier: str) -> str:
    """The account, or the name as typed where there is no such account."""
    return f"user {user.pk}" if user else f"name {identifier.strip().casefold()}"[:254]


def account_named(identifier: str) -> User | None:
    """The account of a username or an e-mail address, whatever its case."""
    typed = identifier.strip()
    if not typed:
        return None
    found = User.objects.filter(Q(username__iexact=typed) | Q(email__iexact=typed))
    return found.order_by("id").first()


def locked_until(user: User | None, identifier: str = "", *, now: datetime) -> datetime | None:
    """When the lock of an account ends; None when there is none now.

    It begins with the last of `LOCK_AFTER_FAILURES` wrong tries in a row inside
    `LOCK_WINDOW_SECONDS`, and lasts `LOCK_SECONDS`. What is tried meanwhile does not lengthen it.
    """
    rows = LoginAttempt.objects.filter(
        key=key_of(user, identifier), outcome__in=[*_FAILURES, *_RESETS]
    ).order_by("-id")[: settings.LOCK_AFTER_FAILURES]
    last = list(rows.values_list("outcome", "at"))
    if len(last) < settings.LOCK_AFTER_FAILURES or any(one in _RESETS for one, _ in last):
        return None
    newest, oldest = last[0][1], last[-1][1]
    if newest - oldest > timedelta(seconds=settings.LOCK_WINDOW_SECONDS):
        return None
    until: datetime = newest + timedelta(seconds=settings.LOCK_SECONDS)
    return until if until > now else None


def begin_attempt(
    user: User | None, *, identifier: str, door: Door, study: Study | None = None
) -> Attempt:
    """Wait until no other try at this account is under way. `end_attempt` has to follow.

    At a locked account nothing is tried, so nobody waits: guesses by the thousand queue nowhere.
    """
    until = locked_until(user, identifier, now=clock.now())
    if until is not None:
        return Attempt(identifier, user, door, study, until, AttemptOutcome.LOCKED)
    _take_turn(key_of(user, identifier))
    until = locked_until(user, identifier, now=clock.now())
    outcome = AttemptOutcome.LOCKED if until else None
    return Attempt(identifier, user, door, study, until, outcome, has_turn=True)


def _take_turn(key: str) -> None:
    """Others at the same account wait. The lock is the database session's own: a transaction that
    is rolled back does not end it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [_LOCKS, key])


def record_attempt(attempt: Attempt) -> None:
    """Write how it ended; the wrong one that locks the account is told to its owner."""
    if attempt.outcome is None:
        return
    now = clock.now()
    LoginAttempt.objects.create(
        key=attempt.key,
        user=attempt.user,
        identifier=attempt.identifier.replace("\x00", "")[:254],
        door=attempt.door,
        outcome=attempt.outcome,
        study=attempt.study,
        at=now,
    )
    until = locked_until(attempt.user, attempt.identifier, now=now)
    if attempt.user is not None and attempt.outcome in _FAILURES and until is not None:
        AccountLock.objects.create(user=attempt.user, locked_at=now, until=until)


def end_attempt(attempt: Attempt) -> None:
    """Let the next try begin."""
    if not attempt.has_turn:
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_LOCKS, attempt.key])


@contextmanager
def attempting(user: User | None, *, identifier: str, door: Door) -> Iterator[Attempt]:
    """A try outside any change of a study. One that breaks off was none."""
    attempt = begin_attempt(user, identifier=identifier, door=door)
    try:
        yield attempt
        record_attempt(attempt)
    finally:
        end_attempt(attempt)


def lock_in_words(until: datetime) -> str:
    """What is told to somebody whose account is locked."""
    return (
        "Too many wrong passwords or codes: this account is locked until "
        f"{until.astimezone(UTC):%d-%b-%Y %H:%M} UTC. The person who runs this service can unlock "
        "it."
    )
