"""Part 2 as one person may see it: the RDE, its cohorts, and where they stand to their boundary."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cohorts.engine.monitoring import Boundary
from cohorts.models import Cohort, DoseLevel, Outcome, Slot
from cohorts.policies import (
    Group,
    active_protocol,
    document_of,
    free_seats,
    gates_for_rde,
    gates_for_start,
    last_rde,
    open_gate,
    read_groups,
    stands,
)
from cohorts.queries.decisions import DecisionRow, HoldRow, read_decisions, read_holds
from cohorts.queries.gates import GateLine, read_gates
from cohorts.queries.viewers import Mask, Viewer, mask_for
from cohorts.queries.words import HARM, PLAN, QUIET, SETTLED, WAITING, Mark, name_dose
from cohorts.states import CohortState, OutcomeLetter, SlotState
from ntrust.models import Study
from ntrust.states import Role, StudyState

_COHORT_LOOKS: Final = {
    CohortState.OPEN: (PLAN, "●"),
    CohortState.FULL: (WAITING, "◔"),
    CohortState.IN_REVIEW: (WAITING, "◔"),
    CohortState.STOPPED: (HARM, "■"),
}


@dataclass(frozen=True)
class LevelChoice:
    """A level, and whether it may be the RDE now, or why not."""

    ordinal: int
    dose: str
    mark: Mark
    lines: tuple[GateLine, ...]


@dataclass(frozen=True)
class BoundaryRow:
    """So many DLTs stop it among `first` to `last` evaluated participants."""

    first: int
    last: int
    limit: int
    is_here: bool


@dataclass(frozen=True)
class GroupRow:
    """Who is monitored together. `needed` and `nearest` are in words; nobody unseen is named.
    `steps`: evaluated and with a DLT after each participant, from (0, 0) on."""

    name: str
    evaluated: int
    pending: int
    provisional: int
    dlts: int
    mark: Mark
    limit: int | None
    needed: str
    nearest: str
    rows: tuple[BoundaryRow, ...]
    boundary: Boundary
    steps: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class CohortRow:
    """An expansion cohort, counted; `people` are those the viewer may know."""

    number: int
    disease: str
    level: int
    decision: int
    state: Mark
    seats: int
    free: int
    enrolled: int
    treated: int
    evaluated: int
    pending: int
    dlts: int
    not_evaluable: int
    people: tuple[str, ...]
    unseen: int


@dataclass(frozen=True)
class Act:
    """Something this person may do now: the name of its page, and words."""

    name: str
    label: str
    is_harm: bool = False


@dataclass(frozen=True)
class Part2:
    """The whole page. `rde` is the last decision that selected one; `rde_dose` its dose."""

    study_state: str
    rde: DecisionRow | None
    rde_dose: str
    is_rde_standing: bool
    choices: tuple[LevelChoice, ...]
    start: tuple[GateLine, ...]
    groups: tuple[GroupRow, ...]
    cohorts: tuple[CohortRow, ...]
    holds: tuple[HoldRow, ...]
    monitoring: str
    counts_part_1: bool
    is_illustrative: bool
    acts: tuple[Act, ...]
    revision: int
    as_of: datetime


def read_part_2(viewer: Viewer, *, now: datetime) -> Part2:
    """The RDE and Part 2 of a study, for everybody in it; sites see their own people alone."""
    study, mask = viewer.study, mask_for(viewer)
    version = active_protocol(study)
    section = document_of(version).part_2 if version else None
    rde = last_rde(study)
    standing = rde is not None and stands(rde)
    rows = {row.number: row for row in read_decisions(study, mask)}
    holds = read_holds(study, viewer=viewer, mask=mask)
    at_rde = rde.level.ordinal if rde is not None and rde.level is not None else None
    is_over = study.state in (StudyState.COMPLETE, StudyState.TERMINATED)
    return Part2(
        study_state=StudyState(study.state).label,
        rde=rows.get(rde.number) if rde else None,
        rde_dose=_dose(rde.level) if rde is not None and rde.level is not None else "",
        is_rde_standing=standing,
        choices=_choices(study, mask) if version and not standing and not is_over else (),
        start=read_gates(gates_for_start(study, version), mask)
        if version and study.state == StudyState.RDE_SELECTED
        else (),
        groups=tuple(_group(one, mask) for one in read_groups(study, version)) if version else (),
        cohorts=_cohorts(study, viewer),
        holds=tuple(hold for hold in holds if _concerns(hold, at_rde)),
        monitoring=section.monitoring if section else "",
        counts_part_1=bool(section and section.counts_part_1),
        is_illustrative=bool(section and section.illustrative),
        acts=_acts(study, viewer, is_standing=standing),
        revision=study.revision,
        as_of=now,
    )


def _dose(level: DoseLevel) -> str:
    return name_dose(level.dose, level.unit)


def _concerns(hold: HoldRow, at_rde: int | None) -> bool:
    return hold.level is None or (at_rde is not None and hold.level <= at_rde)


def _choices(study: Study, mask: Mask) -> tuple[LevelChoice, ...]:
    levels = DoseLevel.objects.filter(study=study).order_by("-ordinal")
    return tuple(_choice(study, level, mask) for level in levels)


def _choice(study: Study, level: DoseLevel, mask: Mask) -> LevelChoice:
    lines = read_gates(gates_for_rde(study, level), mask)
    shut = tuple(line for line in lines if not line.is_clear)
    mark = Mark("not now", QUIET, "○") if shut else Mark("may be the RDE", SETTLED, "●")
    return LevelChoice(level.ordinal, _dose(level), mark, shut)


def _group(group: Group, mask: Mask) -> GroupRow:
    outlook = group.outlook
    if outlook.is_crossed:
        mark = Mark("boundary crossed", HARM, "■")
    elif group.could_cross:
        mark = Mark("crossed if the provisional DLTs count", HARM, "▲")
    else:
        mark = Mark("boundary not reached", SETTLED, "●")
    nearest = outlook.next
    return GroupRow(
        name=group.name,
        evaluated=group.n,
        pending=len(group.pending),
        provisional=len(group.provisional),
        dlts=group.x,
        mark=mark,
        limit=outlook.limit,
        needed=mask.cover(_needed(group)),
        nearest=f"next at {nearest.x} of {nearest.n}" if nearest else "",
        rows=_boundary_rows(group),
        boundary=group.boundary,
        steps=group.steps,
    )


def _needed(group: Group) -> str:
    """What the pending can make of it, in a sentence."""
    outlook, waiting = group.outlook, len(group.pending)
    if outlook.is_crossed:
        return "Already certain: the boundary is crossed, whatever anybody pending will show."
    if not waiting:
        return "Nobody is pending."
    if outlook.needed is None:
        return "Already certain: whatever the pending will show, they do not cross the boundary."
    names = ", ".join(str(row.participant) for row in group.pending)
    if outlook.needed == 1:
        if waiting == 1:
            return f"Crosses if {names} has a DLT."
        return f"Crosses if one of {names} has a DLT."
    return f"Crosses if {outlook.needed} of the {waiting} pending have a DLT: {names}."


def _boundary_rows(group: Group) -> tuple[BoundaryRow, ...]:
    """The boundary, runs of the same number put together."""
    runs: list[list[int]] = []
    for n, limit in sorted(group.boundary.items()):
        if runs and runs[-1][2] == limit:
            runs[-1][1] = n
        else:
            runs.append([n, n, limit])
    return tuple(
        BoundaryRow(first, last, limit, first <= group.n <= last) for first, last, limit in runs
    )


def _cohorts(study: Study, viewer: Viewer) -> tuple[CohortRow, ...]:
    cohorts = Cohort.objects.filter(study=study, part=2).select_related("level", "decision")
    rows = list(
        Slot.objects.filter(cohort__in=cohorts, state__in=[SlotState.CONFIRMED, SlotState.REPLACED])
        .select_related("participant")
        .order_by("id")
    )
    outcomes = {row.participant_id: row for row in Outcome.objects.filter(study=study, part=2)}
    return tuple(
        _cohort(cohort, [slot for slot in rows if slot.cohort_id == cohort.pk], outcomes, viewer)
        for cohort in cohorts.order_by("number")
    )


def _cohort(
    cohort: Cohort, slots: list[Slot], outcomes: dict[int, Outcome], viewer: Viewer
) -> CohortRow:
    people = {slot.participant_id: slot.participant for slot in slots}
    known = [outcomes[pk] for pk in people if pk in outcomes]
    letters = Counter(row.letter for row in known)
    seen = tuple(str(one) for one in people.values() if viewer.sees(one.site_id))
    state = CohortState(cohort.state)
    dlts = letters[OutcomeLetter.DLT]
    return CohortRow(
        number=cohort.number,
        disease=cohort.disease,
        level=cohort.level.ordinal,
        decision=cohort.decision.number,
        state=Mark(state.label, *_COHORT_LOOKS.get(state, (QUIET, "○"))),
        seats=cohort.seats,
        free=len(free_seats(cohort)),
        enrolled=len(people),
        treated=sum(row.first_infused_at is not None for row in known),
        evaluated=dlts + letters[OutcomeLetter.NO_DLT],
        pending=letters[OutcomeLetter.PENDING],
        dlts=dlts,
        not_evaluable=letters[OutcomeLetter.NOT_EVALUABLE],
        people=seen,
        unseen=len(people) - len(seen),
    )


def _acts(study: Study, viewer: Viewer, *, is_standing: bool) -> tuple[Act, ...]:
    if not viewer.holds((Role.STUDY_MANAGER,)) or not open_gate(study).is_clear:
        return ()
    found = []
    if study.state != StudyState.SETUP and not is_standing:
        found.append(Act("safety:select_rde", "Propose the RDE"))
    if study.state == StudyState.RDE_SELECTED:
        found.append(Act("cohorts:start_part_2", "Start Part 2"))
    if study.state in (StudyState.RDE_SELECTED, StudyState.EXPANDING):
        found.append(Act("cohorts:complete_study", "Complete the study"))
    found.append(Act("cohorts:terminate_study", "Terminate the study", is_harm=True))
    return tuple(found)


def read_rde_line(study: Study) -> str:
    """Where the study is past Part 1, in a sentence; nothing before."""
    rde = last_rde(study)
    if rde is None or rde.level is None or study.state in (StudyState.SETUP, StudyState.ESCALATING):
        return ""
    what = f"level {rde.level.ordinal} (decision #{rde.number})"
    if stands(rde):
        return f"Part 1 is over: RDE = {what}."
    return f"Part 1 was over: the RDE, {what}, no longer rests on what was signed."
