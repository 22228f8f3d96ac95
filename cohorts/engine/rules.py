"""The 3+3 rules for every live state, as one table.

A state is the counts at each tried level plus the level now being dosed. It is read in two steps:
`find_toxic` and `find_working` say *where* the trial works (protocol rules 1 and 2), then the first
row of `RULES` that applies says *what* to do there (rules 3 to 8). A completed state, nobody
pending, therefore depends on three things only: the toxic level, the working level, its counts.
`cohorts.engine.bounds` uses that to list every reachable answer without trying every combination.

Source: protocol section "Dose escalation", rules 1-9, numbered as here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from cohorts.engine.design import (
    COHORT_SIZE,
    FULL_LEVEL,
    MINUS_ONE,
    NOBODY,
    TOXIC_AT,
    Answer,
    Design,
    ExpandOn,
    SecondDlt,
    StopOutcome,
    Tallies,
    Tally,
    Verdict,
)

# --- Rules 1 and 2: where the trial works ---------------------------------------------------


def find_toxic(tallies: Tallies) -> int | None:
    """Rule 1. The lowest level with two or more DLTs, whatever `n`; it and all above are closed."""
    return min([level for level, tally in tallies.items() if tally.x >= TOXIC_AT], default=None)


def find_working(
    design: Design, tallies: Tallies, toxic: int | None, undecided: Sequence[int]
) -> int | None:
    """Rule 2. The level whose counts decide; None when no dose is left below the toxic level.

    The lowest undecided level, so that a late DLT below brings the trial back down; else the
    highest tried below the toxic one. With nothing tried there, the lowest level of the ladder, and
    level -1 only when nothing else is left.
    """
    passed = find_passed(design, tallies, toxic, undecided)
    waiting = [level for level in undecided if level != passed]
    if waiting:
        return waiting[0]
    highest = max(_tried_below(tallies, toxic), default=None)
    if highest is not None:
        return highest
    if toxic is None or toxic > 1:
        return 1
    return MINUS_ONE if toxic == 1 and design.level_minus_one else None


def find_undecided(design: Design, tallies: Tallies, toxic: int | None) -> list[int]:
    """Levels below the toxic one with a DLT or someone pending, not settled in every completion."""
    return sorted(
        level
        for level in _tried_below(tallies, toxic)
        if tallies[level].x + tallies[level].pending > 0
        and not _is_settled_whatever(design, level, tallies[level], toxic)
    )


def _is_settled_whatever(design: Design, level: int, tally: Tally, toxic: int | None) -> bool:
    """Settled now and in every completion; the all-X completion is the counts of now."""
    return is_settled(design, level, tally, toxic) and (
        tally.pending == 0
        or all(is_settled(design, level, done, toxic) for done in completions(tally))
    )


def _tried_below(tallies: Tallies, toxic: int | None) -> list[int]:
    return [level for level in tallies if toxic is None or level < toxic]


def find_passed(
    design: Design, tallies: Tallies, toxic: int | None, undecided: Sequence[int]
) -> int | None:
    """The level that `escalate_with_pending` has taken the trial past, if any.

    Its pending participant is waited for before a second escalation, not before each seat. Only
    one level can be passed, and only by the next one up: with anyone undecided further down, the
    trial goes back there (rule 2).
    """
    if not design.escalate_with_pending or not undecided:
        return None
    level = undecided[0]
    is_one_below = max(_tried_below(tallies, toxic)) == design.next_up(level)
    return level if is_one_below and may_pass(design, level, tallies[level], toxic) else None


def may_pass(design: Design, level: int, tally: Tally, toxic: int | None) -> bool:
    """Whether `escalate_with_pending` lets this level be left with someone pending."""
    return is_settled(design, level, tally, toxic) and tally.x + tally.pending <= 1


# --- Rules 3 and 4: how many participants a level needs --------------------------------------


def target(design: Design, level: int, x: int, toxic: int | None) -> int:
    """Rule 3. Evaluable participants this level needs: 3 or 6."""
    if x == 1:
        return FULL_LEVEL
    confirms_top = level == design.doses and design.confirm_top_dose
    fills_mtd = toxic is not None and design.min_n_at_mtd == FULL_LEVEL
    return FULL_LEVEL if confirms_top or fills_mtd else COHORT_SIZE


def cap(design: Design, level: int, tally: Tally, toxic: int | None) -> int:
    """Rule 3. Seats this level may fill: its target, but three until three are evaluable."""
    if tally.n < COHORT_SIZE and design.expand_on_first_dlt is ExpandOn.AT_THREE:
        return COHORT_SIZE
    return target(design, level, tally.x, toxic)


def is_settled(design: Design, level: int, tally: Tally, toxic: int | None) -> bool:
    """Rule 4. Enough participants, and few enough DLTs, to leave this level."""
    if tally.n >= FULL_LEVEL:
        return tally.x <= 1
    is_clean_three = tally.n >= COHORT_SIZE and tally.x == 0
    return is_clean_three and target(design, level, tally.x, toxic) == COHORT_SIZE


def completions(tally: Tally) -> Iterator[Tally]:
    """Every way the pending of one level can end that the rules can tell apart.

    Each as no DLT, DLT or not evaluable. More than six evaluable, or more than two DLTs, change no
    answer, so a crowd of pending costs no more than six.
    """
    for evaluable in range(min(tally.pending, FULL_LEVEL) + 1):
        for with_dlt in range(min(evaluable, max(TOXIC_AT - tally.x, 0)) + 1):
            yield Tally(tally.n + evaluable, tally.x + with_dlt, 0)


# --- Rules 5 to 8: what to do there ----------------------------------------------------------


class Situation(NamedTuple):
    """Everything a row of the table may look at."""

    design: Design
    toxic: int | None
    working: int | None
    tally: Tally
    is_current_closed: bool
    waits_for_toxic: bool = False
    is_certain: bool = True
    is_passable: bool = False

    @property
    def level(self) -> int:
        assert self.working is not None
        return self.working

    @property
    def is_settled(self) -> bool:
        return is_settled(self.design, self.level, self.tally, self.toxic)

    @property
    def has_seats(self) -> bool:
        return self.tally.seats < cap(self.design, self.level, self.tally, self.toxic)

    @property
    def cap_rises(self) -> bool:
        """The moment a cohort of three becomes one of six: its seats are taken, or with a DLT
        under `at_once`, before."""
        rises = cap(self.design, self.level, self.tally, self.toxic) == FULL_LEVEL
        seats = self.tally.seats
        return rises and (seats == COHORT_SIZE or (seats < COHORT_SIZE and self.tally.x == 1))

    @property
    def is_below_toxic(self) -> bool:
        return self.design.next_up(self.level) == self.toxic

    @property
    def is_top(self) -> bool:
        return self.level == self.design.doses


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: its name (the protocol's rule number first), when it applies, what it answers."""

    name: str
    applies: Callable[[Situation], bool]
    answer: Callable[[Situation], Answer]
    because: str


def _stop(outcome: StopOutcome) -> Callable[[Situation], Answer]:
    return lambda s: Answer(Verdict.STOP, None, outcome, s.working)


def _at_level(verdict: Verdict) -> Callable[[Situation], Answer]:
    return lambda s: Answer(verdict, s.level)


RULES: tuple[Rule, ...] = (
    Rule(
        "8 complete the cohort",
        lambda s: s.waits_for_toxic,
        lambda s: Answer(Verdict.WAIT, s.toxic),
        "Two or more DLTs at level {toxic}: no further seat is filled there, and the protocol "
        "completes the seated participants before the level is closed.",
    ),
    Rule(
        "7 no dose left",
        lambda s: s.working is None,
        _stop(StopOutcome.NO_TOLERATED_DOSE),
        "Two or more DLTs at level {toxic}, and no planned level is left below it.",
    ),
    Rule(
        "7 level -1",
        lambda s: s.working == MINUS_ONE and s.tally == NOBODY and s.is_current_closed,
        _at_level(Verdict.DE_ESCALATE),
        "Two or more DLTs at level {toxic}: the planned level -1 opens.",
    ),
    Rule(
        "5 go back down",
        lambda s: not s.is_settled and s.has_seats and s.is_current_closed,
        _at_level(Verdict.DE_ESCALATE),
        "Two or more DLTs at level {toxic} close it and all above; level {level} still needs "
        "participants: {counts}, {target} needed.",
    ),
    Rule(
        "5 expand the cohort",
        lambda s: not s.is_settled and s.has_seats and s.cap_rises,
        _at_level(Verdict.EXPAND_COHORT),
        "Level {level} needs six: {counts}. Three more participants at this level.",
    ),
    Rule(
        "5 enrol",
        lambda s: not s.is_settled and s.has_seats,
        _at_level(Verdict.ENROL),
        "Level {level} has seats left: {counts}, {cap} seats in all.",
    ),
    Rule(
        "5 wait, seats taken",
        lambda s: not s.is_settled,
        _at_level(Verdict.WAIT),
        "All {cap} seats at level {level} are taken: {counts}.",
    ),
    Rule(
        "6 MTD",
        lambda s: s.is_below_toxic and s.is_certain,
        _stop(StopOutcome.MTD),
        "Level {level} is tolerated ({counts}) and the level above is toxic: level {level} is the "
        "maximum tolerated dose.",
    ),
    Rule(
        "6 MTD not reached",
        lambda s: not s.is_below_toxic and s.is_top and s.is_certain,
        _stop(StopOutcome.MTD_NOT_REACHED),
        "The highest planned level is tolerated ({counts}): the maximum tolerated dose was not "
        "reached.",
    ),
    Rule(
        "6 escalate",
        lambda s: not s.is_below_toxic and not s.is_top and s.is_certain,
        lambda s: Answer(Verdict.ESCALATE, s.design.next_up(s.level)),
        "Level {level} is tolerated ({counts}) and the next level is untried.",
    ),
    Rule(
        "6 escalate with pending",
        lambda s: not s.is_below_toxic and not s.is_top and s.is_passable,
        lambda s: Answer(Verdict.ESCALATE, s.design.next_up(s.level)),
        "Level {level} is tolerated on those evaluable ({counts}); the protocol lets one "
        "participant be pending while the next level opens.",
    ),
    Rule(
        "6 wait, not yet certain",
        lambda s: True,
        _at_level(Verdict.WAIT),
        "Those evaluable at level {level} would allow more ({counts}), but someone pending can "
        "still change the answer.",
    ),
)


def waits_for_toxic(design: Design, tallies: Tallies, toxic: int | None) -> bool:
    """Rule 8. Someone is still pending at the toxic level, and the design completes cohorts."""
    return (
        toxic is not None
        and design.second_dlt is SecondDlt.COMPLETE_COHORT
        and tallies[toxic].pending > 0
    )


def may_escalate_with_pending(
    design: Design, tallies: Tallies, toxic: int | None, undecided: Sequence[int]
) -> bool:
    """Rule 6 with `escalate_with_pending`: one level is open, the highest, and it may be passed."""
    if not design.escalate_with_pending or len(undecided) != 1:
        return False
    (level,) = undecided
    is_highest = level == max(_tried_below(tallies, toxic))
    return is_highest and may_pass(design, level, tallies[level], toxic)


def first_rule(situation: Situation) -> Rule:
    """The first row of the table that applies; the last row always does."""
    return next(rule for rule in RULES if rule.applies(situation))


def is_closed(current: int, toxic: int | None) -> bool:
    """Whether the level now being dosed is the toxic one or above it."""
    return toxic is not None and current >= toxic
