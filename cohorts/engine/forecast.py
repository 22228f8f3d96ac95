"""When will a slot open? The rules of the trial stepped forward over its dates.

Nothing here knows a rule: `recommend` is asked again each time somebody finishes. Dates are the
earliest possible: every seat is taken at once, everybody is treated as soon as the plan allows, and
nobody has to be replaced. Standard library only; "now" comes from outside.

Source: protocol sections "Dose escalation", "Stagger" and "DLT window".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cohorts.engine.advice import recommend
from cohorts.engine.design import COHORT_SIZE, NOBODY, Design, Tallies, Tally, Verdict
from cohorts.engine.lookahead import awaited
from cohorts.engine.rules import cap, find_toxic


@dataclass(frozen=True, slots=True)
class Timing:
    """What the plan takes: from a seat to infusion 1, from there to the end of the DLT window,
    between two infusions 1 at a level, and from a full answer to an opened level."""

    seat_to_infusion: timedelta
    window: timedelta
    stagger: timedelta
    committee: timedelta


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the trial stands. `closes`: level to the close of each pending participant's window.

    `last_infused`: level to the last infusion 1 there. `free`: level to seats that a decision in
    force has opened and nobody has taken.
    """

    tallies: Tallies
    current: int
    closes: Mapping[int, Sequence[datetime]]
    last_infused: Mapping[int, datetime]
    free: Mapping[int, int]


def forecast(
    design: Design, standing: Standing, timing: Timing, *, now: datetime, further_dlts: int
) -> dict[int, datetime | None]:
    """Level to the earliest moment at which a seat opens there; None where none will.

    The next `further_dlts` participants to finish have a DLT, everybody after them has none. A
    decision takes `timing.committee` from the moment the rules first say it; who finishes
    meanwhile may change it.
    Raises DesignError for a level off the ladder or counts that cannot be, ValueError where
    `closes` does not name everybody pending.
    """
    for level, tally in standing.tallies.items():
        if len(standing.closes.get(level, ())) != tally.pending:
            raise ValueError(f"level {level}: one close for each participant pending")
    walk = _Walk(
        design=design,
        timing=timing,
        tallies=dict(standing.tallies),
        current=standing.current,
        closes={level: sorted(closes) for level, closes in standing.closes.items()},
        last_infused=dict(standing.last_infused),
        free=dict(standing.free),
        at=now,
        dlts=further_dlts,
        opened={},
    )
    while walk.step():
        pass
    return {level: walk.opened.get(level) for level in design.levels}


@dataclass(slots=True)
class _Walk:
    """A trial on its way. `asked`: the level the rules send to, and since when they say so."""

    design: Design
    timing: Timing
    tallies: dict[int, Tally]
    current: int
    closes: dict[int, list[datetime]]
    last_infused: dict[int, datetime]
    free: dict[int, int]
    at: datetime
    dlts: int
    opened: dict[int, datetime]
    asked: tuple[int, datetime] | None = None

    def step(self) -> bool:
        """One thing happens; False when nothing more will."""
        advice = recommend(self.design, self.tallies, self.current)
        if advice.verdict is Verdict.STOP or advice.level is None:
            return False
        if advice.verdict is Verdict.WAIT:
            self.asked = None
            return self._finish_one(before=None)
        level = advice.level
        if self.free.get(level, 0):
            self._seat(level, seats=self.free.pop(level))
            return True
        if self.asked is None or self.asked[0] != level:
            self.asked = (level, self.at)
        opens_at = self.asked[1] + self.timing.committee
        if not self._finish_one(before=opens_at):
            self.at, self.asked, self.free = max(self.at, opens_at), None, {}
            self._seat(level, seats=COHORT_SIZE)
        return True

    def _finish_one(self, *, before: datetime | None) -> bool:
        """The next participant who can change the answer finishes; False when there is none."""
        finishing = [(self.closes[level][0], level) for level in self._awaited()]
        if not finishing:
            return False
        close, level = min(finishing)
        if before is not None and max(close, self.at) >= before:
            return False
        self.closes[level].pop(0)
        has_dlt = self.dlts > 0
        self.dlts -= has_dlt
        n, x, pending = self.tallies[level]
        self.tallies[level] = Tally(n + 1, x + has_dlt, pending - 1)
        self.at = max(self.at, close)
        return True

    def _awaited(self) -> Mapping[int, int]:
        return awaited(self.design, self.tallies)

    def _seat(self, level: int, *, seats: int) -> None:
        """Everybody who may is seated now and treated as soon as the plan allows."""
        tally = self.tallies.get(level, NOBODY)
        most = cap(self.design, level, tally, find_toxic(self.tallies)) - tally.seats
        count = min(seats, most)
        assert count > 0, "the rules send somebody where no seat is left"
        self.opened.setdefault(level, self.at)
        for _ in range(count):
            infused = self.at + self.timing.seat_to_infusion
            if level in self.last_infused:
                infused = max(infused, self.last_infused[level] + self.timing.stagger)
            self.last_infused[level] = infused
            self.closes.setdefault(level, []).append(infused + self.timing.window)
        self.closes[level].sort()
        self.tallies[level] = Tally(tally.n, tally.x, tally.pending + count)
        self.current = level
