"""What the medical monitor is asked about a conditioned participant, and what an answer opens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from cohorts.models import Cohort, DoseLevel
from cohorts.policies import hold_gate, hold_gates, holds_on
from cohorts.states import HoldState, ParticipantState
from dosing.models import Course, Infusion, MonitorCall
from dosing.policies.lymphodepletion import level_open
from dosing.states import LETS_THROUGH, CallAnswer, CallKind, CallState, InfusionState
from ntrust.errors import Gate, Refused
from ntrust.models import Study

_UNDECIDED = (InfusionState.PLANNED, InfusionState.HELD)
_MONITOR = "medical monitor"
_CONDITIONED = Course.objects.filter(
    participant__state__in=[ParticipantState.CONDITIONING, ParticipantState.FOLLOW_UP],
    infusions__number=1,
    infusions__state__in=_UNDECIDED,
)


def conditioned_courses(study: Study) -> QuerySet[Course]:
    """Courses past the point of no return: begun, infusion 1 neither given nor missed, the
    participant still in the study."""
    return _CONDITIONED.filter(participant__study=study).select_related(
        "participant__site", "participant__protocol_version", "level"
    )


def unasked_old_courses(*, now: datetime) -> QuerySet[Course]:
    """Courses of any study whose lymphodepletion is too old, and no call says so."""
    asked = MonitorCall.objects.filter(kind=CallKind.LD_OLD).exclude(state=CallState.MOOT)
    return _CONDITIONED.filter(old_at__lte=now).exclude(pk__in=asked.values("course"))


def hold_gates_for_infusion(infusion: Infusion) -> list[Gate]:
    """One gate a hold in force. A call answered with proceed, or with a lower dose, clears its
    own hold for infusion 1 of that course; for no later infusion and no other hold."""
    course = infusion.course
    participant, level = course.participant, course.level.ordinal
    study, site = participant.study, participant.site
    holds = holds_on(study, level=level, site=site, participant=participant)
    if not holds:
        return hold_gates(study, level=level, site=site)
    calls = latest_calls(course.monitor_calls.filter(kind=CallKind.HOLD))
    return [
        _after_call(hold_gate(hold), calls.get(hold.pk) if infusion.number == 1 else None)
        for hold in holds
    ]


def lymphodepletion_recent(infusion: Infusion, *, now: datetime) -> Gate:
    """The first cells of a course come before lymphodepletion is too old, or after a call."""
    course, rule = infusion.course, "lymphodepletion_recent"
    has_begun = course.infusions.filter(state=InfusionState.GIVEN).exists()
    if has_begun or course.old_at is None or now < course.old_at:
        return Gate(rule, True, "Lymphodepletion is recent enough.")
    sentence = f"Lymphodepletion is too old since {course.old_at:%d-%b-%Y %H:%M} UTC."
    calls = latest_calls(course.monitor_calls.filter(kind=CallKind.LD_OLD))
    return _after_call(Gate(rule, False, sentence, None, _MONITOR), calls.get(None))


def latest_calls(calls: Iterable[MonitorCall]) -> dict[int | None, MonitorCall]:
    """The last call about each hold; the key None has the one about old lymphodepletion."""
    return {call.hold_id: call for call in sorted(calls, key=lambda call: call.pk)}


def _after_call(gate: Gate, call: MonitorCall | None) -> Gate:
    """The gate as the monitor's answer leaves it."""
    if call is None or call.state == CallState.MOOT:
        return gate
    if call.state == CallState.RAISED:
        asked = f"The medical monitor's answer is due {call.due_at:%d-%b-%Y %H:%M} UTC."
        return replace(gate, sentence=f"{gate.sentence} {asked}")
    assert call.signature is not None
    said = (
        f"{call.signature.printed_name} answered on {call.answered_at:%d-%b-%Y %H:%M} UTC: "
        f"{CallAnswer(call.answer).label}."
    )
    is_clear = call.answer in LETS_THROUGH
    return replace(
        gate,
        is_clear=is_clear,
        sentence=f"{gate.sentence} {said}",
        who_can_clear="" if is_clear else _MONITOR,
    )


def dose_level_open(infusion: Infusion) -> Gate:
    """No answer and no lifted hold lets a dose through that two DLTs have closed."""
    course = infusion.course
    return level_open(course.participant.study, course.level)


def check_answer(call: MonitorCall, *, answer: str, lower_to: DoseLevel | None) -> None:
    """Refuse an answer to a question that is over, and one that would give a closed dose.

    `lower_to` belongs to a lower dose and to nothing else: below the course's level, opened by a
    decision, and not closed by DLTs.
    """
    study = call.participant.study
    is_open = conditioned_courses(study).filter(pk=call.course_id).exists()
    is_held = call.hold is None or call.hold.state == HoldState.PLACED
    if call.state == CallState.MOOT or not (is_open and is_held):
        raise Refused("call_over", "The question is over: nothing waits for this answer.")
    if (answer == CallAnswer.LOWER_DOSE) != (lower_to is not None):
        raise Refused("level_needed", "A lower dose names its level; no other answer names one.")
    if lower_to is not None:
        _check_lower(call.course, lower_to)
    if answer in LETS_THROUGH:
        gate = level_open(study, lower_to or call.course.level)
        if not gate.is_clear:
            raise Refused("level_closed", f"{gate.sentence} This dose cannot be given.", [gate])


def _check_lower(course: Course, lower_to: DoseLevel) -> None:
    level = course.level
    if lower_to.study_id != level.study_id:
        raise Refused("not_found", "There is no such level in this study.")
    if lower_to.dose >= level.dose:
        raise Refused("not_lower", f"Level {lower_to.ordinal} is not a lower dose.")
    if course.cycle != 1:
        raise Refused("not_lower", "The dose of a later cycle is that of its own level.")
    if not Cohort.objects.filter(level=lower_to, opened_at__isnull=False).exists():
        raise Refused(
            "level_not_opened", f"No signed decision has opened level {lower_to.ordinal} yet."
        )


def call_content(call: MonitorCall) -> dict[str, Any]:
    """What the signature under an answer is bound to."""
    return {
        "call": call.pk,
        "participant": str(call.participant),
        "answer": call.answer,
        "level": call.lower_to.ordinal if call.lower_to else None,
        "why": call.reason,
    }
