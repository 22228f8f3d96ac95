"""Rows of adverse events and of one participant, where a page's row holds more than plain facts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cohorts.queries.seat_panel import SeatPanel
from dosing.queries import CoursePanel, InfusionsPanel, MeasurementPanel, MedicationPanel
from safety.models import AdverseEvent
from safety.queries import NextPanel, StatementPanel
from safety.queries.events import EventPage, EventRow, EventTodo


@dataclass(frozen=True)
class OneParticipant:
    """Everything about one participant; None where there is nothing to show."""

    screening_number: str
    subject_number: str
    state: str
    site: str
    timezone: str
    next: NextPanel | None
    statement: StatementPanel | None
    infusions: InfusionsPanel | None
    courses: CoursePanel | None
    seat: SeatPanel | None
    measurements: MeasurementPanel | None
    medications: MedicationPanel | None


@dataclass(frozen=True)
class EventLine:
    """An adverse event. `question`: where the question stands whether it is a DLT."""

    number: int
    screening_number: str
    subject: str
    site: str
    timezone: str
    term: str
    grade: int
    grade_in_words: str
    onset_at: datetime
    ended_at: datetime | None
    is_serious: bool | None
    question: str
    todo: EventTodo | None


@dataclass(frozen=True)
class CourseStep:
    """A grade of an event, from when on; not in force where it was superseded."""

    number: int
    grade: int
    since: datetime
    is_in_force: bool


@dataclass(frozen=True)
class OneEvent:
    """One adverse event. `reports`: the numbers of the DLT reports on it."""

    event: EventLine
    day: int | None
    window_days: int
    is_disputed: bool
    facts: tuple[tuple[str, str], ...]
    course: tuple[CourseStep, ...]
    reports: tuple[int, ...]


def line_of(row: EventRow) -> EventLine:
    """A row of the list."""
    return _line(row.event, row.grade, row.question.text, row.todo)


def one_event(page: EventPage) -> OneEvent:
    """The page of one event."""
    return OneEvent(
        event=_line(page.event, page.grade, page.question.text, page.todo),
        day=page.day,
        window_days=page.window_days,
        is_disputed=page.is_disputed,
        facts=page.facts,
        course=tuple(
            CourseStep(step.pk, step.grade, step.since, is_in_force)
            for step, _, _, is_in_force in page.course
        ),
        reports=tuple(report.pk for report in page.reports),
    )


def _line(event: AdverseEvent, grade: str, question: str, todo: EventTodo | None) -> EventLine:
    person = event.participant
    return EventLine(
        number=event.pk,
        screening_number=person.screening_number,
        subject=str(person),
        site=person.site.code,
        timezone=person.site.timezone,
        term=event.term,
        grade=event.grade,
        grade_in_words=grade,
        onset_at=event.onset_at,
        ended_at=event.ended_at,
        is_serious=event.is_serious,
        question=question,
        todo=todo,
    )
