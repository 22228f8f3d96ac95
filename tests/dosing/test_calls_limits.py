"""A lower dose, doses that no answer opens, and lymphodepletion that has become too old."""

from datetime import timedelta
from typing import Any

import pytest

from cohorts.models import Deviation, Hold, Outcome, Participant
from safety.actions import pass_time_everywhere
from safety.management.conduct import Conduct
from tests.dosing.asked import (
    answer,
    build_conditioned,
    call_of,
    conditioned,
    first_infusion,
    give,
    give_second,
    hold,
    infused_once_after_a_call,
    lift,
)
from tests.factories import (
    answer_of,
    letters_at,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    run_cohort,
    seat,
    shared_trial,
    shut,
    treat,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build_conditioned)


# --- A lower dose ----------------------------------------------------------------------------


def test_lower_dose_before_infusion_1_moves_seat_and_count(trial: Conduct) -> None:
    hold(trial)
    person = conditioned()
    seat_before = person.slots.get(state="CONFIRMED")

    answer(trial, person, "LOWER_DOSE", lower_to=trial.level(1))

    infusion = first_infusion(person)
    assert infusion.assigned_cells == trial.level(1).dose
    assert infusion.course.level == trial.level(1)
    seat_before.refresh_from_db()
    assert seat_before.state == "RELEASED"
    give(trial, person)
    outcome = Outcome.objects.get(participant=person)
    assert (outcome.level, outcome.letter) == (trial.level(1), "P")
    assert (outcome.infusions[0]["assigned"], outcome.infusions[0]["given"]) == (10_000, 10_000)
    assert not Deviation.objects.filter(participant=person).exists()
    assert answer_of(trial)[1] == 1, "one is pending at level 1 again"


@pytest.mark.parametrize(("level", "code"), [(2, "not_lower"), (3, "not_lower")])
def test_lower_dose_is_lower(trial: Conduct, level: int, code: str) -> None:
    hold(trial)

    with refused(code):
        answer(trial, conditioned(), "LOWER_DOSE", lower_to=trial.level(level))


def test_dose_is_lowered_twice_where_no_seat_is_free() -> None:
    trial = open_level(make_trial(key="twice"))
    run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    run_cohort(trial, 2, "NNN")
    open_level(trial, 3)
    (person,) = seat(trial, 3)
    trial.condition([person], day_0=trial.now + timedelta(days=5))
    hold(trial, 3)
    answer(trial, person, "LOWER_DOSE", lower_to=trial.level(2))
    assert not person.slots.filter(state="CONFIRMED").exists()
    hold(trial, None, scope="STUDY")

    answer(trial, person, "LOWER_DOSE", lower_to=trial.level(1))

    assert first_infusion(person).course.level == trial.level(1)
    assert [letters_at(trial, level) for level in (1, 2, 3)] == ["NNNP", "NNN", ""]
    answer_of(trial)


def test_lower_dose_is_of_a_level_that_a_decision_has_opened(trial: Conduct) -> None:
    hold(trial)

    with refused("level_not_opened"):
        answer(trial, conditioned(), "LOWER_DOSE", lower_to=trial.level(-1))


def test_lowered_dose_never_rises_again(trial: Conduct) -> None:
    hold(trial)
    person = conditioned()
    answer(trial, person, "LOWER_DOSE", lower_to=trial.level(1))
    with refused("not_lower"):
        answer(trial, person, "LOWER_DOSE", lower_to=trial.level(1))

    answer(trial, person, "PROCEED")

    assert first_infusion(person).assigned_cells == trial.level(1).dose


# --- What no answer opens --------------------------------------------------------------------


def toxic_with_one_conditioned(**options: Any) -> tuple[Conduct, Participant]:
    """Two DLTs at level 1, beside one who is conditioned there."""
    trial = open_level(make_trial(key="other", level_minus_one=True, **options))
    people = seat(trial, 1, 3)
    trial.condition(people[2:], day_0=trial.now + timedelta(days=5))
    treat(trial, people[:2])
    for person in people[:2]:
        report_dlt_of(trial, person)
    return trial, people[2]


def test_nothing_lets_a_dose_through_that_two_dlts_closed() -> None:
    trial, person = toxic_with_one_conditioned()
    assert call_of(person).state == "RAISED"
    with refused("level_closed"):
        answer(trial, person, "PROCEED")
    with refused("no_infusion") as caught:
        give(trial, person)
    assert shut(caught) == ["level_closed", "held_level"]

    lift(trial, Hold.objects.get(study=trial.study))

    with refused("no_infusion") as caught:
        give(trial, person)
    assert shut(caught) == ["level_closed"]


def test_lower_dose_below_the_closed_level_waits_for_its_decision() -> None:
    trial, person = toxic_with_one_conditioned()
    with refused("level_not_opened"):
        answer(trial, person, "LOWER_DOSE", lower_to=trial.level(-1))
    open_level(trial, -1)

    answer(trial, person, "LOWER_DOSE", lower_to=trial.level(-1))
    assert call_of(person).state == "RAISED", "the move changed the basis of what opened level -1"
    answer(trial, person, "PROCEED")

    assert give(trial, person).state == "GIVEN"
    assert (letters_at(trial, 1), letters_at(trial, -1)) == ("TT", "P")
    assert person.slots.get(state="CONFIRMED").cohort.level == trial.level(-1)


def test_answer_from_before_the_second_dlt_opens_nothing_after_it() -> None:
    trial = open_level(make_trial(key="other"))
    people = seat(trial, 1, 3)
    trial.condition(people[2:], day_0=trial.now + timedelta(days=5))
    treat(trial, people[:2])
    report_dlt_of(trial, people[0])
    hold(trial, 1)
    answer(trial, people[2])

    report_dlt_of(trial, people[1])

    with refused("no_infusion") as caught:
        give(trial, people[2])
    assert shut(caught) == ["level_closed", "held_level", "held_level"]


def test_protocol_that_completes_its_cohort_may_proceed_at_its_toxic_level() -> None:
    trial, person = toxic_with_one_conditioned(second_dlt="complete_cohort")

    answer(trial, person, "PROCEED")

    assert give(trial, person).state == "GIVEN"


def test_nothing_opens_a_dose_to_one_with_a_dlt_of_their_own() -> None:
    trial, person = infused_once_after_a_call()
    report_dlt_of(trial, person)
    lift(trial, Hold.objects.get(study=trial.study))

    with refused("no_infusion") as caught:
        give_second(trial, person)

    assert shut(caught) == ["no_dlt_of_ones_own"]


# --- Too old ---------------------------------------------------------------------------------


def ageing() -> tuple[Conduct, Participant]:
    """One conditioned in a protocol that lets lymphodepletion be 14 days old."""
    limits = {"oldest_days": 14, "call_hours": 6}
    trial = open_level(make_trial(key="other", conduct={"lymphodepletion_limits": limits}))
    (person,) = seat(trial, 1)
    trial.condition([person], day_0=trial.now + timedelta(days=5))
    return trial, person


def test_infusion_1_is_given_until_lymphodepletion_is_too_old() -> None:
    trial, person = ageing()
    old_at = first_infusion(person).course.old_at
    assert old_at is not None
    trial.now = old_at - timedelta(minutes=2)

    assert give(trial, person).state == "GIVEN"


def test_old_lymphodepletion_asks_by_itself_and_only_an_answer_opens() -> None:
    trial, person = ageing()
    old_at = first_infusion(person).course.old_at
    assert old_at is not None
    assert pass_time_everywhere(now=old_at - timedelta(minutes=1)) == 0
    assert pass_time_everywhere(now=old_at) == 1
    assert pass_time_everywhere(now=old_at) == 0
    call = call_of(person)
    assert (call.kind, call.hold, call.due_at) == ("LD_OLD", None, old_at + timedelta(hours=6))
    trial.now = old_at
    with refused("no_infusion") as caught:
        give(trial, person)
    assert shut(caught) == ["lymphodepletion_recent"]

    answer(trial, person)

    assert give(trial, person).state == "GIVEN"


def test_answer_to_a_hold_is_none_to_old_lymphodepletion() -> None:
    trial, person = ageing()
    hold(trial, 1)
    answer(trial, person)
    trial.now += timedelta(days=14)

    with refused("no_infusion") as caught:
        give(trial, person)

    assert shut(caught) == ["lymphodepletion_recent"]
