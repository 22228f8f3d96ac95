"""Properties of the rules, on the states a trial can come to and on histories of any kind."""

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cohorts.engine.advice import recommend
from cohorts.engine.design import MINUS_ONE, Verdict
from cohorts.engine.legality import is_legal
from cohorts.engine.notation import Cohort, count, find_current
from tests.engine.designs import design_of, every_option, make_design, reachable, tallies_of
from tests.engine.oracle import Options
from tests.engine.test_oracle import follow

OPTIONS = [
    *every_option(1, minus_one=(False,)),
    *(o for o in every_option(1, minus_one=(True,)) if o.confirm != o.with_pending),
    *(o for o in every_option(2, minus_one=(False,)) if o.confirm or not o.at_once),
    Options(3, 6, True, False, False, False, False),
]


@cache
def states_of(options):
    return list(reachable(follow(options)))


def advices(options):
    """Every legal state with its advice, and a memoised way to ask about another."""
    design = design_of(options)
    asked = {}

    def ask(state, current):
        key = (current, tuple(sorted(state.items())))
        if key not in asked:
            asked[key] = recommend(design, tallies_of(state), current)
        return asked[key]

    for current, state in states_of(options):
        yield current, state, ask(state, current), ask


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_legal_states_never_rank_higher_with_one_more_dlt_or_one_more_pending(options):
    """The known exception: under complete_cohort one more pending at a toxic level defers the
    de-escalation or stop (rule 8), which ranks lower only because it is about a lower dose.
    """
    for current, state, advice, ask in advices(options):
        for level, (n, x, pending) in state.items():
            if x < n:
                worse = ask({**state, level: (n, x + 1, pending)}, current)
                assert worse.answer.rank <= advice.answer.rank, (current, state, level)
            more = ask({**state, level: (n, x, pending + 1)}, current)
            is_deferred = options.complete and x >= 2 and more.verdict is Verdict.WAIT
            assert more.answer.rank <= advice.answer.rank or is_deferred, (current, state, level)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_legal_states_raise_no_flag_and_recommend_no_dose_never_given(options):
    for current, state, advice, _ in advices(options):
        assert advice.flags == (), (current, state)
        if advice.level is not None and advice.level not in state:
            is_next = advice.verdict is Verdict.ESCALATE
            is_first = not state and advice.level == 1
            is_minus_one = advice.verdict is Verdict.DE_ESCALATE and advice.level == MINUS_ONE
            assert is_next or is_first or is_minus_one, (current, state)
        if advice.mtd is not None:
            assert state[advice.mtd][0] >= min(options.min_n, 3), (current, state)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_two_dlts_close_the_level_and_all_above(options):
    for current, state, advice, _ in advices(options):
        toxic = [level for level, (_, x, _) in state.items() if x >= 2]
        for answer in (advice.answer, *advice.bounds):
            dose = answer.mtd if answer.level is None else answer.level
            if dose is None or not toxic:
                continue
            is_completing = options.complete and answer.verdict is Verdict.WAIT
            assert dose < min(toxic) or (is_completing and dose == min(toxic)), (current, state)


@pytest.mark.parametrize("min_n", [6, 3])
def test_declared_mtd_has_the_evaluable_the_design_asks_for(min_n):
    options = Options(3, min_n, True, False, False, False, False)
    for current, state, advice, _ in advices(options):
        if advice.outcome == "MTD":
            n, x, _ = state[advice.mtd]
            assert n >= min_n, (current, state)
            assert x <= 1
            assert state[advice.mtd + 1][1] >= 2


cohorts = st.builds(
    Cohort, st.sampled_from([-1, 1, 2, 3, 4]), st.text("NTPX", min_size=1, max_size=5)
)
histories = st.lists(cohorts, max_size=7).map(tuple)
designs = st.builds(
    make_design,
    st.just(4),
    min_n=st.sampled_from([6, 3]),
    confirm=st.booleans(),
    complete=st.booleans(),
    minus_one=st.just(True),
    at_once=st.booleans(),
    with_pending=st.booleans(),
)


@given(designs, histories)
@settings(max_examples=300, deadline=None)
def test_any_history_gets_an_answer_that_stays_below_the_toxic_level(design, history):
    tallies = count(history)

    advice = recommend(design, tallies, find_current(history))

    toxic = min((level for level, tally in tallies.items() if tally.x >= 2), default=99)
    if advice.verdict not in (Verdict.STOP, Verdict.WAIT):
        assert advice.level < toxic
    if advice.mtd is not None:
        assert advice.mtd < toxic
        assert tallies[advice.mtd].x <= 1
    if advice.verdict is Verdict.ESCALATE:
        below = [level for level in design.levels if level < advice.level]
        assert tallies[below[-1]].n >= 3
    assert advice.bounds
    assert advice.reasons


@given(designs, histories, st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_order_within_a_level_is_irrelevant(design, history, dice):
    shuffled = tuple(
        Cohort(level, "".join(dice.sample(letters, len(letters)))) for level, letters in history
    )

    current = find_current(history)
    advice = recommend(design, count(history), current)

    assert recommend(design, count(shuffled), current) == advice


@given(designs, histories)
@settings(max_examples=150, deadline=None)
def test_levels_listed_in_any_order_give_the_same_answer(design, history):
    tallies = count(history)
    backwards = dict(reversed(tallies.items()))

    current = find_current(history)

    assert recommend(design, backwards, current) == recommend(design, tallies, current)


@given(designs, st.data())
@settings(max_examples=120, deadline=None)
def test_a_history_that_follows_the_advice_is_legal_and_unflagged(design, data):
    """Seats where the engine says, lets outcomes become known in any order, writes it down."""
    letters, levels = [], []
    current = 1
    for _ in range(data.draw(st.integers(1, 14))):
        advice = recommend(design, _count_seats(levels, letters), current)
        unknown = [seat for seat, letter in enumerate(letters) if letter == "P"]
        can_seat = advice.verdict not in (Verdict.STOP, Verdict.WAIT)
        if unknown and (not can_seat or data.draw(st.booleans())):
            letters[data.draw(st.sampled_from(unknown))] = data.draw(st.sampled_from("NNNNTX"))
        elif can_seat:
            current = advice.level
            levels.append(current)
            letters.append("P")
    history = tuple(Cohort(level, letter) for level, letter in zip(levels, letters, strict=True))

    assert is_legal(design, history)
    assert recommend(design, _count_seats(levels, letters), current).flags == ()


def _count_seats(levels, letters):
    return count(Cohort(level, letter) for level, letter in zip(levels, letters, strict=True))
