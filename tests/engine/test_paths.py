"""Paths and operating characteristics: the known numbers, and each against the other."""

import pytest

from cohorts.engine.advice import recommend
from cohorts.engine.design import DesignError, StopOutcome, Verdict
from cohorts.engine.legality import is_legal
from cohorts.engine.notation import count, find_current, format_history
from cohorts.engine.paths import binomial, count_paths, operating_characteristics, paths
from tests.engine.designs import make_design, words

SIX_CONFIRM = {}
SIX = {"confirm": False}
THREE = {"min_n": 3, "deescalate": False, "confirm": False}


@pytest.mark.parametrize(
    ("options", "known"),
    [
        (SIX_CONFIRM, [10, 46, 154, 442, 1162]),
        (SIX, [7, 34, 118, 346]),
        (THREE, [7, 19, 43, 91]),
        ({"minus_one": True}, [73, 217]),
    ],
)
def test_number_of_paths_is_the_known_one(options, known):
    designs = [make_design(doses, **options) for doses in range(1, len(known) + 1)]

    assert [count_paths(design) for design in designs] == known
    assert [sum(1 for _ in paths(design)) for design in designs] == known


def test_paths_of_one_level_read_as_a_statistician_writes_them():
    found = [
        f"{format_history(path.history)}: {words(path.answer)}" for path in paths(make_design(1))
    ]

    assert found == [
        "1NNN 1NNN: MTD_NOT_REACHED 1",
        "1NNN 1NNT: MTD_NOT_REACHED 1",
        "1NNN 1NTT: NO_TOLERATED_DOSE",
        "1NNN 1TTT: NO_TOLERATED_DOSE",
        "1NNT 1NNN: MTD_NOT_REACHED 1",
        "1NNT 1NNT: NO_TOLERATED_DOSE",
        "1NNT 1NTT: NO_TOLERATED_DOSE",
        "1NNT 1TTT: NO_TOLERATED_DOSE",
        "1NTT: NO_TOLERATED_DOSE",
        "1TTT: NO_TOLERATED_DOSE",
    ]


@pytest.mark.parametrize("options", [SIX_CONFIRM, SIX, THREE, {"complete": True}])
def test_every_path_is_legal_and_ends_as_the_rules_say(options):
    design = make_design(3, **options)
    for path in paths(design):
        advice = recommend(design, count(path.history), find_current(path.history))
        assert advice.answer == path.answer
        assert advice.flags == ()
        assert is_legal(design, path.history), path


def test_with_six_at_the_mtd_every_mtd_has_six_and_nothing_is_escalated_again():
    for path in paths(make_design(4)):
        tallies = count(path.history)
        levels = [cohort.level for cohort in path.history]
        highest = levels.index(max(levels))
        assert levels[: highest + 1] == sorted(levels[: highest + 1])
        assert levels[highest:] == sorted(levels[highest:], reverse=True)
        assert 3 <= sum(tally.n for tally in tallies.values()) <= 6 * 4
        if path.answer.outcome is StopOutcome.MTD:
            assert tallies[path.answer.mtd].n == 6


@pytest.mark.parametrize(
    ("options", "known", "expected_n"),
    [
        (SIX_CONFIRM, [0.027850, 0.201028, 0.438268, 0.332854], 13.090143),
        (SIX, [0.027833, 0.198355, 0.382268, 0.391545], 12.135008),
        (THREE, [0.026558, 0.181262, 0.400635, 0.391545], 10.700516),
    ],
)
def test_operating_characteristics_are_the_known_ones(options, known, expected_n):
    found = operating_characteristics(make_design(3, **options), [0.05, 0.15, 0.30])

    assert [round(p, 6) for p in (found.none, *found.recommended.values())] == known
    assert round(found.expected_n, 6) == expected_n
    assert list(found.recommended) == [1, 2, 3]


def enumerate_characteristics(design, rates):
    """The same by listing every path: slow, and with nothing merged."""
    by_level = dict(zip(design.levels, rates, strict=True))
    none = expected_n = expected_dlt = 0.0
    recommended = dict.fromkeys(design.levels, 0.0)
    for path in paths(design):
        chance = 1.0
        for level, letters in path.history:
            chance *= binomial(3, by_level[level])[letters.count("T")]
        if path.answer.mtd is None:
            none += chance
        else:
            recommended[path.answer.mtd] += chance
        expected_n += chance * 3 * len(path.history)
        expected_dlt += chance * sum(letters.count("T") for _, letters in path.history)
    return none, recommended, expected_n, expected_dlt


@pytest.mark.parametrize("minus_one", [False, True])
@pytest.mark.parametrize("min_n", [6, 3])
@pytest.mark.parametrize("confirm", [False, True])
@pytest.mark.parametrize("at_once", [False, True])
def test_operating_characteristics_equal_those_over_all_paths(minus_one, min_n, confirm, at_once):
    design = make_design(3, minus_one=minus_one, min_n=min_n, confirm=confirm, at_once=at_once)
    rates = ([0.02] if minus_one else []) + [0.1, 0.25, 0.45]

    found = operating_characteristics(design, rates)

    none, recommended, expected_n, expected_dlt = enumerate_characteristics(design, rates)
    assert found.none == pytest.approx(none, abs=1e-12)
    assert found.recommended == pytest.approx(recommended, abs=1e-12)
    assert found.expected_n == pytest.approx(expected_n, abs=1e-10)
    assert found.expected_dlt == pytest.approx(expected_dlt, abs=1e-10)
    assert found.none + sum(found.recommended.values()) == pytest.approx(1, abs=1e-12)


def test_operating_characteristics_at_the_edges():
    design = make_design(2, minus_one=True)

    always_safe = operating_characteristics(design, [0, 0, 0])
    never_safe = operating_characteristics(design, [1, 1, 1])
    only_below = operating_characteristics(design, [0, 1, 1])

    assert (always_safe.recommended, always_safe.expected_n) == ({-1: 0, 1: 0, 2: 1}, 9)
    assert (never_safe.none, never_safe.expected_n, never_safe.expected_dlt) == (1, 6, 6)
    assert (only_below.recommended, only_below.expected_dlt) == ({-1: 1, 1: 0, 2: 0}, 3)


@pytest.mark.parametrize(
    ("rates", "sentence"),
    [
        ([0.1], "2 true DLT rates are needed"),
        ([0.1, 0.2, 0.3], "2 true DLT rates are needed"),
        ([0.1, 1.2], "between 0 and 1, not 1.2"),
        ([-0.1, 0.2], "between 0 and 1, not -0.1"),
        ([float("nan"), 0.2], "between 0 and 1, not nan"),
    ],
)
def test_rates_that_do_not_fit_the_ladder_are_refused(rates, sentence):
    with pytest.raises(DesignError, match=sentence):
        operating_characteristics(make_design(2), rates)


def test_first_step_is_always_level_one():
    for path in paths(make_design(2, minus_one=True)):
        assert path.history[0].level == 1
        assert path.answer.verdict is Verdict.STOP
