"""The decision table of a design: what the rules say for each count at one level.

For people to read beside the protocol. The levels around it are put in a few typical states, the
cases; every answer comes from `recommend`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Final, NamedTuple

from cohorts.engine.advice import recommend
from cohorts.engine.design import (
    COHORT_SIZE,
    FULL_LEVEL,
    Design,
    Recommendation,
    Tallies,
    Tally,
    Verdict,
)

MOST_SEATS: Final = FULL_LEVEL + 1
"""One seat more than the rules ever fill, so that over-enrolment is in the table too."""

LEGEND: Final = """\
One row for each n (evaluable) and x (with a DLT), one column for each p (pending), at the level of
the case. "2-5" stands for every x from 2 to 5. A verdict is followed by the level it is about.
  ENROL  EXPAND (the cohort)  ESC (escalate)  DE-ESC (de-escalate)
  WAIT   all seats taken       WAIT?  seats and counts suffice, but someone pending can change it
  WAIT+  two DLTs: the seated participants complete first
  MTD    stop, this is the MTD     TOP  stop, MTD not reached, this level is tolerated
  NONE   stop, no tolerated dose   !    these counts raise a flag"""


class Case(NamedTuple):
    """A typical state around the level: where it is, and the counts of the other levels."""

    title: str
    level: int
    current: int
    others: Tallies


class Cell(NamedTuple):
    """These counts at the level of the case, and the advice."""

    tally: Tally
    advice: Recommendation


def cases(design: Design) -> list[Case]:
    """The typical states this ladder can show."""
    clean, toxic = Tally(COHORT_SIZE, 0), Tally(COHORT_SIZE, 2)
    top = design.doses
    below = dict.fromkeys(range(1, top), clean)
    found = [Case(f"level {top}, the highest; 3/0 below", top, top, below)]
    if top > 1:
        found = [
            Case("level 1, nothing above tried", 1, 1, {}),
            Case("level 1, level 2 toxic and current", 1, 2, {2: toxic}),
            Case("level 1 is current again, level 2 toxic", 1, 1, {2: toxic}),
            *found,
        ]
    if design.level_minus_one:
        found.append(Case("level -1 is current, level 1 toxic", -1, -1, {1: toxic}))
    return found


def cells(design: Design, case: Case) -> Iterator[Cell]:
    """Every count with n + p up to seven; by n, then x, then p."""
    for n in range(MOST_SEATS + 1):
        for x in range(n + 1):
            for pending in range(MOST_SEATS - n + 1):
                tally = Tally(n, x, pending)
                tallies = {**case.others, case.level: tally}
                yield Cell(tally, recommend(design, tallies, case.current))


def grid(cells: Iterable[Cell]) -> Iterator[str]:
    """The cells of one case as lines of text, rows with equal answers put together."""
    yield _line("n", "x", [f"p={pending}" for pending in range(MOST_SEATS + 1)])
    rows = [
        (n, x, [short(cell.advice) for cell in row])
        for (n, x), row in groupby(cells, lambda cell: (cell.tally.n, cell.tally.x))
    ]
    for (n, answers), same in groupby(rows, lambda row: (row[0], row[2])):
        xs = [x for _, x, _ in same]
        yield _line(str(n), str(xs[0]) if len(xs) == 1 else f"{xs[0]}-{xs[-1]}", answers)


def _line(n: str, x: str, answers: list[str]) -> str:
    return (f"{n:>3} {x:>4} | " + "".join(f"{answer:<12}" for answer in answers)).rstrip()


_SHORT = {
    Verdict.ENROL: "ENROL",
    Verdict.WAIT: "WAIT",
    Verdict.EXPAND_COHORT: "EXPAND",
    Verdict.ESCALATE: "ESC",
    Verdict.DE_ESCALATE: "DE-ESC",
}
_ENDS = {"MTD": "MTD", "MTD_NOT_REACHED": "TOP", "NO_TOLERATED_DOSE": "NONE"}
_WAITS = {"6": "?", "8": "+"}


def short(advice: Recommendation) -> str:
    """A recommendation in a few characters, as LEGEND explains them."""
    word = _SHORT.get(advice.verdict) or _ENDS[str(advice.outcome)]
    if advice.verdict is Verdict.WAIT:
        word += _WAITS.get(advice.rule[0], "")
    level = advice.mtd if advice.is_stopped else advice.level
    where = "" if level is None else f" {level}"
    return f"{word}{where}{' !' if advice.flags else ''}"
