"""A person says that they have read of an event, or that they know of it and see to it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from ntrust.change import Change
from ntrust.errors import Refused
from ntrust.hints import say
from ntrust.models import Notification, Site, User
from ntrust.notifications.chains import chain_of, lock_rows_of
from ntrust.policies import check_acknowledge
from ntrust.states import AcknowledgedWhere


def acknowledge(
    notification: Notification, *, by: User, where: AcknowledgedWhere, now: datetime
) -> Notification:
    """Say that one knows. One word is that of the whole group and of all told in its place.

    Refuses anybody but the person who was told (`wrong_role`), one whose account is closed or whose
    role has ended (`role_ended`), what nobody waits for (`not_awaited`), and a second word
    (`already_acknowledged`), from whomever of them the first one came.
    """
    with transaction.atomic():
        lock_rows_of([notification.event_id])
        row = Notification.objects.select_related("event__study").get(pk=notification.pk)
        check_acknowledge(row, by=by)
        row.acknowledged_at, row.acknowledged_where = now, where
        row.read_at = row.read_at or now
        row.save(update_fields=["acknowledged_at", "acknowledged_where", "read_at"])
        _answer(row, now=now)
        study = row.event.study
        transaction.on_commit(partial(say, study.key, study.revision), robust=True)
    return row


def _answer(row: Notification, *, now: datetime) -> None:
    """Note with everybody of the chain whose word it was; nobody else is told."""
    chain = Notification.objects.filter(pk__in=[one.pk for one in chain_of(row).rows])
    chain.update(answer=row)
    chain.filter(seen_to_at__isnull=True).update(seen_to_at=now)


def answer_by_act(
    change: Change, *, kinds: Iterable[str], role: str, site: Site, by: User, **data: Any
) -> None:
    """What somebody did about events answers for the group of their role at their site.

    `data` finds the events. Whoever was not told of them has no word to give; nobody is told in
    the group's place then either.
    """
    rows = Notification.objects.filter(
        event__study=change.study,
        event__kind__in=kinds,
        event__data__contains=data,
        role=role,
        site=site,
        answer__isnull=True,
        acknowledge_by__isnull=False,
    )
    lock_rows_of(sorted(set(rows.values_list("event_id", flat=True))))
    for row in rows.filter(recipient=by).order_by("id"):
        row.acknowledged_at, row.acknowledged_where = change.now, AcknowledgedWhere.INBOX
        row.read_at = row.read_at or change.now
        row.save(update_fields=["acknowledged_at", "acknowledged_where", "read_at"])
        _answer(row, now=change.now)
    rows.filter(seen_to_at__isnull=True).update(seen_to_at=change.now)


def mark_read(notification: Notification, *, by: User, now: datetime) -> Notification:
    """Note that somebody has opened what they were told of; once. Refuses (`wrong_role`) others."""
    if notification.recipient_id != by.pk:
        raise Refused("wrong_role", "This alert is somebody else's.")
    with transaction.atomic():
        row = Notification.objects.select_for_update(no_key=True).get(pk=notification.pk)
        if row.read_at is None:
            row.read_at = now
            row.save(update_fields=["read_at"])
    return row
