"""The outbox: claim (skip locked), commit, send, mark.

A lost nudge or a dead broker delays nothing for long: beat and the sweeper (ntrust/sweeper.py) send
whatever is due. Whoever sends a row holds a lock of their session on it: a row without one has lost
its sender, and is taken back. Urgent ones overtake.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Hashable, Mapping
from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import Any, Final

import structlog
from django.core.mail import get_connection
from django.db import DatabaseError, connection, transaction

from ntrust.models import Delivery
from ntrust.notifications.chats import send_chat
from ntrust.notifications.circuits import CircuitOpen
from ntrust.notifications.composing import compose, compose_digest
from ntrust.notifications.outages import Outages
from ntrust.notifications.undeliverable import Undeliverable
from ntrust.notifications.webhooks import call
from ntrust.states import Channel, DeliveryState

log = structlog.get_logger(__name__)

CLAIM_LASTS: Final = timedelta(minutes=2)
ORPHAN_AFTER: Final = timedelta(seconds=15)
"""A sender whose session has gone may still be talking to the mail server for so long."""
CLOCKS_DIFFER: Final = timedelta(seconds=2)
"""What is planned later than that from now was planned before the clock was set back."""
RUN_LASTS: Final = timedelta(minutes=1)
FIRST_RETRY: Final = timedelta(seconds=15)
MOST_ATTEMPTS: Final = 8
_SMTP_FOR_GOOD: Final = 500
_SENDING: Final = 0x0B0C
_HALF: Final = 0x7FFFFFFF
_TAKE_BACK: Final = (
    "UPDATE ntrust_delivery d SET state = 'PLANNED', next_try_at = %s "
    "WHERE d.state = 'SENDING' AND NOT (d.claimed_at > %s AND d.claimed_at < %s) "
    "AND NOT EXISTS (SELECT 1 FROM pg_locks l "
    "WHERE l.locktype = 'advisory' AND l.classid = %s AND l.objid = (d.id & 2147483647)::oid "
    "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()))"
)


class Line:
    """The connection to the mail server, kept over the messages of one run."""

    def __init__(self) -> None:
        self._line: Any = None
        self._gates: dict[Hashable, str] = {}
        self.outages = Outages()

    def webhook(self, row: Delivery) -> None:
        """Send a delivery to its webhook. Each is a call of its own."""
        call(row)

    def chat(self, row: Delivery) -> None:
        """Tell a person by their own chat. Each is a call of its own."""
        send_chat(row)

    def mail(self, row: Delivery) -> None:
        """Send the mail of a delivery. Refuses (Undeliverable) what the server will never take."""
        told, digest = row.notification, row.digest
        if told is not None:
            message = compose(told, key=str(row.key), kept=self._gates)
        elif digest is not None:
            message = compose_digest(digest, key=str(row.key))
        row.target = message.to[0]
        if not row.target:
            raise Undeliverable("the account has no address")
        if self._line is None:
            self._line = get_connection()
            self._line.open()
        try:
            self._line.send_messages([message])
        except SMTPRecipientsRefused as error:
            self.close()
            if all(code >= _SMTP_FOR_GOOD for code, _ in error.recipients.values()):
                raise Undeliverable(f"{error.recipients}") from error
            raise
        except SMTPDataError as error:
            self.close()
            if error.smtp_code >= _SMTP_FOR_GOOD:
                raise Undeliverable(f"{error.smtp_code} {error.smtp_error!r}") from error
            raise
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        """Hang up. A server that has gone is not waited for."""
        line, self._line = self._line, None
        if line is not None:
            try:
                line.close()
            except OSError:
                log.info("mail_server_gone")


CHANNELS: Final[Mapping[str, Callable[[Line, Delivery], None]]] = {
    Channel.MAIL: Line.mail,
    Channel.WEBHOOK: Line.webhook,
    Channel.CHAT: Line.chat,
}


def deliver_due(*, now: datetime, most: int = 200, left_for: timedelta = timedelta(0)) -> int:
    """Send what is due, urgent first; how many were sent.

    What has been due for less than `left_for` is left to others. Ends well before its first claim
    could be taken for that of a dead sender.
    """
    sent, began, line = 0, time.monotonic(), Line()
    take_back(now=now)
    try:
        for _ in range(most):
            passed = timedelta(seconds=int(time.monotonic() - began))
            if passed > RUN_LASTS:
                break
            row = _claim(now + passed, left_for)
            if row is None:
                break
            try:
                sent += _send(row, line, now=now + passed)
            finally:
                _unlock(row)
    finally:
        line.close()
    return sent


def take_back(*, now: datetime) -> int:
    """Put back what is claimed by a session that has ended: killed, or cut off. How many rows."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_BACK, [now, now - ORPHAN_AFTER, now + CLOCKS_DIFFER, _SENDING])
        return int(cursor.rowcount)


def _unlock(row: Delivery) -> None:
    """Let go of a row; a session that has ended let go of all of its."""
    with contextlib.suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_SENDING, row.pk & _HALF])


def _claim(now: datetime, left_for: timedelta) -> Delivery | None:
    """Take the next row that is due, or whose sender died, for this process alone; a mail before
    anything else, so that a slow system keeps no person waiting."""
    due = Delivery.objects.due(
        now=now - left_for, given_up=now - CLAIM_LASTS, ahead=now + CLOCKS_DIFFER
    )
    with transaction.atomic():
        rows = (
            due.select_for_update(skip_locked=True, of=("self",))
            .select_related(
                "notification__event__study",
                "notification__recipient",
                "notification__site",
                "digest__user",
                "endpoint__study",
                "event",
                "chat",
            )
            .order_by("-is_urgent", "id")
        )
        row = rows.filter(channel=Channel.MAIL).first()
        row = row or rows.exclude(channel=Channel.MAIL).first()
        if row is None:
            return None
        row.state, row.claimed_at = DeliveryState.SENDING, now
        row.attempts += 1
        row.save(update_fields=["state", "claimed_at", "attempts"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_SENDING, row.pk & _HALF])
    return row


def _send(row: Delivery, line: Line, *, now: datetime) -> int:
    """Send one row. Whatever is wrong with it, the rows after it are still sent."""
    try:
        CHANNELS[row.channel](line, row)
    except CircuitOpen as error:
        _postpone(row, error)
        return 0
    except Exception as error:
        _put_back(row, error, now=now)
        line.outages.note(row, error, now=now)
        return 0
    _mark(row, state=DeliveryState.SENT, sent_at=now, failure="")
    line.outages.end(row, now=now)
    return 1


def _postpone(row: Delivery, error: CircuitOpen) -> None:
    """Nothing was tried, so it is no attempt."""
    _mark(
        row,
        state=DeliveryState.PLANNED,
        next_try_at=error.until,
        attempts=row.attempts - 1,
        failure=str(error),
    )


def _put_back(row: Delivery, error: Exception, *, now: datetime) -> None:
    has_tries = row.attempts < MOST_ATTEMPTS and not isinstance(error, Undeliverable)
    _mark(
        row,
        state=DeliveryState.PLANNED if has_tries else DeliveryState.FAILED,
        next_try_at=now + FIRST_RETRY * 2**row.attempts * _jitter(row),
        failure=f"{type(error).__name__}: {error}"[:500],
    )
    log.warning("notification_not_sent", delivery=str(row.key), error=type(error).__name__)


def _mark(row: Delivery, **fields: Any) -> None:
    """Write how it ended, unless another has taken the row over meanwhile."""
    ours = Delivery.objects.filter(pk=row.pk, state=DeliveryState.SENDING, attempts=row.attempts)
    ours.update(target=row.target, **fields)


def _jitter(row: Delivery) -> float:
    """From 1 to 1.25, by chance but always the same for one delivery at one attempt."""
    return 1 + (row.key.int + row.attempts * 7919) % 1000 / 4000
