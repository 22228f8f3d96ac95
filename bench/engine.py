"""How fast the engine answers: `python -m bench.engine` prints a table, then the same as JSON.

Medians of five. Ratios are against trying all 3 ** pending completions for the bounds, and against
figures published elsewhere for another implementation on another machine.
"""

from __future__ import annotations

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from itertools import combinations, product
from typing import Any, NamedTuple

from cohorts.engine.advice import answer_completed, recommend
from cohorts.engine.basis import make_basis, recommend_basis
from cohorts.engine.design import Design, ExpandOn, SecondDlt, Tally
from cohorts.engine.paths import operating_characteristics, paths
from cohorts.engine.sensitivity import find_sensitivity

REPEATS = 5
R_PATHS_SECONDS = 325.0
R_SIMULATION_SECONDS = 41.0
R_NOTE = "a published R implementation, figure taken elsewhere"


class Row(NamedTuple):
    """One measurement, in seconds, with its target and what it is compared with."""

    what: str
    seconds: float
    target: float
    compared: str
    compared_seconds: float

    @property
    def ratio(self) -> float:
        return self.compared_seconds / self.seconds


def main() -> int:
    """Print the table and the JSON; status 1 when a target is missed."""
    rows = measure()
    print(f"Python {platform.python_version()}, medians of {REPEATS}\n")
    print(f"{'what':<44}{'median':>10}{'target':>10}{'times faster':>14}  than")
    for row in rows:
        print(
            f"{row.what:<44}{_milli(row.seconds):>10}{_milli(row.target):>10}"
            f"{row.ratio:>14,.0f}  {row.compared} ({_milli(row.compared_seconds)})"
        )
    print()
    print(json.dumps([_plain(row) for row in rows], indent=1))
    return 0 if all(row.seconds <= row.target for row in rows) else 1


def measure() -> list[Row]:
    """Every measurement."""
    five, eight = _design(5), _design(8)
    clean = {level: Tally(3, 0) for level in range(1, 5)}
    live = {**clean, 5: Tally(0, 0, 6)}
    spread = {1: Tally(5, 0, 1), 2: Tally(5, 0, 1), 3: Tally(4, 1, 2), 4: Tally(1, 0, 2)}
    rates = [0.05, 0.10, 0.15, 0.20, 0.25, 0.30, 0.35, 0.40]
    chances = _median(lambda: operating_characteristics(eight, rates))
    return [
        _bounds_row("recommend, 5 levels, 6 pending at one", five, live, 5),
        _bounds_row("recommend, 5 levels, 6 pending at four", five, spread, 4),
        _sensitivity_row("hinges, 5 levels, 20 people, 20 calls", five),
        Row("exact characteristics, 8 levels", chances, 0.050, R_NOTE, R_SIMULATION_SECONDS),
        Row(
            "all 1,162 paths, 5 levels",
            _median(lambda: list(paths(five))),
            0.100,
            R_NOTE,
            R_PATHS_SECONDS,
        ),
    ]


def _bounds_row(what: str, design: Design, tallies: dict[int, Tally], current: int) -> Row:
    seconds = _median(lambda: recommend(design, tallies, current), times=200)
    slow = _median(lambda: _brute_force(design, tallies, current))
    return Row(what, seconds, 0.001, "all 3 ** 6 completions", slow)


def _sensitivity_row(what: str, design: Design) -> Row:
    """Robust against single calls, so that every pair is turned too."""
    letters = {1: "NNNNNT", 2: "NNNNNNXX", 3: "PPPPPP"}
    people = [(level, letter) for level in letters for letter in letters[level]]
    outcomes = [
        {"subject": f"P-{number:03d}", "level": level, "letter": letter}
        for number, (level, letter) in enumerate(people)
    ]
    basis = make_basis(design, current=3, outcomes=outcomes)
    ruled = {"N": "X", "X": "N"}
    doubts = [
        {**row, "kind": "ruled", "reads_as": ruled[row["letter"]], "because": ""}
        for row in outcomes
        if row["level"] == 2
    ]
    seconds = _median(lambda: find_sensitivity(basis, doubts), times=10)
    slow = _median(lambda: _turn_every_pair(basis, doubts))
    return Row(what, seconds, 0.020, "every pair of calls by itself", slow)


def _turn_every_pair(basis: dict[str, Any], doubts: list[dict[str, str]]) -> int:
    """The same calls, each and each pair, on rewritten rows."""
    calls = [(doubt["subject"], doubt["reads_as"]) for doubt in doubts]
    calls += [
        (row["subject"], letter)
        for row in basis["outcomes"]
        if row["letter"] == "P"
        for letter in "NT"
    ]
    turns = [(call,) for call in calls] + list(combinations(calls, 2))
    for turn in turns:
        read = dict(turn)
        outcomes = [
            {**row, "letter": read.get(row["subject"], row["letter"])} for row in basis["outcomes"]
        ]
        recommend_basis({**basis, "outcomes": outcomes})
    return len(turns)


def _brute_force(design: Design, tallies: dict[int, Tally], current: int) -> set[Any]:
    """Bounds as their definition says, one assignment of letters at a time."""
    pending = [level for level, tally in tallies.items() for _ in range(tally.pending)]
    answers = set()
    for letters in product("NTX", repeat=len(pending)):
        done = {level: Tally(n, x) for level, (n, x, _) in tallies.items()}
        for level, letter in zip(pending, letters, strict=True):
            n, x, _ = done[level]
            done[level] = Tally(n + (letter != "X"), x + (letter == "T"))
        answers.add(answer_completed(design, done, current))
    return answers


def _median(run: Callable[[], object], times: int = 1) -> float:
    """Seconds for one run, the median of five measurements of `times` runs each."""
    measured = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        for _ in range(times):
            run()
        measured.append((time.perf_counter() - began) / times)
    return statistics.median(measured)


def _design(doses: int) -> Design:
    return Design(
        doses=doses,
        min_n_at_mtd=6,
        allow_deescalation=True,
        confirm_top_dose=True,
        second_dlt=SecondDlt.STOP_NOW,
        level_minus_one=False,
        expand_on_first_dlt=ExpandOn.AT_THREE,
        escalate_with_pending=False,
    )


def _milli(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds * 1000:,.2f} ms"


def _plain(row: Row) -> dict[str, Any]:
    return {**row._asdict(), "times_faster": round(row.ratio, 1)}


if __name__ == "__main__":
    sys.exit(main())
