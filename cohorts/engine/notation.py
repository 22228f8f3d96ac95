"""Statisticians' notation for a history: `1NNN 2NTP` is level 1, three without DLT, then level 2.

One letter a participant: N no DLT, T DLT, P pending, X not evaluable. Level -1 is written `-1NNN`.
The current level is the last written. An empty history is a trial that has not started.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, NamedTuple

from cohorts.engine.design import Tally

NO_DLT: Final = "N"
DLT: Final = "T"
PENDING: Final = "P"
NOT_EVALUABLE: Final = "X"
LETTERS: Final = NO_DLT + DLT + PENDING + NOT_EVALUABLE

_LEVEL = re.compile(r"-1|[1-9][0-9]?")


class Cohort(NamedTuple):
    """Participants dosed together: their level, and one letter each."""

    level: int
    letters: str


History = tuple[Cohort, ...]


class NotationError(ValueError):
    """The text is not a history. `position` counts characters from 1."""

    def __init__(self, sentence: str, text: str, index: int) -> None:
        self.position = index + 1
        found = f"found {text[index]!r}" if index < len(text) else "the text ends there"
        super().__init__(f"{sentence} at character {self.position} of {text!r}: {found}.")


def parse(text: str) -> History:
    """Read a history, or raise NotationError that points at the first wrong character."""
    return tuple(
        _parse_cohort(text, word.start(), word.end()) for word in re.finditer(r"[^ \t]+", text)
    )


def _parse_cohort(text: str, start: int, end: int) -> Cohort:
    level = _LEVEL.match(text, start)
    if level is None:
        raise NotationError("Expected a dose level (1 to 99, or -1)", text, start)
    if level.end() == end:
        raise NotationError(f"Expected a participant ({', '.join(LETTERS)})", text, end)
    for index in range(level.end(), end):
        if text[index] not in LETTERS:
            raise NotationError(f"Expected a participant ({', '.join(LETTERS)})", text, index)
    return Cohort(int(level.group()), text[level.end() : end])


def format_history(history: Iterable[Cohort]) -> str:
    """Write a history; `parse` reads it back unchanged."""
    return " ".join(f"{cohort.level}{cohort.letters}" for cohort in history)


def count(history: Iterable[Cohort]) -> dict[int, Tally]:
    """Counts at each level written. X counts nowhere, but its level was tried."""
    tallies: dict[int, Tally] = {}
    for level, letters in history:
        n, x, pending = tallies.get(level, Tally(0, 0))
        no_dlt, dlt = letters.count(NO_DLT), letters.count(DLT)
        tallies[level] = Tally(n + no_dlt + dlt, x + dlt, pending + letters.count(PENDING))
    return tallies


def find_current(history: History) -> int:
    """The level now being dosed: the last written; level 1 before the first participant."""
    return history[-1].level if history else 1
