"""The words of a 3+3 design: its options, the counts it reads and the answers it gives.

Source: protocol section "Dose escalation"; Korn et al., Stat Med 1994;13:1799 (six at the MTD).
Everything is an integer count of participants. Standard library only: no clock, no input or output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

COHORT_SIZE: Final = 3
FULL_LEVEL: Final = 2 * COHORT_SIZE
TOXIC_AT: Final = 2
MINUS_ONE: Final = -1


class Verdict(StrEnum):
    """What the rules say about the next participant."""

    ENROL = "ENROL"
    WAIT = "WAIT"
    EXPAND_COHORT = "EXPAND_COHORT"
    ESCALATE = "ESCALATE"
    DE_ESCALATE = "DE_ESCALATE"
    STOP = "STOP"


class StopOutcome(StrEnum):
    """How an escalation ends."""

    MTD = "MTD"
    MTD_NOT_REACHED = "MTD_NOT_REACHED"
    NO_TOLERATED_DOSE = "NO_TOLERATED_DOSE"


class SecondDlt(StrEnum):
    """What a second DLT does to participants already seated at its level."""

    STOP_NOW = "stop_now"
    COMPLETE_COHORT = "complete_cohort"


class ExpandOn(StrEnum):
    """When one DLT raises a level's cap from three to six."""

    AT_THREE = "at_three"
    AT_ONCE = "at_once"


class Flag(StrEnum):
    """What a history did that the rules would not have recommended."""

    DOSED_ABOVE_TOXIC = "DOSED_ABOVE_TOXIC"
    ESCALATED_EARLY = "ESCALATED_EARLY"
    LEVEL_MINUS_ONE_EARLY = "LEVEL_MINUS_ONE_EARLY"
    OVER_ENROLLED = "OVER_ENROLLED"
    SKIPPED_LEVEL = "SKIPPED_LEVEL"
    STARTED_ABOVE_LEVEL_1 = "STARTED_ABOVE_LEVEL_1"


class DesignError(ValueError):
    """The options contradict one another, or a level is not on the ladder."""


@dataclass(frozen=True, slots=True)
class Design:
    """A ladder of dose levels 1..`doses` and the named options of its 3+3 rules.

    No option has a default: nobody runs a trial under a rule that nobody chose.
    """

    doses: int
    min_n_at_mtd: int
    allow_deescalation: bool
    confirm_top_dose: bool
    second_dlt: SecondDlt
    level_minus_one: bool
    expand_on_first_dlt: ExpandOn
    escalate_with_pending: bool

    def __post_init__(self) -> None:
        if self.doses < 1:
            raise DesignError("A ladder has at least one dose level.")
        if self.min_n_at_mtd not in (COHORT_SIZE, FULL_LEVEL):
            raise DesignError("min_n_at_mtd is 3 or 6.")
        if self.min_n_at_mtd == FULL_LEVEL and not self.allow_deescalation:
            raise DesignError(
                "Six at the MTD needs de-escalation: a level left with three can only be filled "
                "to six by going back down. Choose min_n_at_mtd 3 or allow de-escalation."
            )

    @property
    def levels(self) -> tuple[int, ...]:
        """All levels of the ladder, lowest dose first."""
        main = tuple(range(1, self.doses + 1))
        return (MINUS_ONE, *main) if self.level_minus_one else main

    def next_up(self, level: int) -> int:
        """The level above; one more than `doses` above the top."""
        return 1 if level == MINUS_ONE else level + 1


class Tally(NamedTuple):
    """Counts at one level, in participants.

    `n` DLT-evaluable, `x` of them with at least one DLT, `pending` = confirmed seats without a
    counted DLT, without a signed and confirmed outcome, and not ruled not evaluable.
    """

    n: int
    x: int
    pending: int = 0

    @property
    def seats(self) -> int:
        """Seats taken: everyone who counts or still may."""
        return self.n + self.pending

    @property
    def is_toxic(self) -> bool:
        return self.x >= TOXIC_AT


Tallies = Mapping[int, Tally]
"""Level to its counts. A level is in it as soon as one participant was dosed there."""

NOBODY: Final = Tally(0, 0)


class Answer(NamedTuple):
    """One possible recommendation, without its reasons.

    `level` is where the next participant goes (WAIT: the level waited on; STOP: None). `mtd` is
    the MTD, or the highest tolerated level where the MTD was not reached.
    """

    verdict: Verdict
    level: int | None
    outcome: StopOutcome | None = None
    mtd: int | None = None

    @property
    def rank(self) -> int:
        """Order by dose, for comparing answers: higher is more dose. NO_TOLERATED_DOSE is lowest.

        Level -1 takes the place below level 1.
        """
        if self.verdict is Verdict.STOP:
            return -2 if self.mtd is None else 2 * _place(self.mtd) + 1
        assert self.level is not None
        return 2 * _place(self.level)


def _place(level: int) -> int:
    return 0 if level == MINUS_ONE else level


@dataclass(frozen=True, slots=True)
class Recommendation:
    """What the rules say, and everything needed to defend it.

    `bounds`: every answer still reachable, over each pending participant ending as no DLT, DLT or
    not evaluable. One element means "already certain, whatever they do". `working_level` and
    `counts` are what the rule that fired was read from.
    """

    answer: Answer
    rule: str
    working_level: int | None
    counts: Tally
    bounds: tuple[Answer, ...]
    flags: tuple[Flag, ...]
    reasons: tuple[str, ...]

    @property
    def verdict(self) -> Verdict:
        return self.answer.verdict

    @property
    def level(self) -> int | None:
        return self.answer.level

    @property
    def outcome(self) -> StopOutcome | None:
        return self.answer.outcome

    @property
    def mtd(self) -> int | None:
        return self.answer.mtd

    @property
    def is_stopped(self) -> bool:
        return self.answer.verdict is Verdict.STOP

    @property
    def is_certain(self) -> bool:
        return len(self.bounds) == 1
