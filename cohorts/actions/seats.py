"""Cohort states that follow from their seats and outcomes."""

from __future__ import annotations

from django.db.models import Count, Q

from cohorts.engine.design import Tally
from cohorts.engine.rules import find_toxic
from cohorts.models import Cohort, DoseLevel
from cohorts.policies import free_seats
from cohorts.states import COHORT, LIVE_COHORTS, TAKEN_SLOTS, CohortState, OutcomeLetter, SlotState
from ntrust.change import Change


def mark_filled(cohort: Cohort) -> None:
    """OPEN while a seat is free, FULL when none is."""
    wanted = CohortState.OPEN if free_seats(cohort) else CohortState.FULL
    if cohort.state in (CohortState.OPEN, CohortState.FULL) and cohort.state != wanted:
        move_cohort(cohort, to=wanted)


def settle_cohorts(change: Change, tallies: dict[int, Tally]) -> None:
    """After the rules ran: stop cohorts at closed levels, review complete ones, reopen seats. An
    expansion cohort is never stopped by the 3+3: the RDE decision under it no longer stands."""
    toxic = find_toxic(tallies)
    taken = Count("slots", filter=Q(slots__state__in=TAKEN_SLOTS))
    settled = Count(
        "slots",
        filter=Q(slots__state=SlotState.CONFIRMED)
        & ~Q(slots__participant__outcome__letter=OutcomeLetter.PENDING),
    )
    cohorts = Cohort.objects.filter(study=change.study, state__in=LIVE_COHORTS)
    for cohort in cohorts.select_related("level").annotate(taken=taken, settled=settled):
        if cohort.part == 1 and toxic is not None and cohort.level.ordinal >= toxic:
            cohort.stopped_because = f"Two or more DLTs at level {toxic}."
            move_cohort(cohort, to=CohortState.STOPPED)
            continue
        wanted = _wanted_state(cohort.seats, taken=cohort.taken, settled=cohort.settled)
        if (cohort.state, wanted) == (CohortState.OPEN, CohortState.IN_REVIEW):
            move_cohort(cohort, to=CohortState.FULL)
        if cohort.state != wanted:
            move_cohort(cohort, to=wanted)


def _wanted_state(seats: int, *, taken: int, settled: int) -> CohortState:
    if taken < seats:
        return CohortState.OPEN
    return CohortState.IN_REVIEW if settled == seats else CohortState.FULL


def close_cohorts(change: Change, *, except_at: DoseLevel | None) -> None:
    """A decision for one level ends the cohorts of Part 1 at all others; a STOP ends all."""
    live = Cohort.objects.filter(study=change.study, part=1, state__in=LIVE_COHORTS)
    for cohort in live.exclude(level=except_at) if except_at else live:
        move_cohort(cohort, to=CohortState.CLOSED)


def move_cohort(cohort: Cohort, *, to: str) -> None:
    """The only writer of a cohort's state."""
    COHORT.check(cohort.state, to)
    cohort.state = to
    cohort.save(update_fields=["state", "stopped_because"])
