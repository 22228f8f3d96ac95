"""Every way a trial can run, and how likely each ending is.

Both walk the rule table itself: cohorts of three are seated where it says, each ends with 0 to 3
DLTs, until it says stop. Nothing here knows a rule.
Source: domain of complete cohorts, Korn et al. 1994; Reiner et al., Comput Stat 1999;14:297.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb
from typing import Final, NamedTuple

from cohorts.engine.advice import answer_completed
from cohorts.engine.design import (
    COHORT_SIZE,
    FULL_LEVEL,
    NOBODY,
    TOXIC_AT,
    Answer,
    Design,
    DesignError,
    Tallies,
    Tally,
    Verdict,
)
from cohorts.engine.notation import DLT, NO_DLT, Cohort, History

START: Final = 1
"""The level a trial starts at."""


class Path(NamedTuple):
    """One way to run the trial: its cohorts in order, and the answer that ends it."""

    history: History
    answer: Answer


def paths(design: Design) -> Iterator[Path]:
    """Every path of complete cohorts of three from level 1, fewest DLTs first at each step."""
    yield from _extend(design, (), {}, START)


def _extend(design: Design, history: History, tallies: Tallies, current: int) -> Iterator[Path]:
    answer = answer_completed(design, tallies, current)
    if answer.level is None:
        yield Path(history, answer)
        return
    level = answer.level
    n, x, _ = tallies.get(level, NOBODY)
    for dlts in range(COHORT_SIZE + 1):
        cohort = Cohort(level, NO_DLT * (COHORT_SIZE - dlts) + DLT * dlts)
        after = {**tallies, level: Tally(n + COHORT_SIZE, x + dlts)}
        yield from _extend(design, (*history, cohort), after, level)


def count_paths(design: Design) -> int:
    """How many paths there are, without listing them."""
    once = dict.fromkeys(design.levels, (1,) * (COHORT_SIZE + 1))
    steps = _flow(design, once)
    return sum(round(weight) for answer, weight in steps if answer.verdict is Verdict.STOP)


@dataclass(frozen=True, slots=True)
class Characteristics:
    """What a design does on average when the true DLT rates are known.

    `recommended`: chance that each level is the one recommended, as the MTD or as the highest
    tolerated; `none` is the chance of no tolerated dose. `expected_n` and `expected_dlt` count
    participants.
    """

    none: float
    recommended: Mapping[int, float]
    expected_n: float
    expected_dlt: float


def operating_characteristics(design: Design, rates: Sequence[float]) -> Characteristics:
    """Exact, by dynamic programming over states; equal states are merged, no path is listed.

    `rates`: the true chance of a DLT at each level of `design.levels`, lowest dose first, so with
    level -1 its rate comes first. Raises DesignError for another number of rates, or one outside
    0 to 1.
    """
    by_level = rates_by_level(design, rates)
    chances = {level: binomial(COHORT_SIZE, rate) for level, rate in by_level.items()}
    recommended = dict.fromkeys(design.levels, 0.0)
    none = expected_n = expected_dlt = 0.0
    for answer, chance in _flow(design, chances):
        if answer.level is not None:
            expected_n += COHORT_SIZE * chance
            expected_dlt += COHORT_SIZE * chance * by_level[answer.level]
        elif answer.mtd is not None:
            recommended[answer.mtd] += chance
        else:
            none += chance
    return Characteristics(none, recommended, expected_n, expected_dlt)


def rates_by_level(design: Design, rates: Sequence[float]) -> dict[int, float]:
    """Level to its true DLT rate; DesignError when they do not fit the ladder."""
    if len(rates) != len(design.levels):
        raise DesignError(
            f"{len(design.levels)} true DLT rates are needed, lowest dose first "
            f"(level -1 before level 1); {len(rates)} given."
        )
    for rate in rates:
        if not 0 <= rate <= 1:
            raise DesignError(f"A true DLT rate lies between 0 and 1, not {rate}.")
    return dict(zip(design.levels, rates, strict=True))


def binomial(trials: int, rate: float) -> tuple[float, ...]:
    """The chance of 0, 1 .. `trials` DLTs among that many participants."""
    return tuple(comb(trials, x) * rate**x * (1 - rate) ** (trials - x) for x in range(trials + 1))


# --- Dynamic programming ---------------------------------------------------------------------

_State = tuple[int, tuple[tuple[int, Tally], ...]]
"""The current level and the counts; states that the rules cannot tell apart are one."""

_TOXIC: Final = Tally(TOXIC_AT, TOXIC_AT)
_FULL: Final = Tally(FULL_LEVEL, 0)


def _flow(design: Design, chances: Mapping[int, Sequence[float]]) -> Iterator[tuple[Answer, float]]:
    """Each answer met on the way, with its total weight, cohort by cohort.

    `chances`: level to the weight of 0, 1, 2, 3 DLTs in a cohort there.
    """
    layer: dict[_State, float] = {(START, ()): 1}
    while layer:
        after: dict[_State, float] = {}
        for (current, counts), weight in layer.items():
            tallies = dict(counts)
            answer = answer_completed(design, tallies, current)
            yield answer, weight
            if answer.level is None:
                continue
            for state, chance in _seat(tallies, answer.level, chances[answer.level]):
                after[state] = after.get(state, 0) + weight * chance
        layer = after


def _seat(tallies: Tallies, level: int, chances: Sequence[float]) -> Iterator[tuple[_State, float]]:
    """The states after one more cohort, without what the rules make themselves forget.

    A toxic level and all above are closed whatever their counts (rule 1), so they become one bare
    mark. A level with six is settled with or without its one DLT (rule 4), so those are one state.
    """
    n, x, _ = tallies.get(level, NOBODY)
    clean = TOXIC_AT - x
    below = tuple((tried, tally) for tried, tally in tallies.items() if tried < level)
    yield (level, (*below, (level, _TOXIC))), sum(chances[clean:])
    if n + COHORT_SIZE >= FULL_LEVEL:
        yield (level, _with(tallies, level, _FULL)), sum(chances[:clean])
        return
    for dlts in range(clean):
        yield (level, _with(tallies, level, Tally(n + COHORT_SIZE, x + dlts))), chances[dlts]


def _with(tallies: Tallies, level: int, tally: Tally) -> tuple[tuple[int, Tally], ...]:
    return tuple({**tallies, level: tally}.items())
