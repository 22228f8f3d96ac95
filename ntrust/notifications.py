"""The outbox: who is told of an event, as rows planned with it, sent after the commit.

Claim (skip locked), commit, send, mark. A lost nudge or a dead broker delays nothing for long:
the sweeper of the beat process sends whatever is due, and takes back rows whose sender died.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from celery import current_app
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import Q
from django.utils.module_loading import import_string
from kombu.exceptions import OperationalError

from ntrust import clock
from ntrust.models import Event, Membership, Notification, Study, User
from ntrust.states import SITE_ROLES, NotificationState

log = structlog.get_logger(__name__)

DELIVER_TASK: Final = "ntrust.tasks.deliver_notifications"
CLAIM_LASTS: Final = timedelta(minutes=2)
ONE_ATTEMPT: Final = {"max_retries": 0, "socket_connect_timeout": 2, "socket_timeout": 2}
RUN_LASTS: Final = timedelta(minutes=1)
FIRST_RETRY: Final = timedelta(seconds=15)
MOST_ATTEMPTS: Final = 8


def plan_notifications(study: Study, events: Iterable[Event], *, now: datetime) -> None:
    """Plan one row an event and recipient, by the study's rules, and nudge the worker."""
    rows = [
        Notification(
            event=event,
            recipient=user,
            is_urgent=bool(study.notification_rules[event.kind].get("urgent")),
            planned_at=now,
            next_try_at=now,
        )
        for event in events
        if event.kind in study.notification_rules
        for user in _recipients(study, event)
    ]
    if rows:
        Notification.objects.bulk_create(rows)
        transaction.on_commit(nudge, robust=True)


def _recipients(study: Study, event: Event) -> Iterator[User]:
    rule: dict[str, Any] = study.notification_rules[event.kind]
    members = Membership.objects.filter(
        study=study, role__in=rule["roles"], revoked_at__isnull=True, user__is_active=True
    )
    if rule.get("scope") == "site" and event.site_id:
        members = members.filter(~Q(role__in=SITE_ROLES) | Q(site_id=event.site_id))
    seen: set[int] = set()
    for member in members.select_related("user").order_by("user_id"):
        if member.user_id not in seen:
            seen.add(member.user_id)
            yield member.user


def nudge() -> None:
    """Ask the worker to deliver now. A broker that is down is logged; the sweeper delivers.

    Whoever made the change waits here: one attempt, and a short one.
    """
    try:
        with current_app.connection_for_write(transport_options=ONE_ATTEMPT) as line:
            current_app.send_task(DELIVER_TASK, connection=line, retry=False)
    except (OperationalError, ConnectionError) as error:
        log.warning("nudge_failed", error=type(error).__name__)


def deliver_due(*, now: datetime, most: int = 200) -> int:
    """Send what is due, urgent first; how many were sent.

    Ends well before its first claim could be taken for that of a dead sender.
    """
    sent, give_up = 0, time.monotonic() + RUN_LASTS.total_seconds()
    for _ in range(most):
        if time.monotonic() > give_up:
            break
        row = _claim(now)
        if row is None:
            break
        sent += _send(row, now=now)
    return sent


def _claim(now: datetime) -> Notification | None:
    """Take the next row that is due, or whose sender died, for this process alone."""
    due = Q(state=NotificationState.PLANNED, next_try_at__lte=now)
    stuck = Q(state=NotificationState.SENDING, claimed_at__lte=now - CLAIM_LASTS)
    with transaction.atomic():
        row = (
            Notification.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("event", "event__study", "recipient")
            .filter(due | stuck)
            .order_by("-is_urgent", "id")
            .first()
        )
        if row is None:
            return None
        row.state, row.claimed_at = NotificationState.SENDING, now
        row.attempts += 1
        row.save(update_fields=["state", "claimed_at", "attempts"])
    return row


def _send(row: Notification, *, now: datetime) -> int:
    """Send one row. Whatever is wrong with it, the rows after it are still sent."""
    try:
        if not row.recipient.email:
            raise ValueError("the account has no address")
        compose(row).send()
    except Exception as error:
        _put_back(row, error, now=now)
        return 0
    row.state, row.sent_at, row.failure = NotificationState.SENT, now, ""
    row.save(update_fields=["state", "sent_at", "failure"])
    return 1


def _put_back(row: Notification, error: Exception, *, now: datetime) -> None:
    has_tries = row.attempts < MOST_ATTEMPTS
    row.state = NotificationState.PLANNED if has_tries else NotificationState.FAILED
    row.next_try_at = now + FIRST_RETRY * 2**row.attempts
    row.failure = f"{type(error).__name__}: {error}"[:500]
    row.save(update_fields=["state", "next_try_at", "failure"])
    log.warning("notification_not_sent", notification=row.pk, error=type(error).__name__)


def compose(row: Notification) -> EmailMessage:
    """The mail of a notification, with the gates before the next seat as they are when it is sent.

    Subjects are named by number only; details need a log-in.

    Numbers of another site's people are taken out. What a person typed (`detail` of the event, the
    end of its sentence) stays out of the mail.
    """
    event = row.event
    cover = import_string(settings.NTRUST_COVER)
    said = cover(row.recipient, event.study, _without_detail(event))
    marks = [
        "TRAINING" if settings.NTRUST_MODE == "training" else "",
        "URGENT" if row.is_urgent else "",
    ]
    prefix = " ".join(f"[{mark}]" for mark in marks if mark)
    subject = f"{prefix} {event.study.protocol_number}: {said}"
    gates = _gates(row)
    return EmailMessage(
        subject=" ".join(subject.split())[:180],
        body=(
            f"{said}\n\n"
            f"Study {event.study.protocol_number}, {event.at:%d-%b-%Y %H:%M} UTC.\n"
            + (f"\n{gates}\n\n" if gates else "")
            + "Log in to see what it changes and what to do.\n"
        ),
        to=[row.recipient.email],
        headers={"X-Ntrust-Notification": str(row.pk)},
    )


def _gates(row: Notification) -> str:
    """The gates in words. An alert goes out without them rather than not at all."""
    in_words = import_string(settings.NTRUST_GATES)
    try:
        return str(in_words(row.recipient, row.event.study, now=clock.now()))
    except Exception:
        log.exception("gates_not_in_mail", notification=row.pk)
        return ""


def _without_detail(event: Event) -> str:
    detail = str(event.data.get("detail", ""))
    if not detail:
        return event.sentence
    return event.sentence.removesuffix(detail).rstrip(" :") + "."
