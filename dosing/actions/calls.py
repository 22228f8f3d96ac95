"""Calls to the medical monitor: raised and dropped by the service, answered and signed."""

from __future__ import annotations

from datetime import datetime, timedelta

from cohorts.actions import move_to_level
from cohorts.actions.holds import DLT_NEWS
from cohorts.models import DoseLevel, Hold
from cohorts.policies import document_of, holds_on_each
from cohorts.states import HoldState
from dosing.actions.facts import push_facts, record_course
from dosing.models import Course, Infusion, MonitorCall
from dosing.policies import call_content, check_answer, conditioned_courses
from dosing.states import (
    LETS_THROUGH,
    MONITOR_CALL,
    CallAnswer,
    CallKind,
    CallState,
    InfusionState,
)
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.signing import content_hash, sign
from ntrust.states import Role

_HOUR = timedelta(hours=1)


def follow_calls(change: Change) -> None:
    """After the rules: drop questions that are over, and ask once about each hold on a conditioned
    participant and about lymphodepletion that has become too old. News of a DLT asks again about a
    hold that an answer of before lets through."""
    courses = {course.pk: course for course in conditioned_courses(change.study)}
    _drop_moot(change, courses)
    calls = MonitorCall.objects.filter(course__in=courses).exclude(state=CallState.MOOT)
    calls = calls.select_related("course__level")
    asked = {(it.course_id, it.hold_id) for it in calls if not _is_overtaken(change, it)}
    people = {course.pk: (course.level.ordinal, course.participant) for course in courses.values()}
    holds = holds_on_each(change.study, people)
    for course in courses.values():
        for hold in holds[course.pk]:
            if (course.pk, hold.pk) not in asked:
                _raise(change, course, kind=CallKind.HOLD, hold=hold)
        is_old = course.old_at is not None and course.old_at <= change.now
        if is_old and (course.pk, None) not in asked:
            _raise(change, course, kind=CallKind.LD_OLD, hold=None)


def _is_overtaken(change: Change, call: MonitorCall) -> bool:
    """Whether it was answered with proceed before a DLT of this change, at the level or below."""
    return (
        call.hold_id is not None
        and call.answer in LETS_THROUGH
        and any(
            it.kind in DLT_NEWS and it.level is not None and it.level <= call.course.level.ordinal
            for it in change.happenings
        )
    )


def _raise(change: Change, course: Course, *, kind: CallKind, hold: Hold | None) -> MonitorCall:
    limits = document_of(course.participant.protocol_version).lymphodepletion_limits
    call = MonitorCall.objects.create(
        participant=course.participant,
        course=course,
        kind=kind,
        hold=hold,
        raised_at=change.now,
        due_at=change.now + timedelta(hours=limits.call_hours),
    )
    hours = (change.now - course.started_at) // _HOUR
    record_course(
        change,
        course,
        "MONITOR_CALL",
        f"{kind.label}, {hours} h since it began. The medical monitor's answer is due "
        f"{call.due_at:%d-%b-%Y %H:%M} UTC.",
    )
    return call


def _drop_moot(change: Change, courses: dict[int, Course]) -> None:
    """Open questions whose hold was lifted, whose infusion 1 was decided, or who has left."""
    waiting = MonitorCall.objects.filter(
        participant__study=change.study, state=CallState.RAISED
    ).select_related("hold")
    for call in waiting:
        if call.course_id not in courses:
            because = "Infusion 1 no longer waits for an answer."
        elif call.hold is not None and call.hold.state == HoldState.LIFTED:
            because = "The hold was lifted."
        else:
            continue
        MONITOR_CALL.check(call.state, CallState.MOOT)
        call.state, call.moot_because = CallState.MOOT, because
        call.save(update_fields=["state", "moot_because"])


def answer_call(  # noqa: PLR0913 - the monitor's word, signed
    call: MonitorCall,
    *,
    answer: str,
    reason: str,
    by: User,
    password: str,
    lower_to: DoseLevel | None = None,
    now: datetime | None = None,
) -> MonitorCall:
    """Answer a call, signed: proceed, proceed at a lower dose, or hold. Medical monitor's action.

    A call answered before may be answered again while its question is open: the new answer is a new
    row, and the last one is in force. Refuses a blank reason, an answer to a question that is over
    (`call_over`), and a dose that DLTs have closed (`level_closed`).
    """
    study = call.participant.study
    role = check_role(by, study, [Role.MEDICAL_MONITOR])
    if not reason.strip():
        raise Refused("reason_needed", "Say why.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        call = _lock(call)
        word = CallAnswer(answer)
        check_answer(call, answer=word, lower_to=lower_to)
        if call.state == CallState.ANSWERED:
            call = _ask_again(change, call)
        MONITOR_CALL.check(call.state, CallState.ANSWERED)
        call.state, call.answer, call.reason = CallState.ANSWERED, word, reason.strip()
        call.lower_to, call.answered_at, call.answered_by = lower_to, change.now, by
        call.signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning=f"call about {call.participant}: {word.label}",
            hash_of=content_hash(call_content(call)),
        )
        call.save(update_fields=_ANSWER)
        if lower_to is not None:
            _lower_dose(change, call.course, lower_to)
        what = f"the medical monitor's answer is: {word.label}: {call.reason}"
        record_course(change, call.course, "CALL_ANSWERED", what, detail=call.reason)
    return call


_ANSWER = [
    "signature",
    "state",
    "answer",
    "reason",
    "lower_to",
    "answered_at",
    "answered_by",
]


def _lock(call: MonitorCall) -> MonitorCall:
    return MonitorCall.objects.select_related(
        "hold", "course__level", "course__participant__site", "participant__protocol_version"
    ).get(pk=call.pk)


def _ask_again(change: Change, answered: MonitorCall) -> MonitorCall:
    """A row for the new answer. Refuses (`call_over`) where a later row has the question."""
    same = MonitorCall.objects.filter(
        course=answered.course, kind=answered.kind, hold=answered.hold, pk__gt=answered.pk
    )
    if same.exists():
        raise Refused("call_over", "This was answered again since: look at the last answer.")
    return MonitorCall.objects.create(
        participant=answered.participant,
        course=answered.course,
        kind=answered.kind,
        hold=answered.hold,
        raised_at=change.now,
        due_at=change.now + _HOUR,
    )


def _lower_dose(change: Change, course: Course, level: DoseLevel) -> None:
    """Before infusion 1 a lower dose moves seat and count with it: the course is one of that level
    from now on (protocol section "Dose assignment")."""
    move_to_level(change, course.participant, level=level)
    course.level = level
    course.save(update_fields=["level"])
    waiting = Infusion.objects.filter(
        course=course, state__in=[InfusionState.PLANNED, InfusionState.HELD]
    )
    for infusion in waiting:
        infusion.assigned_cells = level.dose
        infusion.save(update_fields=["assigned_cells"])
    push_facts(change, course)
