"""Whom to tell of an event, by which channel and until when they have to say that they know.

The study's rules say it (protocol data); rows are written in the event's own transaction.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.db.models import Q, QuerySet

from ntrust.models import (
    Chat,
    Delivery,
    Endpoint,
    Event,
    Membership,
    Notification,
    Preference,
    Study,
)
from ntrust.notifications.chats import allowed_services
from ntrust.notifications.nudging import nudge
from ntrust.notifications.rota import read_away, read_rota
from ntrust.states import SITE_ROLES, Channel, EndpointState, Role

IN_ORDER: Final = frozenset({"HOLD_PLACED", "HOLD_LIFTED"})
"""What reaches each person in the order in which it happened."""
LAST_RESORT: Final = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)


def plan_notifications(study: Study, events: Iterable[Event], *, now: datetime) -> None:
    """Plan one notification an event and recipient, by the study's rules, and one message an event
    and webhook that hears of its kind; nudge the worker."""
    events = list(events)
    rows = [
        _notification(event, member, study.notification_rules[event.kind], now=now)
        for event in events
        if event.kind in study.notification_rules
        for member in _recipients(study, event) or _last_resort(study, event)
    ]
    if events:
        plan_webhooks(study, events, now=now)
    _hurry(rows)
    rows += _stand_ins(study, rows, now=now)
    if rows:
        plan_deliveries(Notification.objects.bulk_create(rows), now=now)


def plan_webhooks(study: Study, events: Iterable[Event], *, now: datetime) -> None:
    """Plan a message for every webhook that hears of an event, and nudge the worker."""
    endpoints = Endpoint.objects.filter(study=study, state=EndpointState.ACTIVE)
    made = [
        Delivery(
            endpoint=endpoint,
            event=event,
            channel=Channel.WEBHOOK,
            is_urgent=bool(study.notification_rules.get(event.kind, {}).get("urgent")),
            lane=f"webhook/{endpoint.pk}" if event.kind in IN_ORDER else "",
            planned_at=now,
            next_try_at=now,
        )
        for endpoint in endpoints
        for event in events
        if not endpoint.kinds or event.kind in endpoint.kinds
    ]
    if made:
        Delivery.objects.bulk_create(made)
        transaction.on_commit(nudge, robust=True)


def plan_deliveries(rows: Iterable[Notification], *, now: datetime) -> None:
    """Plan a mail for each notification that does not wait for a digest, and of an urgent one a
    message to the person's own chat as well; nudge the worker."""
    awake = [row for row in rows if not row.waits_for_digest]
    chats = _chats_of(row for row in awake if row.is_urgent)
    ways: list[tuple[Notification, dict[str, Any]]] = [
        (row, {"channel": Channel.MAIL}) for row in awake
    ]
    ways += [
        (row, {"channel": Channel.CHAT, "chat_id": chats[row.recipient_id]})
        for row in awake
        if row.is_urgent and row.recipient_id in chats
    ]
    made = [
        Delivery(
            notification=row,
            is_urgent=row.is_urgent,
            lane=_lane(row),
            planned_at=now,
            next_try_at=now,
            **way,
        )
        for row, way in ways
    ]
    if made:
        Delivery.objects.bulk_create(made)
        transaction.on_commit(nudge, robust=True)


def _chats_of(rows: Iterable[Notification]) -> dict[int, int]:
    """The chat of each person who has one."""
    people = {row.recipient_id for row in rows}
    if not people or not allowed_services():
        return {}
    found = Chat.objects.filter(user__in=people).exclude(target="")
    return dict(found.values_list("user_id", "pk"))


def _notification(
    event: Event, member: Membership, rule: dict[str, Any], *, now: datetime
) -> Notification:
    awaited = rule.get("acknowledge")
    return Notification(
        event=event,
        recipient=member.user,
        role=member.role,
        site=member.site,
        is_urgent=bool(rule.get("urgent")),
        waits_for_digest=rule.get("when") == "digest",
        planned_at=now,
        acknowledge_by=now + timedelta(minutes=awaited["minutes"]) if awaited else None,
    )


def _hurry(rows: Iterable[Notification]) -> None:
    """Do not keep for the digest what is for people who want it at once."""
    waiting = [row for row in rows if row.waits_for_digest]
    if not waiting:
        return
    people = {row.recipient_id for row in waiting}
    chosen = Preference.objects.filter(user__in=people, mails_at_once=True)
    hurried = set(chosen.values_list("user_id", flat=True))
    for row in waiting:
        row.waits_for_digest = row.recipient_id not in hurried


def _stand_ins(study: Study, rows: list[Notification], *, now: datetime) -> list[Notification]:
    """The same for whoever stands in for somebody who is away, as well and at once."""
    awake = [row for row in rows if not row.waits_for_digest]
    away = read_away(study, now=now) if awake else {}
    absent = [row for row in awake if row.recipient_id in away]
    if not absent:
        return []
    rota, made = read_rota(study, now=now), []
    told = {(row.event_id, row.recipient_id) for row in rows}
    for row in absent:
        person = rota.stand_in(row.recipient_id)
        if person is not None and (row.event_id, person) not in told:
            told.add((row.event_id, person))
            meant = copy(row)
            meant.recipient_id = person
            made.append(meant)
    return made


def _lane(row: Notification) -> str:
    event = row.event
    return f"{event.study_id}/{row.recipient_id}" if event.kind in IN_ORDER else ""


def _recipients(study: Study, event: Event) -> list[Membership]:
    """The people of the rule's roles, each once: as what they are by their oldest role."""
    rule: dict[str, Any] = study.notification_rules[event.kind]
    members = Membership.objects.filter(
        study=study, role__in=rule["roles"], revoked_at__isnull=True, user__is_active=True
    )
    if rule.get("scope") == "site" and event.site_id:
        members = members.filter(~Q(role__in=SITE_ROLES) | Q(site_id=event.site_id))
    return _each_once(members)


def _last_resort(study: Study, event: Event) -> list[Membership]:
    """Who hears of an urgent event when nobody is left in the roles of its rule: the study's
    managers and monitors. That a role has nobody in it stands on the manager's home before."""
    if not study.notification_rules[event.kind].get("urgent"):
        return []
    return _each_once(
        Membership.objects.filter(
            study=study, role__in=LAST_RESORT, revoked_at__isnull=True, user__is_active=True
        )
    )


def _each_once(members: QuerySet[Membership]) -> list[Membership]:
    found: dict[int, Membership] = {}
    for member in members.select_related("user", "site").order_by("user_id", "id"):
        found.setdefault(member.user_id, member)
    return list(found.values())
