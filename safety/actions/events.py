"""Adverse events as they are entered: the alert first, whatever is missing later."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from django.db.models import Q, QuerySet

from cohorts.models import Participant
from cohorts.policies import document_of
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role
from safety.actions.reports import report_dlt
from safety.actions.telling import record_of
from safety.models import AdverseEvent, DltReport, EventGrade
from safety.policies import EventDetails, check_details, settle_grade
from safety.states import COUNTED_REPORTS, DltReportState

NOTHING_MORE = EventDetails()
_SAID: Final = (
    "term", "onset_at", "ended_at", "grading_system", "grade", "causality", "is_serious",
    "aware_at",
)  # fmt: skip
"""What an alert says of its event; the findings and the time of the grade are its first step's."""


class AlreadyEntered(Refused):
    """An alert that says nothing new: it is this `event`."""

    def __init__(self, event: AdverseEvent) -> None:
        super().__init__("already_entered", "This event is entered already; nothing is lost.")
        self.event = event


def report_event(  # noqa: PLR0913 - what is asked at the bedside
    participant: Participant,
    *,
    term: str,
    onset_at: datetime,
    grade: int | None,
    grading_system: str,
    causality: str,
    by: User,
    is_serious: bool | None = None,
    aware_at: datetime | None = None,
    findings: Mapping[str, str] = MappingProxyType({}),
    graded_since: datetime | None = None,
    ended_at: datetime | None = None,
    details: EventDetails = NOTHING_MORE,
    criterion: str | None = None,
    now: datetime | None = None,
) -> AdverseEvent:
    """Enter an adverse event; with a `criterion` ("" when not yet stated) it is a DLT report too.

    What, when, grade and relation (`causality`, "" when not known) are enough, in any state.
    Without a `grade` the findings make it. Sent twice it adds the DLT, details or nothing
    (`already_entered`). Refuses as `settle_grade` and `check_details` do, and impossible times.
    """
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(participant.study, by=by, reason="adverse event", now=now) as change:
        event = AdverseEvent(
            participant=participant,
            term=term.strip(),
            onset_at=onset_at,
            ended_at=ended_at,
            grading_system=grading_system,
            causality=causality,
            is_serious=is_serious,
            aware_at=aware_at,
        )
        step = EventGrade(since=graded_since or onset_at, findings=dict(findings))
        _check_entry(change, event, step, grade)
        put_details(event, details)
        if (twin := _twin_of(event, step, criterion)) is not None:
            return _add_to(change, twin, details, criterion, by=by)
        _enter(change, event, step)
        if criterion is not None:
            report_dlt(event, criterion=criterion, by=by)
    return event


def _check_entry(change: Change, event: AdverseEvent, step: EventGrade, grade: int | None) -> None:
    """Times that can be, and the grade as entered or as the findings make it."""
    known = (event.onset_at, step.since, event.ended_at, event.aware_at)
    if any(moment is not None and moment > change.now for moment in known):
        raise Refused("future_date", "This time lies in the future.")
    if step.since < event.onset_at or (event.ended_at and event.ended_at < step.since):
        raise Refused("impossible_order", "An event begins, has its grade, and then ends.")
    participant = event.participant
    event.grade = settle_grade(
        participant,
        system_key=event.grading_system,
        grade=grade,
        findings=step.findings,
        onset_at=event.onset_at,
        since=step.since,
    )
    rules = document_of(participant.protocol_version).adverse_events
    system = rules.system(event.grading_system)
    event.grading_version = system.version if system is not None else ""


def put_details(event: AdverseEvent, details: EventDetails) -> list[str]:
    """Put details on an event, checked; the fields that changed."""
    is_new, stated = event._state.adding, (None, bool(details.seriousness))
    if is_new and details.seriousness is not None and event.is_serious not in stated:
        raise Refused("seriousness_differs", "It is serious where a criterion is met, and only so.")
    changed = details.on(event)
    for name, value in changed.items():
        setattr(event, name, value)
    check_details(event, document_of(event.participant.protocol_version).adverse_events)
    return list(changed)


def _enter(change: Change, event: AdverseEvent, step: EventGrade) -> None:
    assert change.by is not None
    event.entered_at, event.entered_by = change.now, change.by
    AdverseEvent.objects.bulk_create([event])
    step.event, step.grade = event, event.grade
    step.entered_at, step.entered_by = event.entered_at, event.entered_by
    EventGrade.objects.bulk_create([step])
    what = f"adverse event, grade {event.grade}."
    record_of(change, event.participant, "EVENT_REPORTED", what)


def _twin_of(event: AdverseEvent, step: EventGrade, criterion: str | None) -> AdverseEvent | None:
    """The event that was entered with the same words in everything, or says the same by now; not
    one that is dose-limiting by another criterion. Whatever differs is an event of its own."""
    said = {name: getattr(event, name) for name in _SAID}
    history: Any = AdverseEvent._meta.get_field("row_history").related_model
    entered = history.objects.filter(pgh_label="insert", participant=event.participant, **said)
    twins = AdverseEvent.objects.filter(
        Q(**said) | Q(pk__in=entered.values("pgh_obj_id")), participant=event.participant
    )
    same = twins.filter(
        course__grade=event.grade, course__since=step.since, course__findings=step.findings
    ).distinct()
    return next((one for one in same if not _states_another(one, criterion)), None)


def _standing(event: AdverseEvent) -> QuerySet[DltReport]:
    """The report on an event that counts, or will."""
    states = [DltReportState.PROVISIONAL, *COUNTED_REPORTS]
    return event.dlt_reports.filter(state__in=states, superseded_by__isnull=True)


def _states_another(event: AdverseEvent, criterion: str | None) -> bool:
    """Whether the report that stands is by another criterion than the one stated now."""
    return bool(criterion) and _standing(event).exclude(criterion=criterion).exists()


def _add_to(
    change: Change,
    event: AdverseEvent,
    details: EventDetails,
    criterion: str | None,
    *,
    by: User,
) -> AdverseEvent:
    """What a second entry of an event adds: that it is a DLT, or details."""
    changed = put_details(event, details)
    is_dlt = criterion is not None and not _standing(event).exists()
    if not changed and not is_dlt:
        raise AlreadyEntered(event)
    if changed:
        event.save(update_fields=changed)
        record_of(change, event.participant, "EVENT_COMPLETED", "more is known of an event.")
    if criterion is not None and is_dlt:
        report_dlt(event, criterion=criterion, by=by)
    return event
