"""Flags: what a history did that the rules would not have recommended.

Protocol rule 9: never an error, always the answer of rules 1 to 8 plus a flag. Read from the
counts alone, so the order of participants does not matter and a history that followed the rules
raises none.
"""

from __future__ import annotations

from collections.abc import Iterator

from cohorts.engine.design import (
    COHORT_SIZE,
    FULL_LEVEL,
    MINUS_ONE,
    NOBODY,
    Design,
    ExpandOn,
    Flag,
    Tallies,
    Tally,
)


def flags(
    design: Design, tallies: Tallies, toxic: int | None, working: int | None
) -> tuple[Flag, ...]:
    """All flags of a state, each once, in alphabetical order."""
    raised = set(_level_flags(design, tallies, toxic, working)) | set(_order_flags(tallies))
    return tuple(sorted(raised))


def _level_flags(
    design: Design, tallies: Tallies, toxic: int | None, working: int | None
) -> Iterator[Flag]:
    main = [level for level in tallies if level != MINUS_ONE]
    for level, tally in tallies.items():
        if tally.seats > _most_seats(design, level, tally, fills=level == working and bool(toxic)):
            yield Flag.OVER_ENROLLED
        has_higher = level != MINUS_ONE and any(other > level for other in main)
        if has_higher and not _was_passable(design, tallies, level):
            yield Flag.DOSED_ABOVE_TOXIC if tally.is_toxic else Flag.ESCALATED_EARLY


def _order_flags(tallies: Tallies) -> Iterator[Flag]:
    main = sorted(level for level in tallies if level != MINUS_ONE)
    if main and main[0] > 1:
        yield Flag.STARTED_ABOVE_LEVEL_1
    if main and len(main) != main[-1] - main[0] + 1:
        yield Flag.SKIPPED_LEVEL
    if MINUS_ONE in tallies and not tallies.get(1, NOBODY).is_toxic:
        yield Flag.LEVEL_MINUS_ONE_EARLY


def _most_seats(design: Design, level: int, tally: Tally, *, fills: bool) -> int:
    """The most seats these counts can have had by the rules; `fills`: being filled as the MTD.

    Under at_three a fourth seat needs three evaluable with at most one DLT among them. The DLTs
    after that first one then came later, so at least two more than the DLTs are evaluable.
    """
    is_late_dlt = tally.is_toxic and tally.n - tally.x >= COHORT_SIZE - 1
    if design.expand_on_first_dlt is ExpandOn.AT_THREE and (
        tally.n < COHORT_SIZE or (tally.is_toxic and not is_late_dlt)
    ):
        return COHORT_SIZE
    if tally.is_toxic:
        return FULL_LEVEL
    confirms = level == design.doses and design.confirm_top_dose
    needs_six = tally.x == 1 or confirms or (fills and design.min_n_at_mtd == FULL_LEVEL)
    return FULL_LEVEL if needs_six else COHORT_SIZE


def _was_passable(design: Design, tallies: Tallies, level: int) -> bool:
    """Whether the trial can have left this level upwards by the rules.

    Three clean, or six with at most one DLT. A level that was left with three clean and is now
    being filled to six, because the next one is toxic, may have had its DLTs only since.
    """
    tally = tallies[level]
    if (tally.n >= COHORT_SIZE and tally.x == 0) or (tally.n >= FULL_LEVEL and tally.x <= 1):
        return True
    above = tallies.get(level + 1)
    is_filled_since = design.min_n_at_mtd == FULL_LEVEL and above is not None and above.is_toxic
    return is_filled_since and tally.n - tally.x >= COHORT_SIZE
