"""What becomes of an event: another grade, its end, what was missing at first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role
from safety.actions.events import put_details
from safety.actions.telling import record_of
from safety.models import AdverseEvent, EventGrade
from safety.policies import EventDetails, check_step, course_of, settle_grade


def add_grade(  # noqa: PLR0913 - a grade and what it rests on
    event: AdverseEvent,
    *,
    grade: int | None,
    since: datetime,
    by: User,
    findings: Mapping[str, str] = MappingProxyType({}),
    corrects: EventGrade | None = None,
    reason: str = "",
    now: datetime | None = None,
) -> EventGrade:
    """Enter another grade of an event, or with `corrects` the right one for a wrong step.

    The worst grade in force counts, and the criteria are read again. Refuses as `settle_grade` and
    `check_step` do, and a step that says nothing new (`already_entered`).
    """
    participant = event.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    why = reason.strip() or "another grade"
    with study_change(participant.study, by=by, reason=why, now=now) as change:
        event = AdverseEvent.objects.select_related("participant__site").get(pk=event.pk)
        corrects, reason = _bare_step(event, since, findings, corrects, reason)
        check_step(event, since=since, corrects=corrects, reason=reason, now=change.now)
        settled = settle_grade(
            participant,
            system_key=event.grading_system,
            grade=grade,
            findings=findings,
            onset_at=event.onset_at,
            since=since,
        )
        _check_new(event, settled, since, corrects)
        _begin_course(change, event)
        step = EventGrade.objects.create(
            event=event,
            grade=settled,
            since=since,
            findings=dict(findings),
            supersedes=corrects,
            reason=reason.strip(),
            entered_at=change.now,
            entered_by=by,
        )
        _keep_worst(change, event, step)
    return step


def _begin_course(change: Change, event: AdverseEvent) -> None:
    """The grade an event was taken over with from paper is the first step of its course."""
    if not event.course.exists():
        EventGrade.objects.create(
            event=event,
            grade=event.grade,
            since=event.onset_at,
            entered_at=change.now,
            entered_by=event.entered_by,
        )


def _bare_step(
    event: AdverseEvent,
    since: datetime,
    findings: Mapping[str, str],
    corrects: EventGrade | None,
    reason: str,
) -> tuple[EventGrade | None, str]:
    """Findings that come after their grade supersede the step without any."""
    bare = [step for step in course_of(event) if step.since == since and not step.findings]
    if corrects is not None or not findings or not bare:
        return corrects, reason
    return bare[-1], reason.strip() or "the findings came later"


def _check_new(
    event: AdverseEvent, grade: int, since: datetime, corrects: EventGrade | None
) -> None:
    same = [step for step in course_of(event) if (step.grade, step.since) == (grade, since)]
    if same and corrects is None:
        raise Refused("already_entered", "This grade is entered already; nothing is lost.")


def _keep_worst(change: Change, event: AdverseEvent, step: EventGrade) -> None:
    """The worst of the course is the event's grade."""
    worst = max(one.grade for one in course_of(event))
    if worst != event.grade:
        event.grade = worst
        event.save(update_fields=["grade"])
    corrected = f", corrected: {step.reason}" if step.reason else ""
    what = f"{event.term}: grade {step.grade} since {step.since:%d-%b-%Y %H:%M} UTC{corrected}."
    record_of(change, event.participant, "EVENT_GRADED", what)


def end_event(
    event: AdverseEvent,
    *,
    ended_at: datetime,
    outcome: str,
    by: User,
    reason: str = "",
    now: datetime | None = None,
) -> AdverseEvent:
    """Enter when an event ended, and how; entered before, it is corrected with a reason.

    Refuses an end before its last grade or in the future, a second end without a reason
    (`reason_needed`), and details as `check_details` does. A provisional DLT still needs its signed
    resolution.
    """
    participant = event.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    why = reason.strip() or "the event has ended"
    with study_change(participant.study, by=by, reason=why, now=now) as change:
        event = AdverseEvent.objects.select_related("participant__site").get(pk=event.pk)
        if event.ended_at is not None and not reason.strip():
            raise Refused("reason_needed", "Its end is entered already: say why it is corrected.")
        last = max((step.since for step in course_of(event)), default=event.onset_at)
        if ended_at > change.now:
            raise Refused("future_date", "This time lies in the future.")
        if ended_at < last:
            raise Refused("impossible_order", "An event ends after its last grade was reached.")
        changed = put_details(event, EventDetails(outcome=outcome))
        event.ended_at = ended_at
        event.save(update_fields=["ended_at", *changed])
        what = f"{event.term} ended {ended_at:%d-%b-%Y %H:%M} UTC."
        record_of(change, participant, "EVENT_ENDED", what)
    return event


def complete_event(
    event: AdverseEvent,
    *,
    details: EventDetails,
    reason: str,
    by: User,
    now: datetime | None = None,
) -> AdverseEvent:
    """Enter what was missing at the alert, or correct it. Refuses a blank reason, nothing new
    (`nothing_new`), an awareness in the future, and details as `check_details` does."""
    participant = event.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say where this comes from, or why it is corrected.")
    with study_change(participant.study, by=by, reason=reason.strip(), now=now) as change:
        event = AdverseEvent.objects.select_related("participant__site").get(pk=event.pk)
        if details.aware_at is not None and details.aware_at > change.now:
            raise Refused("future_date", "This time lies in the future.")
        changed = put_details(event, details)
        if not changed:
            raise Refused("nothing_new", "All of this is entered already.")
        event.save(update_fields=changed)
        what = f"{event.term}: more is known ({', '.join(sorted(changed)).replace('_', ' ')})."
        record_of(change, participant, "EVENT_COMPLETED", what)
    return event
