"""Seats of the cohorts as discs: who sits where, who was replaced, what is free."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from cohorts.models import Cohort, Slot
from cohorts.queries.people import OVERDUE, PROVISIONAL, TO_RULE, Person
from cohorts.queries.viewers import SOMEBODY, Viewer
from cohorts.queries.words import shorten
from cohorts.states import TAKEN_SLOTS, CohortState, SlotState
from ntrust.models import Study

_FILLABLE = (CohortState.PLANNED, CohortState.OPEN, CohortState.FULL)


@dataclass(frozen=True)
class Seat:
    """One disc: label, the sentence read aloud for it, kind, and a small badge at its corner."""

    label: str
    sentence: str
    kind: str
    badge: str = ""


@dataclass(frozen=True)
class SeatGroup:
    """The discs of one cohort; `cohort` 0 holds people who count here without a seat."""

    cohort: int
    seats: tuple[Seat, ...]
    free: int


def read_cohorts(study: Study) -> list[Cohort]:
    """Cohorts of Part 1 in the order they were opened. One statement."""
    return list(
        Cohort.objects.filter(study=study, part=1)
        .select_related("level", "decision")
        .defer("decision__basis", "decision__content")
        .order_by("number")
    )


def read_seats(
    cohorts: list[Cohort], people: list[Person], *, viewer: Viewer
) -> dict[int, tuple[SeatGroup, ...]]:
    """Level to its discs, cohort by cohort. Nobody who counts is left out. One statement."""
    slots: defaultdict[int, list[Slot]] = defaultdict(list)
    shown = (*TAKEN_SLOTS, SlotState.REPLACED)
    for slot in (
        Slot.objects.filter(cohort__in=[cohort.pk for cohort in cohorts], state__in=shown)
        .select_related("participant")
        .order_by("seat", "id")
    ):
        if slot.cohort_id is not None:
            slots[slot.cohort_id].append(slot)
    by_participant = {person.participant_id: person for person in people}
    groups: defaultdict[int, list[SeatGroup]] = defaultdict(list)
    for cohort in cohorts:
        group = _group(cohort, slots[cohort.pk], by_participant, viewer)
        groups[cohort.level.ordinal].append(group)
    for level, unseated in _unseated(cohorts, slots, people).items():
        discs = tuple(_disc(person) for person in unseated)
        groups[level].append(SeatGroup(cohort=0, seats=discs, free=0))
    return {level: tuple(found) for level, found in groups.items()}


def _group(
    cohort: Cohort, slots: Iterable[Slot], people: dict[int, Person], viewer: Viewer
) -> SeatGroup:
    taken = {slot.seat: slot for slot in slots if slot.state in TAKEN_SLOTS}
    replaced = [slot for slot in slots if slot.state == SlotState.REPLACED]
    discs = [_seat(slot, people, viewer) for _, slot in sorted(taken.items())]
    discs += [_seat(slot, people, viewer) for slot in replaced if slot.participant_id in people]
    free = cohort.seats - len(taken) if cohort.state in _FILLABLE else 0
    discs += [Seat("", "free seat", "empty")] * free
    return SeatGroup(cohort=cohort.number, seats=tuple(discs), free=free)


def _seat(slot: Slot, people: dict[int, Person], viewer: Viewer) -> Seat:
    person = people.get(slot.participant_id)
    if person is not None:
        return _disc(person)
    is_seen = viewer.sees(slot.participant.site_id)
    name = str(slot.participant) if is_seen else SOMEBODY
    label = shorten(name) if is_seen else ""
    return Seat(label, f"{name}: seat reserved, not confirmed", "reserved")


_KINDS = {"N": "settled", "T": "harm", "P": "waiting", "X": "out"}
_BADGES = {PROVISIONAL: "▲", OVERDUE: "!", TO_RULE: "?"}


def _disc(person: Person) -> Seat:
    return Seat(
        label=person.short if person.is_seen else "",
        sentence=f"{person.name}: {person.mark.text}",
        kind=_KINDS[person.letter],
        badge=_BADGES.get(person.mark, ""),
    )


def _unseated(
    cohorts: list[Cohort], slots: dict[int, list[Slot]], people: list[Person]
) -> dict[int, list[Person]]:
    """People who count at a level without a disc there: their seat is elsewhere, or taken."""
    seated = {
        (slot.participant_id, cohort.level.ordinal)
        for cohort in cohorts
        for slot in slots[cohort.pk]
    }
    found: defaultdict[int, list[Person]] = defaultdict(list)
    for person in people:
        if (person.participant_id, person.level) not in seated:
            found[person.level].append(person)
    return found
