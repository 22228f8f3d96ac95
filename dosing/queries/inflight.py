"""What is in flight: every infusion a site is asked about, those that harm most first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from cohorts.models import Participant
from cohorts.queries import Viewer
from cohorts.queries.viewers import Mask, mask_for
from cohorts.queries.words import HARM, QUIET, SETTLED, WAITING, Mark
from dosing.models import InFlight, Infusion
from dosing.states import InFlightAnswer, InFlightState, InfusionState
from ntrust.states import Role

READERS: Final = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.AUDITOR,
    Role.INVESTIGATOR,
    Role.PHARMACIST,
)


@dataclass(frozen=True)
class InFlightRow:
    """One infusion and what is asked about it. `hours` since lymphodepletion began;
    `is_conditioned`: begun, and infusion 1 not given. `owes_entry`: said to be given, not entered.
    """

    subject: str
    screening_number: str
    site: str
    zone: str
    level: int
    cycle: int
    infusion: int
    is_conditioned: bool
    hours: int
    planned_on: date
    planned_at: datetime | None
    causes: tuple[str, ...]
    due_at: datetime
    mark: Mark
    answer: str
    instruction: str
    is_open: bool
    is_overdue: bool
    owes_entry: bool
    can_answer: bool
    can_instruct: bool


@dataclass(frozen=True)
class InFlightList:
    """Infusions that wait for an answer or its entry, then those that are answered or over."""

    waiting: tuple[InFlightRow, ...]
    over: tuple[InFlightRow, ...]

    @property
    def overdue(self) -> int:
        """How many answers are overdue."""
        return sum(row.is_overdue for row in self.waiting)


@dataclass(frozen=True)
class Asked:
    """What is asked about one participant's infusions now."""

    infusions: int
    due_at: datetime | None
    is_overdue: bool


def may_read_in_flight(viewer: Viewer) -> bool:
    """Everybody but the committee, which reads packets."""
    return viewer.holds(READERS)


def list_in_flight(viewer: Viewer, *, now: datetime) -> InFlightList:
    """What is asked of the sites this person may know. Conditioned participants come first, by the
    hours since their lymphodepletion began, then the rest by the day it is planned."""
    rows = InFlight.objects.filter(infusion__course__participant__study=viewer.study)
    if not viewer.sees_every_site:
        rows = rows.filter(infusion__course__participant__site_id__in=viewer.site_ids)
    rows = rows.select_related(
        "hold", "infusion__course__participant__site", "infusion__course__level"
    )
    by_infusion: dict[int, list[InFlight]] = {}
    for question in rows.order_by("pk"):
        by_infusion.setdefault(question.infusion_id, []).append(question)
    mask = mask_for(viewer)
    read = [_row(questions, viewer, mask, now) for questions in by_infusion.values()]
    waiting = [row for row in read if row.is_open or row.owes_entry]
    return InFlightList(
        waiting=tuple(sorted(waiting, key=_by_harm)),
        over=tuple(row for row in reversed(read) if not (row.is_open or row.owes_entry)),
    )


def _by_harm(row: InFlightRow) -> tuple[bool, int, date, str]:
    hours = -row.hours if row.is_conditioned else 0
    return not row.is_conditioned, hours, row.planned_on, row.subject


def count_asked(participant: Participant, *, now: datetime) -> Asked:
    """How many of a participant's infusions wait for their site's answer. One statement."""
    rows = InFlight.objects.filter(
        infusion__course__participant=participant, state=InFlightState.OPEN
    ).values_list("infusion_id", "due_at")
    due = [due_at for _, due_at in rows]
    due_at = min(due, default=None)
    return Asked(
        infusions=len({infusion for infusion, _ in rows}),
        due_at=due_at,
        is_overdue=due_at is not None and due_at <= now,
    )


def _row(questions: Sequence[InFlight], viewer: Viewer, mask: Mask, now: datetime) -> InFlightRow:
    infusion = questions[0].infusion
    course, person = infusion.course, infusion.course.participant
    asked = [question for question in questions if question.state == InFlightState.OPEN]
    shown = asked or list(questions[-1:])
    due_at = min(question.due_at for question in shown)
    last = questions[-1]
    is_overdue = bool(asked) and due_at <= now
    owes_entry = not asked and _owes_entry(last, infusion)
    return InFlightRow(
        subject=str(person),
        screening_number=person.screening_number,
        site=person.site.code,
        zone=person.site.timezone,
        level=course.level.ordinal,
        cycle=course.cycle,
        infusion=infusion.number,
        is_conditioned=infusion.number == 1 and infusion.given_at is None,
        hours=(now - course.started_at) // timedelta(hours=1),
        planned_on=infusion.planned_date,
        planned_at=course.planned_infusion_at if infusion.number == 1 else None,
        causes=tuple(dict.fromkeys(mask.cover(question.because) for question in shown)),
        due_at=due_at,
        mark=_mark(last, is_open=bool(asked), is_overdue=is_overdue, owes_entry=owes_entry),
        answer="" if asked else mask.cover(last.reason or last.moot_because),
        instruction=next((mask.cover(q.instruction) for q in shown if q.instruction), ""),
        is_open=bool(asked),
        is_overdue=is_overdue,
        owes_entry=owes_entry,
        can_answer=bool(asked) and viewer.is_investigator_at(person.site_id),
        can_instruct=bool(asked)
        and viewer.holds((Role.MEDICAL_MONITOR,))
        and all(question.hold_id is None and not question.instruction for question in asked),
    )


def _owes_entry(question: InFlight, infusion: Infusion) -> bool:
    return question.answer == InFlightAnswer.ALREADY_GIVEN and infusion.state != InfusionState.GIVEN


def _mark(question: InFlight, *, is_open: bool, is_overdue: bool, owes_entry: bool) -> Mark:
    if is_overdue:
        return Mark("answer overdue", HARM, "■")
    if is_open:
        return Mark("answer due", WAITING, "◔")
    if owes_entry:
        return Mark("already given, its entry is owed", HARM, "▲")
    if question.state == InFlightState.MOOT:
        return Mark(InFlightState.MOOT.label, QUIET, "○")
    return Mark(InFlightAnswer(question.answer).label, SETTLED, "●")
