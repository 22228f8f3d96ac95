"""Designs to test with, and the same options for the oracle."""

from itertools import product

from cohorts.engine.advice import recommend
from cohorts.engine.design import Design, ExpandOn, SecondDlt, Tally
from cohorts.engine.notation import count, find_current, parse
from tests.engine.oracle import Options


def make_design(
    doses=3,
    *,
    min_n=6,
    deescalate=True,
    confirm=True,
    complete=False,
    minus_one=False,
    at_once=False,
    with_pending=False,
):
    """The shipped protocol's design, with what a test wants different."""
    return Design(
        doses=doses,
        min_n_at_mtd=min_n,
        allow_deescalation=deescalate,
        confirm_top_dose=confirm,
        second_dlt=SecondDlt.COMPLETE_COHORT if complete else SecondDlt.STOP_NOW,
        level_minus_one=minus_one,
        expand_on_first_dlt=ExpandOn.AT_ONCE if at_once else ExpandOn.AT_THREE,
        escalate_with_pending=with_pending,
    )


def every_option(doses, *, minus_one=(False, True)):
    """Every combination of options at these doses, 64 with and without level -1."""
    for min_n, confirm, complete, minus, at_once, with_pending in product(
        (6, 3), (True, False), (False, True), minus_one, (False, True), (False, True)
    ):
        yield Options(doses, min_n, confirm, complete, minus, at_once, with_pending)


def design_of(options):
    """The engine's design for the oracle's options."""
    return make_design(
        options.doses,
        min_n=options.min_n,
        deescalate=options.min_n == 6,
        confirm=options.confirm,
        complete=options.complete,
        minus_one=options.minus_one,
        at_once=options.at_once,
        with_pending=options.with_pending,
    )


def tallies_of(state):
    """The engine's tallies for the oracle's state."""
    return {level: Tally(*counts) for level, counts in state.items()}


def reachable(ask):
    """Every state a trial can come to by seating where `ask(state, current)` says.

    `ask` returns (verdict, level). Any pending participant may be resolved at any time, as N, T or
    X. States are (current, {level: (n, x, p)}).
    """
    start = (1, ())
    seen, todo = {start}, [start]
    while todo:
        current, items = todo.pop()
        state = dict(items)
        yield current, state
        verdict, level = ask(state, current)
        after = []
        if level is not None and verdict != "WAIT":
            n, x, p = state.get(level, (0, 0, 0))
            after.append((level, {**state, level: (n, x, p + 1)}))
        for tried, (n, x, p) in items:
            if p:
                ends = ((n + 1, x, p - 1), (n + 1, x + 1, p - 1), (n, x, p - 1))
                after.extend((current, {**state, tried: end}) for end in ends)
        for level, counts in after:
            found = (level, tuple(sorted(counts.items())))
            if found not in seen:
                seen.add(found)
                todo.append(found)


def advise(text, *, design=None, **options):
    """The recommendation for a history in notation."""
    history = parse(text)
    chosen = make_design(**options) if design is None else design
    return recommend(chosen, count(history), find_current(history))


def say(text, **options):
    """The answer for a history in two words, such as "ESCALATE 2", "MTD 1", "NO_TOLERATED_DOSE"."""
    return words(advise(text, **options).answer)


def could_be(text, **options):
    """The bounds for a history, in words."""
    return [words(answer) for answer in advise(text, **options).bounds]


def words(answer):
    """An answer in two words."""
    verdict, level, outcome, mtd = answer
    parts = (verdict, level) if outcome is None else (outcome, mtd)
    return " ".join(str(part) for part in parts if part is not None)
