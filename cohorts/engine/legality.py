"""Whether a history can have arisen by following the recommendations.

Flags say what is wrong with the counts; this asks about the order too, participant by participant.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

from cohorts.engine.advice import recommend
from cohorts.engine.design import Design, Tallies, Tally, Verdict
from cohorts.engine.notation import DLT, NO_DLT, NOT_EVALUABLE, PENDING, History


def is_legal(design: Design, history: History) -> bool:
    """Whether every seat was one the rules recommended at the moment it was filled.

    Participants are seated one by one in the order written; the outcome of each may become known
    at any time after, so earlier ones can still be unknown when the next is seated. P stays unknown
    to the end; X is pending until ruled, then replaced. A level off the ladder is not legal.
    """
    moments: set[_Moment] = {()}
    current = 1
    for level, letters in history:
        for letter in letters:
            moments = set(_seat(design, moments, current, level, letter))
            current = level
    return bool(moments)


class _Level(NamedTuple):
    """One level at one moment: counts known so far, and those seated but not known, by letter."""

    level: int
    n: int = 0
    x: int = 0
    to_be_n: int = 0
    to_be_t: int = 0
    to_be_x: int = 0
    to_stay_p: int = 0

    def later(self) -> Iterator[_Level]:
        """This level now and at every later moment before the next seat."""
        unknown = (self.to_be_n, self.to_be_t, self.to_be_x)
        for no_dlt, dlt, gone in product(*(range(count + 1) for count in unknown)):
            yield self._replace(
                n=self.n + no_dlt + dlt,
                x=self.x + dlt,
                to_be_n=self.to_be_n - no_dlt,
                to_be_t=self.to_be_t - dlt,
                to_be_x=self.to_be_x - gone,
            )

    def seat(self, letter: str) -> _Level:
        field = _FIELDS[letter]
        return self._replace(**{field: getattr(self, field) + 1})

    @property
    def tally(self) -> Tally:
        return Tally(self.n, self.x, self.to_be_n + self.to_be_t + self.to_be_x + self.to_stay_p)


_FIELDS = {
    NO_DLT: "to_be_n",
    DLT: "to_be_t",
    NOT_EVALUABLE: "to_be_x",
    PENDING: "to_stay_p",
}
_Moment = tuple[_Level, ...]


def _seat(
    design: Design, moments: set[_Moment], current: int, level: int, letter: str
) -> Iterator[_Moment]:
    """The moments just after this seat, from every later moment in which it was recommended."""
    for moment in {
        later for before in moments for later in product(*(seen.later() for seen in before))
    }:
        tallies: Tallies = {seen.level: seen.tally for seen in moment}
        if _recommends_seat(design, tallies, current, level):
            seated = {seen.level: seen for seen in moment}
            seated[level] = seated.get(level, _Level(level)).seat(letter)
            yield tuple(sorted(seated.values()))


def _recommends_seat(design: Design, tallies: Tallies, current: int, level: int) -> bool:
    advice = recommend(design, tallies, current)
    return advice.verdict is not Verdict.WAIT and advice.level == level
