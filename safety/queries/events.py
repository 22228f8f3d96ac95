"""Adverse events as they are shown: one of them, a list, and what is still owed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet

from cohorts.engine.toxicity import Answer, Reading
from cohorts.models import Participant
from cohorts.policies import document_of
from cohorts.protocol import AdverseEventsData
from cohorts.queries import Viewer
from cohorts.queries.deviations import Choice
from cohorts.queries.words import HARM, QUIET, SETTLED, WAITING, Mark
from dosing.models import DltWindow
from ntrust.states import Role
from safety.models import AdverseEvent, DltCandidate, DltReport, EventGrade, EventWord
from safety.policies import WORDS, course_of, due_at, missing_of, read_event, study_day
from safety.queries.serious import ClockRow, read_clocks
from safety.states import (
    OPEN_CANDIDATES,
    CandidateState,
    Causality,
    Seriousness,
)

READERS: Final = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.INVESTIGATOR,
    Role.PHARMACIST,
    Role.AUDITOR,
)
FILTERS: Final = ("question", "grade", "serious", "system", "site")
_ANSWERS: Final[Mapping[str, Mark]] = {
    Answer.MEETS: Mark("meets", HARM, "▲"),
    Answer.COULD_MEET: Mark("could meet", WAITING, "◔"),
    Answer.DOES_NOT: Mark("does not meet", SETTLED, "●"),
    Answer.NOT_READ: Mark("read by people", QUIET, "○"),
}
_QUESTIONS: Final[Mapping[str, Mark]] = {
    CandidateState.OPEN: Mark("dose-limiting or not?", WAITING, "◔"),
    CandidateState.DISPUTED: Mark("the monitor rules", WAITING, "◑"),
    CandidateState.REPORTED: Mark("reported as a DLT", HARM, "▲"),
    CandidateState.CLOSED: Mark("not dose-limiting", SETTLED, "●"),
}
_NO_QUESTION: Final = Mark("no question", QUIET, "○")


@dataclass(frozen=True)
class EventTodo:
    """Something owed about an event; `words`: what. `due_at` None: without a time. `has_question`:
    the first of the words is the question about a DLT."""

    event: int
    what: str
    words: tuple[str, ...]
    due_at: datetime | None
    is_overdue: bool
    has_question: bool = False


@dataclass(frozen=True)
class ReadingRow:
    """What a criterion says of an event, beside its own words."""

    criterion: str
    text: str
    mark: Mark
    sentence: str
    clock_ends_at: datetime | None


@dataclass(frozen=True)
class EventPage:
    """Everything about one event."""

    event: AdverseEvent
    participant: Participant
    grade: str
    day: int | None
    window_days: int
    question: Mark
    is_open: bool
    is_disputed: bool
    facts: tuple[tuple[str, str], ...]
    course: tuple[tuple[EventGrade, str, str, bool], ...]
    readings: tuple[ReadingRow, ...]
    reports: tuple[DltReport, ...]
    words: tuple[EventWord, ...]
    todo: EventTodo | None
    can_act: bool
    can_rule: bool
    clocks: tuple[ClockRow, ...]
    can_send: bool


@dataclass(frozen=True)
class EventRow:
    """One event of a list."""

    event: AdverseEvent
    participant: Participant
    site: str
    zone: str
    grade: str
    serious: str
    question: Mark
    todo: EventTodo | None


@dataclass(frozen=True)
class EventLog:
    """A study's events, filtered; counts are of everything this person may read."""

    rows: tuple[EventRow, ...]
    total: int
    choices: Mapping[str, tuple[Choice, ...]]


def may_read_events(viewer: Viewer) -> bool:
    """Whether a person may open the list; the committee reads packets instead."""
    return viewer.holds(READERS)


def find_event(viewer: Viewer, number: int) -> AdverseEvent | None:
    """The event of that number; None when there is none, or not for this person."""
    found = _events().filter(participant__study=viewer.study, pk=number).first()
    return found if found is not None and viewer.sees(found.participant.site_id) else None


def _events() -> QuerySet[AdverseEvent]:
    return AdverseEvent.objects.select_related(
        "candidate", "participant__site", "participant__study", "participant__protocol_version"
    )


def read_todos(participant: Participant, *, now: datetime) -> tuple[EventTodo, ...]:
    """What is owed about a participant's events: the word on a candidate, then what is missing."""
    events = _events().filter(participant=participant, is_legacy=False).prefetch_related("course")
    todos = [todo for event in events if (todo := todo_of(event, now=now)) is not None]
    return tuple(sorted(todos, key=lambda todo: (todo.due_at is None, todo.due_at, todo.event)))


def todo_of(event: AdverseEvent, *, now: datetime) -> EventTodo | None:
    """What is owed about one event; None when nothing is."""
    words = [WORDS[name] for name in missing_of(event)]
    question = _question_of(event)
    if question in OPEN_CANDIDATES:
        words.insert(0, _QUESTIONS[question].text)
    due = due_at(event)
    if not words:
        return None
    return EventTodo(
        event=event.pk,
        what=str(event),
        words=tuple(words),
        due_at=due,
        is_overdue=due is not None and due <= now,
        has_question=question in OPEN_CANDIDATES,
    )


def _question_of(event: AdverseEvent) -> str:
    candidate: DltCandidate | None = getattr(event, "candidate", None)
    return candidate.state if candidate is not None else ""


def read_rows(event: AdverseEvent, readings: tuple[Reading, ...]) -> tuple[ReadingRow, ...]:
    """Readings with the protocol's wording, those that ask for a word first."""
    document = document_of(event.participant.protocol_version)
    texts = {one.id: one.text for one in document.dlt_criteria}
    order = list(_ANSWERS)
    rows = sorted(readings, key=lambda one: order.index(one.answer))
    return tuple(
        ReadingRow(
            one.criterion,
            texts[one.criterion],
            _ANSWERS[one.answer],
            one.sentence,
            one.clock_ends_at,
        )
        for one in rows
    )


def read_event_page(event: AdverseEvent, *, viewer: Viewer, now: datetime) -> EventPage:
    """One event: its facts, course, readings, what was said, what is owed."""
    participant = event.participant
    document = document_of(participant.protocol_version)
    window = DltWindow.objects.filter(participant=participant).first()
    question = _question_of(event)
    return EventPage(
        event=event,
        participant=participant,
        grade=_label(event, event.grade, document.adverse_events),
        day=study_day(event, window.opened_at if window is not None else None),
        window_days=document.window.days,
        question=_QUESTIONS.get(question, _NO_QUESTION),
        is_open=question == CandidateState.OPEN,
        is_disputed=question == CandidateState.DISPUTED,
        facts=_facts(event, document.adverse_events),
        course=_course(event, document.adverse_events),
        readings=read_rows(event, read_event(event, now=now)),
        reports=tuple(DltReport.objects.filter(event=event).order_by("id")),
        words=tuple(EventWord.objects.filter(event=event).select_related("said_by")),
        todo=todo_of(event, now=now),
        can_act=viewer.is_investigator_at(participant.site_id),
        can_rule=viewer.holds([Role.MEDICAL_MONITOR]),
        clocks=read_clocks(event, now=now),
        can_send=viewer.holds([Role.STUDY_MANAGER, Role.MEDICAL_MONITOR]),
    )


def _label(event: AdverseEvent, grade: int, rules: AdverseEventsData) -> str:
    system = rules.system(event.grading_system)
    return system.label(grade) if system is not None else str(grade)


def _course(
    event: AdverseEvent, rules: AdverseEventsData
) -> tuple[tuple[EventGrade, str, str, bool], ...]:
    """Every step ever entered, its grade and findings in words, and whether it is in force."""
    system = rules.system(event.grading_system)
    features = {one.key: one for one in system.features} if system is not None else {}
    in_force = {step.pk for step in course_of(event)}
    rows = []
    for step in EventGrade.objects.filter(event=event).select_related("entered_by"):
        found = [
            f"{features[key].text}: {features[key].said(word)}"
            for key, word in step.findings.items()
            if key in features
        ]
        rows.append((step, _label(event, step.grade, rules), "; ".join(found), step.pk in in_force))
    return tuple(rows)


def _in_a_sentence(name: str) -> str:
    """A component's name after other words: "the disease", and "Fludarabine" as it is."""
    return name[:1].lower() + name[1:] if name.startswith(("The ", "A ")) else name


def _facts(event: AdverseEvent, rules: AdverseEventsData) -> tuple[tuple[str, str], ...]:
    """Label to value; what is not known says so."""
    unknown = "not known yet"
    criteria = ", ".join(str(Seriousness(word).label) for word in event.seriousness)
    serious = {None: unknown, True: criteria or "yes", False: "no"}[event.is_serious]
    names = {one.key: one.name for one in rules.components}
    product = next((one.name for one in rules.components if one.is_product), "The product")
    related = {product: event.causality}
    related |= {names.get(key, key): word for key, word in event.causalities.items()}
    categories = {one.key: one.name for one in rules.categories}
    system = rules.system(event.grading_system)
    category = event.category or (system.category if system is not None else "")
    version = f", version {event.grading_version}" if event.grading_version else ""
    return (
        ("Graded by", f"{event.grading_system}{version}"),
        ("What it is", categories.get(category, unknown)),
        *(
            (f"Related to {_in_a_sentence(name)}", str(Causality(word).label) if word else unknown)
            for name, word in related.items()
        ),
        ("Serious", serious),
        ("Done with the product", event.get_action_taken_display() or unknown),
        ("Outcome", event.get_outcome_display() or unknown),
    )


def read_events(viewer: Viewer, filters: Mapping[str, str], *, now: datetime) -> EventLog:
    """The study's events with `filters` (those of FILTERS that are not empty), newest first; of
    their own site for people bound to one."""
    events = _events().filter(participant__study=viewer.study)
    if not viewer.sees_every_site:
        events = events.filter(participant__site_id__in=viewer.site_ids)
    rows = [
        _row(event, now=now)
        for event in events.prefetch_related("course").order_by("-onset_at", "-id")
    ]
    values = [_values(row) for row in rows]
    wanted = {name: filters[name] for name in FILTERS if filters.get(name)}
    shown = tuple(
        row
        for row, value in zip(rows, values, strict=True)
        if all(value[name] == asked for name, asked in wanted.items())
    )
    choices = {
        name: tuple(
            Choice(value, value, count, value == wanted.get(name))
            for value, count in sorted(Counter(row[name] for row in values).items())
        )
        for name in FILTERS
    }
    return EventLog(rows=shown, total=len(rows), choices=choices)


def _row(event: AdverseEvent, *, now: datetime) -> EventRow:
    participant = event.participant
    rules = document_of(participant.protocol_version).adverse_events
    return EventRow(
        event=event,
        participant=participant,
        site=participant.site.code,
        zone=participant.site.timezone,
        grade=_label(event, event.grade, rules),
        serious={None: "not known yet", True: "serious", False: "not serious"}[event.is_serious],
        question=_QUESTIONS.get(_question_of(event), _NO_QUESTION),
        todo=todo_of(event, now=now),
    )


def _values(row: EventRow) -> dict[str, str]:
    return {
        "question": row.question.text,
        "grade": str(row.event.grade),
        "serious": row.serious,
        "system": row.event.grading_system,
        "site": row.site,
    }


def read_draft(
    participant: Participant, entered: Mapping[str, Any], *, now: datetime
) -> tuple[ReadingRow, ...]:
    """What the criteria would say of an event that is not entered; nothing while its beginning or
    its grade is missing."""
    onset_at, grade = entered.get("onset_at"), entered.get("grade")
    if onset_at is None or not grade:
        return ()
    event = AdverseEvent(
        participant=participant,
        onset_at=onset_at,
        ended_at=entered.get("ended_at"),
        grade=grade,
        grading_system=entered.get("grading_system", ""),
        causality=entered.get("causality", ""),
        category=entered.get("category", ""),
    )
    return read_rows(event, read_event(event, now=now))
