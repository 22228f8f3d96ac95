"""When nobody answers: the next one is told, until somebody answers or nobody is left.

One of the moments that pass. Each step gets its own time, counted from when it was told, so that a
time in which the service was down shortens nobody's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import QuerySet

from ntrust.change import Change
from ntrust.models import Delivery, Notification, Study, User
from ntrust.notifications import plan_deliveries
from ntrust.notifications.chains import (
    UNHEARD,
    Chain,
    brief,
    chains_of,
    due_alerts,
    lock_rows_of,
)
from ntrust.notifications.rota import Rota, read_rota, without
from ntrust.states import SITE_ROLES, DeliveryState, Role

ABOUT_ALERTS: Final = ("ALERT_ESCALATED", "ALERT_UNANSWERED")
"""Nobody is told that nobody answered what says that nobody answered."""


def pass_on_alerts(change: Change) -> None:
    """Tell the next one of each alert that nobody answered in time or that reached nobody.

    First the deputies of those who were told; then, each after as many minutes again, the roles
    that the rule names, those on call first; nobody twice of one event. When nobody is left, that
    is said.
    """
    if change.study.is_replay:
        return
    due = due_alerts(now=change.now).filter(event__study=change.study)
    events = sorted(set(due.values_list("event_id", flat=True)))
    if not events:
        return
    lock_rows_of(events)
    rota = read_rota(change.study, now=change.now)
    rows = Notification.objects.filter(event_id__in=events).select_related(
        "event__site", "recipient", "site"
    )
    told: dict[int, list[Notification]] = {}
    for row in rows:
        told.setdefault(row.event_id, []).append(row)
    lost = _lost(rows)
    for each in told.values():
        for chain in chains_of(each):
            _see_to(change, chain, rota, each, lost=lost)


def _lost(rows: QuerySet[Notification]) -> set[int]:
    """Those of which every delivery has failed for good, but for a chat that is still tried."""
    sent: dict[int, set[str]] = {}
    found = Delivery.objects.filter(notification__in=rows).exclude(UNHEARD)
    pairs = found.values_list("notification_id", "state")
    for row, state in pairs:
        if row is not None:
            sent.setdefault(row, set()).add(state)
    return {row for row, states in sent.items() if states == {DeliveryState.FAILED}}


def _see_to(
    change: Change, chain: Chain, rota: Rota, told: list[Notification], *, lost: set[int]
) -> None:
    """Pass one group's alert on, if its time has come."""
    waiting = [row for row in chain.last if row.seen_to_at is None]
    if not waiting:
        return
    if chain.answer is not None:
        _mark(change, chain)
        return
    is_lost = all(row.pk in lost for row in chain.last)
    if not is_lost and not _is_late(chain, now=change.now):
        return
    step = next(_steps(change.study, chain, rota, told), None)
    _mark(change, chain)
    if chain.rows[0].event.kind in ABOUT_ALERTS:
        return
    if step is None:
        _record_nobody_left(change, chain, is_lost=is_lost)
    else:
        told += _tell(change, chain, step)
        _record_passed_on(change, chain, step, is_lost=is_lost)


def _is_late(chain: Chain, *, now: datetime) -> bool:
    awaited = [row.acknowledge_by for row in chain.last if row.acknowledge_by is not None]
    return bool(awaited) and max(awaited) <= now


@dataclass(frozen=True)
class Step:
    """Who is told next: person to the notification in whose place, and as what."""

    people: Mapping[int, Notification]
    role: str
    site_id: int | None


def _steps(study: Study, chain: Chain, rota: Rota, told: list[Notification]) -> Iterator[Step]:
    """What could come next, the nearest first; only people who do not know of the event yet."""
    known = [row.recipient_id for row in told]
    firsts = [row for row in chain.rows if row.step == 0]
    deputies = {rota.deputy(row.recipient_id): row for row in reversed(firsts)}
    new = without((one for one in deputies if one is not None), known)
    if new:
        yield Step({one: deputies[one] for one in new}, chain.role, chain.site_id)
    before = chain.last[0]
    roles = _rule(study, chain).get("then", ())
    for who in (rota.called, rota.in_role):
        for role in roles:
            new = without(who(role, chain.site_id), known)
            if new:
                site = chain.site_id if role in SITE_ROLES else None
                yield Step(dict.fromkeys(new, before), role, site)


def _rule(study: Study, chain: Chain) -> dict[str, Any]:
    """What the protocol in force says of a word about such events."""
    rule: dict[str, Any] = study.notification_rules.get(chain.rows[0].event.kind, {})
    return rule.get("acknowledge") or {}


def _minutes(study: Study, chain: Chain) -> timedelta | None:
    """How long the next ones have: as the rule says now, else as long as the first ones had."""
    first = chain.rows[0]
    if first.acknowledge_by is None:
        return None
    rule = _rule(study, chain)
    return timedelta(minutes=rule["minutes"]) if rule else first.acknowledge_by - first.planned_at


def _tell(change: Change, chain: Chain, step: Step) -> list[Notification]:
    lasts = _minutes(change.study, chain)
    rows = Notification.objects.bulk_create(
        Notification(
            event=chain.rows[0].event,
            recipient_id=person,
            role=step.role,
            site_id=step.site_id,
            is_urgent=chain.rows[0].is_urgent,
            planned_at=change.now,
            acknowledge_by=change.now + lasts if lasts else None,
            step=chain.last[0].step + 1,
            in_place_of=before,
        )
        for person, before in step.people.items()
    )
    plan_deliveries(rows, now=change.now)
    return rows


def _mark(change: Change, chain: Chain) -> None:
    keys = [row.pk for row in chain.rows if row.seen_to_at is None]
    Notification.objects.filter(pk__in=keys).update(seen_to_at=change.now)


def _record_passed_on(change: Change, chain: Chain, step: Step, *, is_lost: bool) -> None:
    names = _names(step.people)
    said = f"{_silence(chain, is_lost=is_lost)} Told in their place: {names}."
    _record(change, chain, "ALERT_ESCALATED", said, told=sorted(step.people))


def _record_nobody_left(change: Change, chain: Chain, *, is_lost: bool) -> None:
    said = f"{_silence(chain, is_lost=is_lost)} Nobody is left to tell: call them."
    _record(change, chain, "ALERT_UNANSWERED", said, told=[])


def _record(change: Change, chain: Chain, kind: str, said: str, *, told: list[int]) -> None:
    event = chain.rows[0].event
    change.record(
        kind,
        said,
        level=event.level,
        site=chain.rows[0].site or event.site,
        event=event.pk,
        role=chain.role,
        told=told,
    )


def _silence(chain: Chain, *, is_lost: bool) -> str:
    """That nobody answered, of whom and until when."""
    first, last = chain.rows[0], chain.last
    role = Role(chain.role).label if chain.role else "recipient"
    where = f" at {first.site.code}" if first.site else ""
    who = f"{role}{where}"
    if first.step != last[0].step:
        who += f", nor from {', '.join(sorted({str(row.recipient) for row in last}))}"
    what = f"“{brief(first.event)}”"
    if is_lost:
        return f"{what} could not be delivered to the {who}."
    until = max(row.acknowledge_by for row in last if row.acknowledge_by is not None)
    return f"No word on {what} from the {who} by {until:%d-%b-%Y %H:%M} UTC."


def _names(people: Mapping[int, Notification]) -> str:
    found = User.objects.in_bulk(list(people))
    return ", ".join(str(found[one]) for one in people)
