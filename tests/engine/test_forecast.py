"""When will a slot open: worked by hand, and what must hold of every state."""

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise

import pytest

from cohorts.engine.advice import recommend
from cohorts.engine.design import DesignError, Tally
from cohorts.engine.forecast import Standing, Timing, forecast
from cohorts.engine.notation import count, find_current, parse
from tests.engine.designs import make_design, reachable, tallies_of

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
TIMING = Timing(
    seat_to_infusion=timedelta(days=5),
    window=timedelta(days=29),
    stagger=timedelta(0),
    committee=timedelta(days=7),
)
"""A cohort, from its opening to its answer: 34 days; to the next one's opening: 41."""


def day(number):
    return NOW + timedelta(days=number)


def standing(text, *, closes=None, last=None, free=None, current=None):
    """A history in notation, the closes of its pending as days from now, level by level."""
    history = parse(text) if text else []
    tallies = count(history)
    return Standing(
        tallies=tallies,
        current=current or (find_current(history) if history else 1),
        closes={level: [day(n) for n in days] for level, days in (closes or {}).items()},
        last_infused={level: day(n) for level, n in (last or {}).items()},
        free=free or {},
    )


def days(text, *, dlts, timing=TIMING, design=None, **known):
    """Level to the day on which a seat opens; None for never."""
    found = forecast(
        design or make_design(),
        standing(text, **known),
        timing,
        now=NOW,
        further_dlts=dlts,
    )
    return {level: at and (at - NOW) / timedelta(days=1) for level, at in found.items()}


def with_stagger(number):
    return Timing(TIMING.seat_to_infusion, TIMING.window, timedelta(number), TIMING.committee)


# --- By hand -----------------------------------------------------------------------------------


def test_new_trial_climbs_a_cohort_at_a_time():
    """Decided in 7 days, treated in 5, answered in 29: 7, then each 41 later."""
    assert days("", dlts=0) == {1: 7, 2: 48, 3: 89}


def test_seats_already_open_are_open_now():
    assert days("", dlts=0, free={1: 3}) == {1: 0, 2: 41, 3: 82}


def test_last_window_that_ends_decides():
    """Three pending at level 1 close on days 3, 9 and 20; then 7 days for the committee."""
    known = {"closes": {1: [20, 3, 9]}}

    assert days("1PPP", dlts=0, **known) == {1: None, 2: 27, 3: 68}


def test_one_dlt_expands_the_cohort_first():
    """1/3 on day 20: three more open on day 27, answered 34 days later, level 2 after 7."""
    known = {"closes": {1: [20, 3, 9]}}

    assert days("1PPP", dlts=1, **known) == {1: 27, 2: 68, 3: 109}


def test_second_dlt_closes_the_level_at_once():
    """Two DLTs on days 3 and 9 at the first level: nothing is left."""
    known = {"closes": {1: [20, 3, 9]}}

    assert days("1PPP", dlts=2, **known) == {1: None, 2: None, 3: None}


def test_two_dlts_above_fill_the_level_below_to_six():
    """De-escalation: level 2 toxic on day 5, so three more at level 1 on day 12."""
    assert days("1NNN 2PPP", dlts=2, closes={2: [4, 5, 30]}) == {1: 12, 2: None, 3: None}


def test_two_dlts_open_level_minus_one_where_it_is_planned():
    design = make_design(minus_one=True)

    assert days("1PPP", dlts=2, design=design, closes={1: [3, 9, 20]}) == {
        -1: 16,
        1: None,
        2: None,
        3: None,
    }


def test_top_dose_is_confirmed_by_three_more():
    """0/3 at the top on day 4: three more on day 11."""
    assert days("1NNN 2NNN 3NNP", dlts=0, closes={3: [4]}) == {1: None, 2: None, 3: 11}


def test_top_dose_without_confirmation_ends_there():
    design = make_design(confirm=False)

    assert days("1NNN 2NNN 3NNP", dlts=0, design=design, closes={3: [4]}) == {
        1: None,
        2: None,
        3: None,
    }


def test_dlt_at_the_top_opens_seats_there_later_or_never_above():
    assert days("1NNN 2NNN 3NNP", dlts=1, closes={3: [4]}) == {1: None, 2: None, 3: 11}


def test_six_at_a_level_need_no_seat_before_the_next():
    """1/5 and one pending: without a DLT level 2 opens; with one level 1 is toxic."""
    known = {"closes": {1: [10]}}

    assert days("1NTNNNP", dlts=0, **known) == {1: None, 2: 17, 3: 58}
    assert days("1NTNNNP", dlts=1, **known) == {1: None, 2: None, 3: None}


def test_stagger_puts_each_next_infusion_off():
    """Infusions on days 5, 12 and 19; the last window ends on day 48, level 2 opens on day 55."""
    found = days("", dlts=0, timing=with_stagger(7), free={1: 3})

    assert found == {1: 0, 2: 55, 3: 110}


def test_stagger_counts_from_the_last_infusion_at_the_level():
    """Infused on day 2: the two free seats on days 16 and 30, closing on day 59; day 66."""
    known = {"closes": {1: [31]}, "last": {1: 2}, "free": {1: 2}}

    assert days("1P", dlts=0, timing=with_stagger(14), **known)[2] == 66


def test_overdue_answer_is_awaited_from_now():
    assert days("1NNP", dlts=0, closes={1: [-9]}) == {1: None, 2: 7, 3: 48}


def test_who_finishes_before_the_decision_changes_it():
    """Five clean and one pending: level 2 may open on day 7, or after their close when later.

    `escalate_with_pending` is not chosen; the bounds have one element, so the close of day 3 does
    not start the committee again.
    """
    assert days("1NNNNNP", dlts=0, closes={1: [3]})[2] == 7
    assert days("1NNNNNP", dlts=1, closes={1: [3]})[2] == 7
    assert days("1NNNNNP", dlts=1, closes={1: [30]})[2] == 7


def test_pending_above_a_toxic_level_are_not_waited_for():
    """Level 2 is toxic already: the one pending there is followed up, level 1 is filled."""
    assert days("1NNN 2TTP", dlts=0, closes={2: [90]}) == {1: 7, 2: None, 3: None}


def test_protocol_that_completes_cohorts_waits_for_the_toxic_one():
    design = make_design(complete=True)

    assert days("1NNN 2TTP", dlts=0, design=design, closes={2: [10]})[1] == 17


def test_seats_opened_elsewhere_are_gone_once_another_level_opens():
    """Free seats at level 2 close when two DLTs there send the trial back to level 1."""
    found = days("1NNN 2PP", dlts=2, closes={2: [3, 4]}, free={2: 1})

    assert found == {1: 11, 2: 0, 3: None}


def test_level_off_the_ladder_is_refused():
    with pytest.raises(DesignError):
        days("9PPP", dlts=0, closes={9: [1, 2, 3]})


def test_pending_without_a_close_is_refused():
    with pytest.raises(ValueError, match="level 1"):
        days("1PPP", dlts=0, closes={1: [1, 2]})


# --- Of every state ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stagger", "at_once", "with_pending", "complete"),
    [(0, False, False, False), (14, True, False, True), (14, False, True, False)],
)
def test_more_dlts_never_open_a_higher_level_earlier(stagger, at_once, with_pending, complete):
    design = make_design(
        2, complete=complete, minus_one=True, at_once=at_once, with_pending=with_pending
    )

    for current, state in islice(reachable(lambda s, c: ask(design, s, c)), 0, 6000, 31):
        tallies = tallies_of(state)
        by_dlts = [
            forecast(
                design,
                spread(tallies, current),
                with_stagger(stagger),
                now=NOW,
                further_dlts=dlts,
            )
            for dlts in range(4)
        ]
        higher = [level for level in design.levels if level > max([current, *tallies])]
        for fewer, more in pairwise(by_dlts):
            for level in higher:
                assert _place(fewer[level]) <= _place(more[level]), (state, level)


def ask(design, state, current):
    answer = recommend(design, tallies_of(state), current).answer
    return answer.verdict, answer.level


def spread(tallies, current):
    """Everybody pending closes on another day."""
    closes = {}
    for level, tally in tallies.items():
        closes[level] = [day(3 * place + level) for place in range(1, tally.pending + 1)]
    return Standing(tallies, current, closes, {}, {})


def _place(moment):
    return datetime.max.replace(tzinfo=UTC) if moment is None else moment


def test_nobody_is_forecast_into_a_toxic_level():
    tallies = {1: Tally(3, 0), 2: Tally(3, 2)}
    found = forecast(make_design(), spread(tallies, 2), TIMING, now=NOW, further_dlts=0)

    assert found[2] is None
    assert found[3] is None
