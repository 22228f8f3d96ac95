"""What a site owes, by participant: what harms most first. The same few statements for any site."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cohorts.models import Participant
from cohorts.queries import Viewer
from cohorts.queries.words import HARM, WAITING, Mark
from dosing.models import DltWindow
from dosing.queries.inflight import list_in_flight
from dosing.states import WindowState
from ntrust.states import Role
from safety.models import AdverseEvent
from safety.queries.data_quality import read_queries
from safety.queries.decisions import unread_decisions
from safety.queries.events import todo_of
from safety.queries.reports import owed_of
from safety.states import CandidateState, DataQueryState

IN_FLIGHT, CLOCK, WORD, STATEMENT, DETAILS, QUERY = range(6)
"""What is owed, by harm: an infusion that may be given, a DLT that counts when its clock ends, a
question about a DLT, the statement, the rest of an event, a question about data."""
_DUE: Final = Mark("due", WAITING, "◔")
_LATE: Final = Mark("overdue", HARM, "▲")


@dataclass(frozen=True)
class Owing:
    """One thing owed. `address` and `about` name the page on which it is done."""

    rank: int
    what: str
    due_at: datetime | None
    is_overdue: bool
    address: str
    about: tuple[str | int, ...]

    @property
    def mark(self) -> Mark:
        """Shape and tone; overdue ones say so."""
        return _LATE if self.is_overdue else _DUE

    @property
    def order(self) -> tuple[int, bool, bool, float]:
        """The most harm first, then what is overdue, then what is due first."""
        at = self.due_at.timestamp() if self.due_at is not None else 0.0
        return self.rank, not self.is_overdue, self.due_at is None, at


@dataclass(frozen=True)
class ToRead:
    """A signed decision that this person's clinic or pharmacy has yet to acknowledge."""

    number: int
    site: str


def owed_at_sites(
    people: Sequence[Participant], *, viewer: Viewer, now: datetime
) -> dict[int, tuple[Owing, ...]]:
    """What is owed for each of these participants, by their key; nothing for those not in it."""
    found: dict[int, list[Owing]] = {}
    by_number = {person.screening_number: person.pk for person in people}
    asked = _in_flight(viewer, now)
    mine = [person for person in people if viewer.is_investigator_at(person.site_id)]
    rows = [
        *((by_number[number], one) for number, one in asked if number in by_number),
        *_clocks(mine, now),
        *_statements(mine),
        *_events(mine, now),
        *((by_number[n], one) for n, one in _queries(viewer, now) if n in by_number),
    ]
    for pk, one in rows:
        found.setdefault(pk, []).append(one)
    return {pk: tuple(sorted(owed, key=lambda one: one.order)) for pk, owed in found.items()}


def decisions_to_read(viewer: Viewer) -> tuple[ToRead, ...]:
    """Decisions in circulation that wait for this person's clinic or pharmacy."""
    rows = unread_decisions(viewer.study).filter(site_id__in=viewer.site_ids)
    is_pharmacist = viewer.holds([Role.PHARMACIST])
    return tuple(
        ToRead(row.decision.number, row.site.code)
        for row in rows.order_by("decision__number", "site__code")
        if (is_pharmacist if row.is_pharmacy else viewer.is_investigator_at(row.site_id))
    )


def _in_flight(viewer: Viewer, now: datetime) -> Iterator[tuple[str, Owing]]:
    """Answers about infusions in flight, and the entry of those that were given."""
    for row in list_in_flight(viewer, now=now).waiting:
        if not (row.can_answer or row.owes_entry):
            continue
        about: tuple[str | int, ...] = (row.screening_number, row.infusion)
        if row.cycle > 1:
            about = (row.screening_number, row.cycle, row.infusion)
        if row.can_answer:
            what = f"Infusion {row.infusion} is in flight: held, given already, or going on?"
            address = "dosing:in_flight_answer"
        else:
            what, address = f"Infusion {row.infusion} was given: enter it", "dosing:infusion_give"
        yield (
            row.screening_number,
            Owing(IN_FLIGHT, what, row.due_at, row.is_overdue, address, about),
        )


def _clocks(people: Iterable[Participant], now: datetime) -> Iterator[tuple[int, Owing]]:
    """Provisional DLTs, and reports that lack their criterion."""
    for pk, owed in owed_of(people, now=now).items():
        for one in owed:
            if one.is_clock:
                what = "Sign the resolution of the event, or it counts as a DLT"
                yield (
                    pk,
                    Owing(CLOCK, what, one.due_at, one.is_overdue, "safety:clear", (one.number,)),
                )
            elif one.lacks_criterion:
                what = f"DLT report #{one.number}: by which criterion?"
                yield pk, Owing(WORD, what, one.due_at, one.is_overdue, "safety:reports", ())


def _statements(people: Iterable[Participant]) -> Iterator[tuple[int, Owing]]:
    rows = DltWindow.objects.filter(
        participant__in=list(people), state=WindowState.AWAITING_STATEMENT
    ).select_related("participant")
    for window in rows.order_by("participant_id"):
        number = window.participant.screening_number
        what = "The DLT window is over: sign the statement"
        yield (
            window.participant_id,
            Owing(STATEMENT, what, window.closes_at, True, "safety:statement", (number,)),
        )


def _events(people: Iterable[Participant], now: datetime) -> Iterator[tuple[int, Owing]]:
    """The word on a candidate, and what was left for later."""
    events = AdverseEvent.objects.filter(participant__in=list(people), is_legacy=False)
    events = events.select_related(
        "candidate", "participant__site", "participant__study", "participant__protocol_version"
    ).prefetch_related("course")
    for event in events.order_by("id"):
        todo = todo_of(event, now=now)
        if todo is None:
            continue
        candidate = getattr(event, "candidate", None)
        is_asked = candidate is not None and candidate.state == CandidateState.OPEN
        missing = todo.words[1:] if todo.has_question else todo.words
        if is_asked:
            yield (
                event.participant_id,
                Owing(
                    WORD,
                    f"{event}: dose-limiting or not?",
                    todo.due_at,
                    todo.is_overdue,
                    "safety:one_event",
                    (event.pk,),
                ),
            )
        if missing:
            yield (
                event.participant_id,
                Owing(
                    DETAILS,
                    f"{event}: {'; '.join(missing)}",
                    todo.due_at,
                    todo.is_overdue,
                    "safety:complete_event",
                    (event.pk,),
                ),
            )


def _queries(viewer: Viewer, now: datetime) -> Iterator[tuple[str, Owing]]:
    rows = read_queries(
        viewer.study, now=now, states=(DataQueryState.OPEN,), site_ids=viewer.site_ids
    )
    for row in rows:
        what = f"Data query #{row.number}, {row.about}: {row.text}"
        yield (
            row.screening_number,
            Owing(QUERY, what, row.due_at, row.is_overdue, "safety:answer_query", (row.number,)),
        )
