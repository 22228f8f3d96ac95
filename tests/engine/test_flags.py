"""Flags: what a history did that the rules would not have recommended."""

from itertools import product

import pytest

from cohorts.engine.advice import recommend
from cohorts.engine.design import Flag
from tests.engine.designs import advise, design_of, every_option, reachable, tallies_of
from tests.engine.oracle import Options
from tests.engine.test_oracle import follow


@pytest.mark.parametrize(
    ("history", "options", "expected"),
    [
        ("1NNN 2NTP", {}, []),
        ("1NN", {}, []),
        ("1NNN 2NNNN", {}, ["OVER_ENROLLED"]),
        ("1NNTNNNN", {}, ["OVER_ENROLLED"]),
        ("1PPPP", {}, ["OVER_ENROLLED"]),
        ("1TPPP", {}, ["OVER_ENROLLED"]),
        ("1TPPP", {"at_once": True}, []),
        ("1TTPP", {}, ["OVER_ENROLLED"]),
        ("1TTNP", {}, ["OVER_ENROLLED"]),
        ("1TTNN", {}, []),
        ("1TTTNNN", {}, []),
        ("1TTTTNN", {}, []),
        ("1TTTTTN", {}, ["OVER_ENROLLED"]),
        ("1TTPPPP", {"at_once": True}, []),
        ("1TTPPPPP", {"at_once": True}, ["OVER_ENROLLED"]),
        ("1NN 2NNN", {}, ["ESCALATED_EARLY"]),
        ("1NNT 2N", {}, ["ESCALATED_EARLY"]),
        ("1NNTNNN 2N", {}, []),
        ("1TT 2N", {}, ["DOSED_ABOVE_TOXIC"]),
        ("1NNTNNT 2N", {}, ["DOSED_ABOVE_TOXIC"]),
        ("1NNN 3N", {}, ["SKIPPED_LEVEL"]),
        ("2N", {}, ["STARTED_ABOVE_LEVEL_1"]),
        ("2NNN 3N", {}, ["STARTED_ABOVE_LEVEL_1"]),
        ("3NN 1N", {}, ["ESCALATED_EARLY", "SKIPPED_LEVEL"]),
        ("-1N", {"minus_one": True}, ["LEVEL_MINUS_ONE_EARLY"]),
        ("-1TT", {"minus_one": True}, ["LEVEL_MINUS_ONE_EARLY"]),
        ("1TN -1N", {"minus_one": True}, ["LEVEL_MINUS_ONE_EARLY"]),
        ("1NNN 2TT -1N", {"minus_one": True}, ["LEVEL_MINUS_ONE_EARLY"]),
        ("1TT -1N", {"minus_one": True}, []),
        ("1TT -1NNNNNN", {"minus_one": True}, []),
        ("1TT -1NNNN", {"minus_one": True, "min_n": 3}, ["OVER_ENROLLED"]),
        ("1NNN 2TT 1NTT", {}, []),
        ("1NNN 2TT 1NTT", {"min_n": 3}, ["DOSED_ABOVE_TOXIC"]),
        ("1NNN 2TT 1NNT", {}, []),
        ("1NNN 2TT 1T", {}, []),
        ("1NT 2TT", {}, ["ESCALATED_EARLY"]),
        ("1NNTPPP", {}, []),
        ("1NNN 2TT 1NNN", {"min_n": 3}, ["OVER_ENROLLED"]),
        ("1NNN 2NNN 3NNNNNN", {}, []),
        ("1NNN 2NNN 3NNNNNN", {"confirm": False}, ["OVER_ENROLLED"]),
        ("1NN 2NN 3TT", {}, ["ESCALATED_EARLY"]),
        ("1NNNN 4N", {"doses": 4}, ["OVER_ENROLLED", "SKIPPED_LEVEL"]),
    ],
)
def test_flags_of_a_history(history, options, expected):
    assert list(advise(history, **options).flags) == expected


def test_flags_come_in_alphabetical_order():
    flags = advise("2TTTTTTT 4NNNN", doses=5).flags

    assert list(flags) == sorted(flags)
    assert set(flags) == {
        Flag.DOSED_ABOVE_TOXIC,
        Flag.OVER_ENROLLED,
        Flag.SKIPPED_LEVEL,
        Flag.STARTED_ABOVE_LEVEL_1,
    }


def counts_up_to(most):
    yield None
    for n in range(most + 1):
        for x in range(n + 1):
            for pending in range(most + 1 - n):
                yield (n, x, pending)


EXACT = [
    *(o for o in every_option(1, minus_one=(False,)) if not o.complete),
    Options(2, 6, True, False, False, False, False),
    Options(2, 3, False, False, False, True, False),
    Options(1, 6, True, False, True, False, False),
]


@pytest.mark.parametrize("options", EXACT, ids=str)
def test_counts_are_flagged_exactly_when_no_trial_by_the_rules_has_them(options):
    design = design_of(options)
    legal = {frozenset(state.items()) for _, state in reachable(follow(options))}
    levels = design.levels
    most = 7 if len(levels) == 1 else 6
    for counts in product(counts_up_to(most), repeat=len(levels)):
        state = {level: found for level, found in zip(levels, counts, strict=True) if found}
        is_flagged = bool(recommend(design, tallies_of(state), max(state, default=1)).flags)
        assert is_flagged == (frozenset(state.items()) not in legal), state
