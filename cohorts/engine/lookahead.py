"""What comes next: every turn the trial can take from a live state, a few cohorts deep.

First everyone pending is resolved, then whole cohorts are seated where the rules say. Nothing here
knows a rule. Not evaluable outcomes are left out: they are replaced, so they only delay.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Final

from cohorts.engine.advice import recommend
from cohorts.engine.design import (
    COHORT_SIZE,
    NOBODY,
    Design,
    DesignError,
    Recommendation,
    Tallies,
    Tally,
    Verdict,
)
from cohorts.engine.paths import binomial, rates_by_level
from cohorts.engine.rules import cap, find_toxic, waits_for_toxic

MOST_NODES: Final = 20_000
"""A larger tree is refused: nobody reads it, and nobody should wait for it."""

Outcomes = Mapping[int, tuple[int, int]]
"""Level to (participants resolved there, with a DLT among them)."""


@dataclass(frozen=True, slots=True)
class Node:
    """One turn: what happened since the node above, where that leaves the trial, and what then.

    `chance` is that of this turn given the node above; None when no true rates were given.
    """

    happened: Outcomes
    tallies: Tallies
    current: int
    advice: Recommendation
    chance: float | None
    children: tuple[Node, ...]


def lookahead(
    design: Design,
    tallies: Tallies,
    current: int,
    *,
    cohorts: int = 2,
    rates: Sequence[float] | None = None,
) -> Node:
    """The tree from this state: those pending resolved, then up to `cohorts` further cohorts.

    A level with seats left from its cohort is filled first; that counts as a cohort. Participants
    at closed levels stay pending: they change nothing here. `rates` as in
    `operating_characteristics`. Raises DesignError for a tree above MOST_NODES.
    """
    by_level = None if rates is None else rates_by_level(design, rates)
    recommend(design, tallies, current)
    pending = awaited(design, tallies)
    turns = prod(waiting + 1 for waiting in pending.values())
    if cohorts < 0 or turns * (COHORT_SIZE + 2) ** cohorts > MOST_NODES:
        raise DesignError(
            f"Looking {cohorts} cohorts ahead with {sum(pending.values())} participants pending "
            "is not possible: ask for fewer cohorts, or resolve some participants first."
        )
    walk = _Walk(design, by_level)
    return walk.node({}, tallies, current, chance=None if rates is None else 1.0, left=cohorts)


def awaited(design: Design, tallies: Tallies) -> dict[int, int]:
    """Level to its pending participants, where they can still change the answer."""
    toxic = find_toxic(tallies)
    return {
        level: tally.pending
        for level, tally in sorted(tallies.items())
        if tally.pending
        and (
            toxic is None
            or level < toxic
            or (level == toxic and waits_for_toxic(design, tallies, toxic))
        )
    }


@dataclass(frozen=True, slots=True)
class _Walk:
    design: Design
    rates: Mapping[int, float] | None

    def node(
        self, happened: Outcomes, tallies: Tallies, current: int, *, chance: float | None, left: int
    ) -> Node:
        advice = recommend(self.design, tallies, current)
        pending = awaited(self.design, tallies)
        children: tuple[Node, ...] = ()
        if pending:
            children = tuple(self._turns(tallies, pending, current, left))
        elif left and advice.level is not None and advice.verdict is not Verdict.WAIT:
            seated = {advice.level: self._free_seats(tallies, advice.level)}
            children = tuple(self._turns(tallies, seated, advice.level, left - 1))
        return Node(happened, tallies, current, advice, chance, children)

    def _free_seats(self, tallies: Tallies, level: int) -> int:
        tally = tallies.get(level, NOBODY)
        seats = cap(self.design, level, tally, find_toxic(tallies))
        return min(COHORT_SIZE, seats - tally.seats)

    def _turns(
        self, tallies: Tallies, resolved: Mapping[int, int], current: int, left: int
    ) -> Iterator[Node]:
        """One node for each way these participants can end, fewest DLTs first."""
        for dlts in product(*(range(waiting + 1) for waiting in resolved.values())):
            happened = {
                level: (resolved[level], x) for level, x in zip(resolved, dlts, strict=True)
            }
            after = dict(tallies)
            for level, (ended, x) in happened.items():
                n, x_before, pending = tallies.get(level, NOBODY)
                after[level] = Tally(n + ended, x_before + x, max(0, pending - ended))
            chance = self._chance(happened)
            yield self.node(happened, after, current, chance=chance, left=left)

    def _chance(self, happened: Outcomes) -> float | None:
        if self.rates is None:
            return None
        return prod(binomial(ended, self.rates[level])[x] for level, (ended, x) in happened.items())
