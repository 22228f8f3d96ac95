"""The ledger of gates: why can't we enrol or dose now, and when can we?

One list for pages, answers and mails: the next seat at each level in question, then the next step
of each participant, the conditioned first. The gates are those that the actions check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from itertools import product
from typing import Final

from cohorts.models import DoseLevel, Participant, Slot
from cohorts.policies import (
    diseases_to_seat,
    gates_for_confirmation,
    gates_for_seat,
    levels_to_seat,
)
from cohorts.queries import GateLine, Viewer, read_gates
from cohorts.queries.viewers import Mask, mask_for
from cohorts.states import ParticipantState, SlotState
from dosing.models import DltWindow, Infusion
from dosing.policies import gates_for_infusion, gates_for_lymphodepletion
from dosing.states import InfusionState, WindowState
from ntrust.errors import Gate
from ntrust.models import Site, Study
from ntrust.states import Role
from safety.policies import gates_for_statement, has_counted_dlt

_Next = tuple[str, str, int | None, Callable[[], list[Gate]]]
"""Kind, words and level of a step, and how its gates are asked for."""

SEAT, CONFIRM, LYMPHODEPLETION = "SEAT", "CONFIRM", "LYMPHODEPLETION"
INFUSION, STATEMENT = "INFUSION", "STATEMENT"
READERS: Final = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.AUDITOR,
    Role.INVESTIGATOR,
    Role.PHARMACIST,
)
_FIRST_TO_LAST: Final = (
    ParticipantState.CONDITIONING,
    ParticipantState.TREATED,
    ParticipantState.FOLLOW_UP,
    ParticipantState.SLOTTED,
    ParticipantState.ELIGIBLE,
)
"""Who has a next step, the most urgent first: lymphodepletion is the point of no return."""


@dataclass(frozen=True)
class Step:
    """Something that could be done next, and every gate before it.

    `kind` is one of the constants above; a step of the study has no `subject`.
    """

    kind: str
    question: str
    subject: str
    screening_number: str
    site: str
    zone: str
    level: int | None
    gates: tuple[GateLine, ...]

    @property
    def shut(self) -> tuple[GateLine, ...]:
        """The gates in the way."""
        return tuple(gate for gate in self.gates if not gate.is_clear)

    @property
    def clear(self) -> tuple[GateLine, ...]:
        """The gates that are not."""
        return tuple(gate for gate in self.gates if gate.is_clear)

    @property
    def is_open(self) -> bool:
        """Whether it can be done now."""
        return not self.shut

    @property
    def opens_at(self) -> datetime | None:
        """When time alone opens it; None when it is open, or waits for somebody."""
        times = [gate.clears_at for gate in self.shut]
        known = [at for at in times if at is not None]
        return max(known) if known and len(known) == len(times) else None


def may_read_ledger(viewer: Viewer) -> bool:
    """Whether a person may open the ledger; the committee reads packets instead."""
    return viewer.holds(READERS)


def gate_ledger(
    study: Study, *, now: datetime, viewer: Viewer, participant: Participant | None = None
) -> list[Step]:
    """Every next step of the study and of its participants, with its gates, in order.

    `participant`: that one's steps only. Nobody of a site the viewer may not know is in it. Each
    further participant at the same stage costs the same number of statements.
    """
    mask = mask_for(viewer)
    steps = [] if participant is not None else list(_seat_steps(study, viewer, mask, now))
    for person, (kind, question, level, gates) in _next_steps(study, viewer, participant, now):
        steps.append(_step(kind, question, level, read_gates(gates(), mask), person))
    return steps


def bare_steps(study: Study, *, viewer: Viewer, now: datetime) -> dict[int, Step]:
    """The next step of each participant by their key, in the ledger's order, without its gates:
    the same few statements however many they are."""
    found = _next_steps(study, viewer, None, now)
    return {
        person.pk: _step(kind, question, level, (), person)
        for person, (kind, question, level, _) in found
    }


def _next_steps(
    study: Study, viewer: Viewer, only: Participant | None, now: datetime
) -> Iterator[tuple[Participant, _Next]]:
    people = _people(study, viewer, only)
    slots, infusions, windows = _slots(people), _infusions(people), _windows(people)
    levels = cache(lambda: levels_to_seat(study))
    for person in people:
        slot, infusion = slots.get(person.pk), infusions.get(person.pk)
        found = _next_step(person, slot, infusion, windows.get(person.pk), levels, now)
        if found is not None:
            yield person, found


def seat_steps(study: Study, *, viewer: Viewer, now: datetime) -> list[Step]:
    """The ledger's first part: the next seat at each level in question; for people of sites, at
    each of theirs."""
    return list(_seat_steps(study, viewer, mask_for(viewer), now))


def _seat_steps(study: Study, viewer: Viewer, mask: Mask, now: datetime) -> Iterator[Step]:
    sites: list[Site | None] = [None]
    if not viewer.sees_every_site:
        sites = list(Site.objects.filter(pk__in=viewer.site_ids).order_by("code"))
    for level in levels_to_seat(study):
        for disease, site in product(diseases_to_seat(study), sites):
            found = gates_for_seat(study, level, now=now, disease=disease, site=site)
            where = f"in Part 2, {disease}, " if disease else ""
            question = f"Enrol {where}at level {level.ordinal}"
            code, zone = (site.code, site.timezone) if site is not None else ("", "UTC")
            question = f"{question}, site {code}" if code else question
            gates = read_gates(found, mask)
            yield Step(SEAT, question, "", "", code, zone, level.ordinal, gates)


def _step(
    kind: str, question: str, level: int | None, gates: tuple[GateLine, ...], person: Participant
) -> Step:
    site = person.site
    return Step(
        kind=kind,
        question=f"{person}: {question}",
        subject=str(person),
        screening_number=person.screening_number,
        site=site.code,
        zone=site.timezone,
        level=level,
        gates=gates,
    )


def _people(study: Study, viewer: Viewer, only: Participant | None) -> list[Participant]:
    """Participants with a next step whom this person may know, the most urgent first."""
    rows = Participant.objects.filter(study=study, state__in=_FIRST_TO_LAST)
    if not viewer.sees_every_site:
        rows = rows.filter(site_id__in=viewer.site_ids)
    if only is not None:
        rows = rows.filter(pk=only.pk)
    people = rows.select_related("site", "study", "protocol_version").order_by("id")
    return sorted(people, key=lambda person: _FIRST_TO_LAST.index(ParticipantState(person.state)))


def _slots(people: Iterable[Participant]) -> dict[int, Slot]:
    """The newest slot of each."""
    rows = Slot.objects.filter(participant__in=list(people)).select_related(
        "cohort__level", "cohort__decision", "participant__site", "participant__study"
    )
    return {slot.participant_id: slot for slot in rows.order_by("id")}


def _infusions(people: Iterable[Participant]) -> dict[int, Infusion]:
    """The next infusion of each: the first that is planned or held."""
    rows = Infusion.objects.filter(
        course__participant__in=list(people),
        state__in=[InfusionState.PLANNED, InfusionState.HELD],
    ).select_related(
        "course__participant__site",
        "course__participant__study",
        "course__participant__protocol_version",
        "course__level",
    )
    latest_first = rows.order_by("-course__cycle", "-number")
    return {infusion.course.participant_id: infusion for infusion in latest_first}


def _windows(people: Iterable[Participant]) -> dict[int, DltWindow]:
    rows = DltWindow.objects.filter(participant__in=list(people))
    return {window.participant_id: window for window in rows}


def _next_step(  # noqa: PLR0913 - what is known of one participant
    person: Participant,
    slot: Slot | None,
    infusion: Infusion | None,
    window: DltWindow | None,
    levels: Callable[[], list[DoseLevel]],
    now: datetime,
) -> _Next | None:
    """What this participant waits for; None when nothing is next."""
    level = slot.cohort.level.ordinal if slot and slot.cohort else None
    if person.state == ParticipantState.ELIGIBLE:
        return _towards_a_seat(person, slot, levels, now)
    if person.state == ParticipantState.SLOTTED:
        gates = partial(gates_for_lymphodepletion, person, now=now)
        return LYMPHODEPLETION, "lymphodepletion", level, gates
    if infusion is not None:
        gates = partial(gates_for_infusion, infusion, now=now)
        return INFUSION, f"infusion {infusion.number}", infusion.course.level.ordinal, gates
    if window is None or window.state in (WindowState.NOT_OPEN, WindowState.CLOSED):
        return None
    question = "statement at the end of the DLT window"
    return STATEMENT, question, level, partial(_statement_gates, person, now)


def _statement_gates(person: Participant, now: datetime) -> list[Gate]:
    return gates_for_statement(person, has_dlt=has_counted_dlt(person), now=now)


def _towards_a_seat(
    person: Participant, slot: Slot | None, levels: Callable[[], list[DoseLevel]], now: datetime
) -> _Next | None:
    """A reservation to be confirmed, or a seat for one in the queue; without a request nothing."""
    if slot is None or slot.state not in (SlotState.RESERVED, SlotState.REQUESTED):
        return None
    if slot.cohort is not None:
        level = slot.cohort.level.ordinal
        return (
            CONFIRM,
            f"confirm the seat at level {level}",
            level,
            partial(gates_for_confirmation, slot, now=now),
        )
    found = levels()
    if not found:
        return None
    gates = partial(gates_for_seat, person.study, found[0], now=now, participant=person)
    return SEAT, f"seat at level {found[0].ordinal}", found[0].ordinal, gates
