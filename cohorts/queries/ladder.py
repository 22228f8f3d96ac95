"""The ladder: every level with its people, counts, state, decisions, holds and next date."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cohorts.engine.basis import read_design
from cohorts.engine.design import COHORT_SIZE, NOBODY, Design, Tally, Verdict
from cohorts.engine.rules import completions, find_toxic, is_settled
from cohorts.models import Cohort, DoseLevel, Recommendation
from cohorts.policies import gates_for_seat
from cohorts.queries.advice import Advice, latest_recommendation, read_advice
from cohorts.queries.decisions import DecisionRow, HoldRow, read_decisions, read_holds
from cohorts.queries.people import Counts, Person, count_people, read_people, tally_people
from cohorts.queries.seats import SeatGroup, read_cohorts, read_seats
from cohorts.queries.steady import read_steady
from cohorts.queries.upcoming import NextStep, next_steps
from cohorts.queries.viewers import Mask, Viewer, mask_for, may_inspect
from cohorts.queries.words import (
    HARM,
    PLAN,
    QUIET,
    SETTLED,
    WAITING,
    Mark,
    name_dose,
    name_level,
)
from cohorts.states import CohortState
from ntrust.errors import Gate
from ntrust.models import Study
from ntrust.states import StudyState


@dataclass(frozen=True)
class LevelRow:
    """One rung. `people` are those the viewer may know; `unseen` counts the others."""

    ordinal: int
    name: str
    dose: str
    is_illustrative: bool
    marks: tuple[Mark, ...]
    seats: tuple[SeatGroup, ...]
    counts: Counts
    people: tuple[Person, ...]
    unseen: int
    decisions: tuple[DecisionRow, ...]
    holds: tuple[HoldRow, ...]
    next_steps: tuple[NextStep, ...]

    @property
    def is_opened(self) -> bool:
        """Whether a cohort was ever opened here, or somebody counts here."""
        return bool(self.seats)


@dataclass(frozen=True)
class GateRow:
    """A gate for the next seat, with the mark that goes before its sentence."""

    mark: Mark
    clears_at: datetime | None
    clears_when: str
    who_can_clear: str


@dataclass(frozen=True)
class Ladder:
    """A study's escalation at one revision. `levels` and `decisions` newest or highest first."""

    study: Study
    study_state: str
    protocol_version: str
    revision: int
    as_of: datetime
    roles: tuple[str, ...]
    may_inspect: bool
    advice: Advice | None
    levels: tuple[LevelRow, ...]
    decisions: tuple[DecisionRow, ...]
    holds: tuple[HoldRow, ...]
    gates_level: str
    shut_gates: tuple[GateRow, ...]
    clear_gates: tuple[GateRow, ...]

    @property
    def can_enrol(self) -> bool:
        """Whether every gate of `gates_level` is clear."""
        return bool(self.clear_gates) and not self.shut_gates

    @property
    def wide_holds(self) -> tuple[HoldRow, ...]:
        """Holds that no single rung shows: of the whole study, of a site."""
        return tuple(hold for hold in self.holds if hold.level is None)


def ladder(study: Study, *, viewer: Viewer, now: datetime) -> Ladder:
    """The study's ladder for one viewer, all of one revision."""
    return read_steady(study, lambda revision: _read(study, viewer, now, revision))


def _read(study: Study, viewer: Viewer, now: datetime, revision: int) -> Ladder:
    mask = mask_for(viewer)
    row = latest_recommendation(study)
    levels = list(DoseLevel.objects.filter(study=study).order_by("-ordinal"))
    excluded = {one["subject"]: one["why"] for one in row.basis.get("excluded", ())} if row else {}
    people = read_people(study, viewer=viewer, mask=mask, now=now, excluded=excluded)
    cohorts = read_cohorts(study)
    seats = read_seats(cohorts, people, viewer=viewer)
    holds = read_holds(study, viewer=viewer, mask=mask)
    decisions = read_decisions(study, mask)
    target = _target_level(levels, cohorts, row)
    gates = gates_for_seat(study, target, now=now) if target else []
    return Ladder(
        study=study,
        study_state=StudyState(study.state).label,
        protocol_version=row.protocol_version.version if row else "",
        revision=revision,
        as_of=now,
        roles=viewer.roles,
        may_inspect=may_inspect(viewer),
        advice=read_advice(row, mask) if row else None,
        levels=_level_rows(levels, people, cohorts, seats, holds, decisions, _design(row)),
        decisions=tuple(reversed(decisions)),
        holds=tuple(holds),
        gates_level=name_level(target.ordinal) if target else "",
        shut_gates=tuple(_gate(gate, mask, row) for gate in gates if not gate.is_clear),
        clear_gates=tuple(_gate(gate, mask, row) for gate in gates if gate.is_clear),
    )


def _gate(gate: Gate, mask: Mask, row: Recommendation | None) -> GateRow:
    """Red for a hold and for a level closed by DLTs; anything else shut is waited for."""
    is_stop = gate.rule.startswith("held") or gate.rule == "level_closed"
    tone, shape = (SETTLED, "●") if gate.is_clear else (HARM, "■") if is_stop else (WAITING, "◔")
    who = gate.who_can_clear or "nobody"
    if gate.rule == "level_closed":
        when = "not again"
    elif gate.who_can_clear:
        when = "when signed"
    elif row is not None and row.verdict == Verdict.STOP:
        when = "not: the escalation has stopped"
    elif row and row.pending:
        when, who = "when the pending finish", "nobody can hasten it"
    else:
        when, who = "by a new decision", "those who sign decisions"
    mark = Mark(mask.cover(gate.sentence), tone, shape)
    return GateRow(mark, gate.clears_at, when, who)


def _design(row: Recommendation | None) -> Design | None:
    return read_design(row.basis["design"]) if row else None


def _target_level(
    levels: list[DoseLevel], cohorts: list[Cohort], row: Recommendation | None
) -> DoseLevel | None:
    """Where the next participant would go; after a stop, the level opened last."""
    by_ordinal = {level.ordinal: level for level in levels}
    if row is not None and row.level in by_ordinal:
        return by_ordinal[row.level]
    opened = [cohort for cohort in cohorts if cohort.opened_at is not None]
    if opened:
        return by_ordinal[opened[-1].level.ordinal]
    return by_ordinal.get(1)


def _level_rows(  # noqa: PLR0913 - everything a rung is made of
    levels: list[DoseLevel],
    people: list[Person],
    cohorts: list[Cohort],
    seats: Mapping[int, tuple[SeatGroup, ...]],
    holds: list[HoldRow],
    decisions: list[DecisionRow],
    design: Design | None,
) -> tuple[LevelRow, ...]:
    by_level: defaultdict[int, list[Person]] = defaultdict(list)
    for person in people:
        by_level[person.level].append(person)
    tallies = tally_people(people)
    rows = []
    for level in levels:
        here = by_level[level.ordinal]
        held = tuple(hold for hold in holds if _is_held_by(hold, level.ordinal))
        newest = next((c for c in reversed(cohorts) if c.level_id == level.pk), None)
        standing = _standing(design, tallies, level.ordinal)
        groups = seats.get(level.ordinal, ())
        rows.append(
            LevelRow(
                ordinal=level.ordinal,
                name=name_level(level.ordinal),
                dose=name_dose(level.dose, level.unit),
                is_illustrative=level.is_illustrative,
                marks=_marks(bool(held), standing, newest, groups),
                seats=groups,
                counts=count_people(here),
                people=tuple(person for person in here if person.is_seen),
                unseen=sum(not person.is_seen for person in here),
                decisions=_opened_by(decisions, level.ordinal),
                holds=held,
                next_steps=next_steps(here),
            )
        )
    return tuple(rows)


def _is_held_by(hold: HoldRow, level: int) -> bool:
    return hold.is_study_wide or (hold.level is not None and hold.level <= level)


def _opened_by(decisions: list[DecisionRow], level: int) -> tuple[DecisionRow, ...]:
    """Decisions for a level, newest first."""
    return tuple(row for row in reversed(decisions) if row.level == level)


def _standing(design: Design | None, tallies: Mapping[int, Tally], level: int) -> Mark | None:
    """What the counts alone say of a level: toxic, above a toxic one, tolerated, or nothing.

    A level left with three clean is no longer "tolerated" by a rule that wants six at the MTD; it
    then says what was seen.
    """
    toxic = find_toxic(tallies)
    if toxic is not None and level >= toxic:
        if level == toxic:
            return Mark("closed: toxic", HARM, "▲")
        return Mark(f"closed: {name_level(toxic)} is toxic", HARM, "■")
    tally = tallies.get(level, NOBODY)
    if design is not None and all(
        is_settled(design, level, done, toxic) for done in completions(tally)
    ):
        return Mark("tolerated", SETTLED, "●")
    if tally.n >= COHORT_SIZE and tally.x + tally.pending == 0:
        return Mark(f"no DLT in {tally.n}", SETTLED, "●")
    return None


def _marks(
    is_held: bool, standing: Mark | None, newest: Cohort | None, groups: tuple[SeatGroup, ...]
) -> tuple[Mark, ...]:
    """A level's states, the most serious first; the cohort's own only while it says more."""
    marks = [Mark("held", HARM, "■")] if is_held else []
    if standing is not None:
        marks.append(standing)
    cohort = _cohort_mark(newest, groups)
    says_more = newest is not None and newest.state == CohortState.OPEN
    if standing is None or says_more:
        marks.append(cohort)
    return tuple(marks)


def _cohort_mark(newest: Cohort | None, groups: tuple[SeatGroup, ...]) -> Mark:
    if newest is None:
        return Mark("seated" if groups else "not opened", QUIET, "○")
    if newest.state == CohortState.OPEN and newest.decision.is_in_force:
        free = sum(group.free for group in groups)
        return Mark(f"open, {free} {'seat' if free == 1 else 'seats'} free", PLAN, "●")
    tone, shape = {
        CohortState.FULL: (WAITING, "◔"),
        CohortState.IN_REVIEW: (WAITING, "◔"),
        CohortState.STOPPED: (HARM, "■"),
    }.get(CohortState(newest.state), (QUIET, "○"))
    return Mark(CohortState(newest.state).label, tone, shape)
