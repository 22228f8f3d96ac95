"""Calls to the medical monitor: the open ones first, by the time that is left."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from cohorts.queries import Viewer
from dosing.models import MonitorCall
from dosing.policies import call_content
from dosing.states import CallAnswer, CallState
from ntrust.signing import SignatureStatus, signature_status
from ntrust.states import Role

_READERS = {Role.STUDY_MANAGER.label, Role.MEDICAL_MONITOR.label, Role.AUDITOR.label}


@dataclass(frozen=True)
class CallRow:
    """One call. `hours` since lymphodepletion began; `answer` empty while it is owed."""

    number: int
    subject: str
    screening_number: str
    site: str
    level: int
    question: str
    hold: str
    hours: int
    planned_infusion_at: datetime | None
    raised_at: datetime
    due_at: datetime
    is_open: bool
    is_overdue: bool
    answer: str
    signature: SignatureStatus | None


def may_read_calls(viewer: Viewer) -> bool:
    """Manager, monitor and auditor."""
    return bool(_READERS & set(viewer.roles))


def find_call(viewer: Viewer, number: int) -> MonitorCall | None:
    """The call of that number in this study, for those who read calls."""
    if not may_read_calls(viewer):
        return None
    calls = MonitorCall.objects.select_related(
        "participant__study", "participant__site", "course__level", "hold"
    )
    return calls.filter(participant__study=viewer.study, pk=number).first()


def list_calls(viewer: Viewer, *, now: datetime) -> list[CallRow]:
    """Open calls by the hour they are due, then the others, newest first. One statement."""
    calls = MonitorCall.objects.filter(participant__study=viewer.study).select_related(
        "participant__site", "course__level", "hold", "signature", "lower_to"
    )
    rows = [_row(call, now) for call in calls]
    waiting = sorted((row for row in rows if row.is_open), key=lambda row: row.due_at)
    over = sorted((row for row in rows if not row.is_open), key=lambda row: -row.number)
    return [*waiting, *over]


def _row(call: MonitorCall, now: datetime) -> CallRow:
    answer = call.moot_because
    if call.state == CallState.ANSWERED:
        answer = f"{CallAnswer(call.answer).label}: {call.reason}"
    return CallRow(
        number=call.pk,
        subject=str(call.participant),
        screening_number=call.participant.screening_number,
        site=call.participant.site.code,
        level=call.course.level.ordinal,
        question=call.get_kind_display(),
        hold=call.hold.reason if call.hold else "",
        hours=(now - call.course.started_at) // timedelta(hours=1),
        planned_infusion_at=call.course.planned_infusion_at,
        raised_at=call.raised_at,
        due_at=call.due_at,
        is_open=call.state == CallState.RAISED,
        is_overdue=call.state == CallState.RAISED and call.due_at < now,
        answer=answer,
        signature=signature_status(call.signature, call_content(call)) if call.signature else None,
    )
