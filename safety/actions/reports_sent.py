"""That a serious event's expedited report was sent: elsewhere, and recorded here."""

from __future__ import annotations

from datetime import UTC, datetime

from cohorts.policies import document_of
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Event, User
from ntrust.policies import check_role
from ntrust.states import Role
from safety.actions.telling import record_of
from safety.models import AdverseEvent
from safety.policies.serious import (
    ABOUT_CLOCKS,
    SENT,
    TO_SPONSOR,
    WITHDRAWN,
    Key,
    follow_clocks,
    name_clock,
)

_SENDERS = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)


def record_report_sent(
    event: AdverseEvent,
    *,
    days: int,
    sent_at: datetime,
    reason: str,
    by: User,
    now: datetime | None = None,
) -> AdverseEvent:
    """Record when the report of one clock was sent: nobody is reminded of that clock any more.

    `days`: the clock's calendar days; 0 for the site's hours to the sponsor. Refuses a blank
    reason, which says where it is filed; an event that is not serious and a clock that does not run
    (`no_such_clock`); a report that is recorded (`already_sent`); one in the future (`future_date`)
    or before the event began (`impossible_order`).
    """
    study = event.participant.study
    check_role(by, study, _SENDERS)
    if not reason.strip():
        raise Refused("reason_needed", "Say to whom it was sent, and where it is filed.")
    with study_change(study, by=by, reason=reason.strip(), now=now) as change:
        event = _read(event)
        started, sent = _course(change, event)
        if not _runs(event, days, started):
            raise Refused("no_such_clock", "This event has no such clock.")
        if (event.pk, days) in sent:
            raise Refused("already_sent", "This report is recorded: take that back first.")
        if sent_at > change.now:
            raise Refused("future_date", "This time lies in the future.")
        if sent_at < event.onset_at:
            raise Refused("impossible_order", "No report is sent before its event began.")
        at = f"{sent_at.astimezone(UTC):%d-%b-%Y %H:%M} UTC"
        said = f"the report of a serious event ({name_clock(days)}) was sent {at}: "
        _record(change, event, SENT, said, days=days, sent_at=sent_at.isoformat())
    return event


def withdraw_report_sent(
    event: AdverseEvent, *, days: int, reason: str, by: User, now: datetime | None = None
) -> AdverseEvent:
    """Take back that a report was sent: its clock runs on, and people are reminded again. Refuses a
    blank reason, and a report that is not recorded (`not_sent`)."""
    study = event.participant.study
    check_role(by, study, _SENDERS)
    if not reason.strip():
        raise Refused("reason_needed", "Say what was wrong.")
    with study_change(study, by=by, reason=reason.strip(), now=now) as change:
        event = _read(event)
        if (event.pk, days) not in _course(change, event)[1]:
            raise Refused("not_sent", "No such report is recorded.")
        said = f"the report of a serious event ({name_clock(days)}) was not sent after all: "
        _record(change, event, WITHDRAWN, said, days=days)
    return event


def _read(event: AdverseEvent) -> AdverseEvent:
    rows = AdverseEvent.objects.select_related("participant__site", "participant__protocol_version")
    return rows.get(pk=event.pk)


def _course(change: Change, event: AdverseEvent) -> tuple[dict[Key, datetime], set[Key]]:
    told = Event.objects.filter(
        study=change.study, kind__in=ABOUT_CLOCKS, data__event=event.pk
    ).order_by("id")
    return follow_clocks(told.values_list("kind", "data"))


def _runs(event: AdverseEvent, days: int, started: dict[Key, datetime]) -> bool:
    if not event.is_serious:
        return False
    if days == TO_SPONSOR:
        document = document_of(event.participant.protocol_version)
        return document.safety_reporting.to_sponsor is not None
    return (event.pk, days) in started


def _record(change: Change, event: AdverseEvent, kind: str, said: str, **data: object) -> None:
    why = change.reason
    record_of(change, event.participant, kind, f"{said}{why}", event=event.pk, detail=why, **data)
