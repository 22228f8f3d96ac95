"""The engine against the oracle: answers and bounds, on states of every kind."""

import random

import pytest

from cohorts.engine.advice import recommend
from tests.engine import oracle
from tests.engine.designs import design_of, every_option, reachable, tallies_of
from tests.engine.oracle import Options

SHIPPED = Options(4, 6, True, False, False, False, False)
FOUR_LEVELS = [
    (SHIPPED, 10_458),
    (SHIPPED._replace(confirm=False), 10_386),
    (SHIPPED._replace(min_n=3), 658),
    (SHIPPED._replace(complete=True), 5_158),
]
THREE_LEVELS = [
    (SHIPPED._replace(doses=3, at_once=True, with_pending=True), 5_435),
    (SHIPPED._replace(doses=3, min_n=3, confirm=False, with_pending=True), 274),
]


def follow(options):
    """What a trial does that follows the engine."""
    design = design_of(options)

    def ask(state, current):
        answer = recommend(design, tallies_of(state), current).answer
        return answer.verdict, answer.level

    return ask


def assert_same(options, states):
    design = design_of(options)
    compared = 0
    for current, state in states:
        advice = recommend(design, tallies_of(state), current)
        assert tuple(advice.answer) == oracle.answer(options, state, current), (current, state)
        found = {tuple(answer) for answer in advice.bounds}
        assert found == oracle.bounds(options, state, current), (current, state)
        assert len(found) == len(advice.bounds)
        compared += 1
    return compared


@pytest.mark.parametrize(("options", "how_many"), FOUR_LEVELS, ids=str)
def test_every_reachable_state_of_four_levels(options, how_many):
    assert assert_same(options, reachable(follow(options))) == how_many


@pytest.mark.parametrize(("options", "how_many"), THREE_LEVELS, ids=str)
def test_every_reachable_state_of_three_levels_with_partial_cohort_options(options, how_many):
    assert assert_same(options, reachable(follow(options))) == how_many


@pytest.mark.parametrize("options", list(every_option(1, minus_one=(False,))), ids=str)
def test_every_reachable_state_of_one_level_under_every_option(options):
    assert assert_same(options, reachable(follow(options))) > 30


def test_every_reachable_state_with_level_minus_one():
    options = SHIPPED._replace(doses=1, minus_one=True)

    assert assert_same(options, reachable(follow(options))) == 721


def test_reachable_states_are_as_many_as_counted():
    counted = [sum(1 for _ in reachable(follow(SHIPPED._replace(doses=d)))) for d in (1, 2, 3)]

    assert counted == [49, 416, 2270]


def arbitrary_states(options, how_many, seed):
    """Counts of every kind, most of them off the protocol."""
    dice = random.Random(seed)
    levels = [-1] * options.minus_one + list(range(1, options.doses + 1))
    for _ in range(how_many):
        state = {}
        left = 5
        for level in levels:
            if dice.random() < 0.6:
                n, pending = dice.randint(0, 7), min(left, dice.choice([0, 0, 0, 1, 1, 2, 3, 4]))
                state[level] = (n, min(n, dice.choice([0, 0, 0, 1, 1, 2, 3])), pending)
                left -= pending
        yield dice.choice(levels), state


@pytest.mark.parametrize("doses", [1, 2, 3, 4, 5])
def test_arbitrary_states_under_every_option(doses):
    compared = 0
    for number, options in enumerate(every_option(doses)):
        compared += assert_same(options, arbitrary_states(options, 60, seed=number))
    assert compared == 64 * 60


def test_bounds_are_those_of_all_three_to_the_pending_assignments():
    options = SHIPPED._replace(minus_one=True)
    design = design_of(options)
    for current, state in arbitrary_states(options, 150, seed=7):
        advice = recommend(design, tallies_of(state), current)
        literally = oracle.bounds_one_by_one(options, state, current)
        assert {tuple(answer) for answer in advice.bounds} == literally, (current, state)


@pytest.mark.parametrize("with_pending", [False, True])
def test_a_crowd_of_pending_changes_nothing_but_the_count(with_pending):
    options = SHIPPED._replace(doses=2, with_pending=with_pending)
    states = [
        (current, {1: (n, x, 9), 2: (m, y, 8)})
        for n in range(8)
        for x in range(min(n, 3) + 1)
        for m, y in [(0, 0), (3, 1)]
        for current in (1, 2)
    ]

    assert assert_same(options, states) == len(states)


def test_ten_thousand_pending_are_answered_at_once():
    advice = recommend(design_of(SHIPPED), tallies_of({1: (0, 0, 10_000), 2: (3, 1, 9_999)}), 2)

    assert len(advice.bounds) > 1
