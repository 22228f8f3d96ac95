"""Giving an infusion: its safety check, its day, its cells, and what happened before entry."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cohorts.models import Participant
from dosing.actions import (
    miss_infusion,
    reschedule_infusion,
)
from dosing.models import Infusion
from safety.management.conduct import Conduct
from tests.dosing.lotted import (
    build,
    check,
    conditioned,
    deviations,
    give,
    give_on_day,
    person_of,
)
from tests.dosing.test_actions import begin
from tests.factories import (
    refused,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db
_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return person_of(trial)


# --- Safety check ----------------------------------------------------------------------------


def test_first_infusion_needs_no_check(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    with refused("no_safety_check"):
        check(trial, first)

    assert give(trial, first).state == "GIVEN"


def test_later_infusion_waits_for_its_check(trial: Conduct, person: Participant) -> None:
    first, second, _ = conditioned(trial, person)
    give(trial, first)
    trial.now += timedelta(days=7)
    with refused("no_infusion") as caught:
        give(trial, second)
    assert shut(caught) == ["safety_checked"]
    check(trial, second)

    assert give(trial, second).state == "GIVEN"


def test_check_that_says_no_keeps_the_gate_shut_until_a_later_one(
    trial: Conduct, person: Participant
) -> None:
    first, second, _ = conditioned(trial, person)
    give(trial, first)
    trial.now += timedelta(days=7)
    check(trial, second, answers={"fever": False, "icans": True}, comment="38.6 C")
    with refused("no_infusion") as caught:
        give(trial, second)
    assert shut(caught) == ["safety_checked"]
    assert "says no to: No fever." in caught.value.sentence
    check(trial, second)

    assert give(trial, second).state == "GIVEN"


def test_check_entered_after_the_infusion_does_not_clear_it(
    trial: Conduct, person: Participant
) -> None:
    first, second, _ = conditioned(trial, person)
    give(trial, first)
    trial.now += timedelta(days=7)
    given_at = trial.now - timedelta(minutes=30)
    check(trial, second)

    with refused("no_infusion") as caught:
        give(trial, second, given_at=given_at)

    assert shut(caught) == ["safety_checked"]


def test_check_comes_after_the_infusion_before_and_not_from_the_future(
    trial: Conduct, person: Participant
) -> None:
    first, second, _ = conditioned(trial, person)
    given = give(trial, first)
    with refused("impossible_order"):
        check(trial, second, checked_at=given.given_at)
    with refused("future_date"):
        check(trial, second, checked_at=trial.now + timedelta(hours=1))


@pytest.mark.parametrize(
    "answers", [{}, {"fever": True}, {"fever": True, "icans": True, "more": True}]
)
def test_check_answers_each_question(
    trial: Conduct, person: Participant, answers: dict[str, bool]
) -> None:
    first, second, _ = conditioned(trial, person)
    give(trial, first)

    with refused("answers_incomplete"):
        check(trial, second, answers=answers)


def test_check_of_one_already_missed_is_refused(trial: Conduct, person: Participant) -> None:
    _, second, _ = conditioned(trial, person)
    miss_infusion(
        second,
        reason="fever",
        is_for_toxicity=False,
        by=trial.crews[0].investigator,
        now=trial.tick(),
    )

    with refused("not_planned"):
        check(trial, second)


# --- Day and cells ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "shift", "noted"),
    [
        (1, -1, True),
        (1, 0, False),
        (1, 2, False),
        (1, 3, True),
        (2, -2, True),
        (2, -1, False),
        (2, 2, False),
        (2, 3, True),
    ],
)
def test_day_outside_the_visit_window_is_a_deviation(
    trial: Conduct, person: Participant, number: int, shift: int, noted: bool
) -> None:
    infusions = conditioned(trial, person)
    if number == 2:
        give(trial, infusions[0])
    chosen = infusions[number - 1]

    give_on_day(trial, chosen, chosen.planned_date + timedelta(days=shift))

    assert deviations() == (["INFUSION_OUTSIDE_WINDOW"] if noted else [])


def test_later_days_are_counted_from_the_first_infusion(
    trial: Conduct, person: Participant
) -> None:
    """Two days late is Day 0 all the same; Day 7 is counted from it."""
    first, second, third = conditioned(trial, person)
    planned = second.planned_date

    give_on_day(trial, first, first.planned_date + timedelta(days=2))

    second.refresh_from_db()
    third.refresh_from_db()
    assert second.planned_date == planned + timedelta(days=2)
    assert third.planned_date == planned + timedelta(days=9)
    give_on_day(trial, second, planned + timedelta(days=4))
    assert deviations() == []


@pytest.mark.parametrize(
    ("cells", "kinds"),
    [
        ("0.7990", ["INFUSION_BELOW_TOLERANCE"]),
        ("0.8000", []),
        ("1.2000", []),
        ("1.2010", ["INFUSION_ABOVE_TOLERANCE"]),
    ],
)
def test_cells_outside_the_tolerance_are_a_deviation(
    trial: Conduct, person: Participant, cells: str, kinds: list[str]
) -> None:
    first, *_ = conditioned(trial, person)
    reason = "" if Decimal(cells) >= Decimal("0.8") else "a bag leaked"

    give(trial, first, given_cells=Decimal(cells), reduced_because=reason)

    assert deviations() == kinds


def test_reduced_dose_has_its_reason(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)

    with refused("reason_needed"):
        give(trial, first, given_cells=Decimal("0.799"))


@pytest.mark.parametrize("cells", ["0.0099", "100.0001"])
def test_cells_off_by_a_power_are_a_typing_error(
    trial: Conduct, person: Participant, cells: str
) -> None:
    first, *_ = conditioned(trial, person)

    with refused("implausible_cells") as caught:
        give(trial, first, given_cells=Decimal(cells))

    assert f"{Decimal(cells):g}" in caught.value.sentence


def test_interruption_has_minutes_and_reason_and_fits(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    started = trial.now - timedelta(hours=1)
    stopped = started + timedelta(minutes=30)
    times = {"given_at": started, "stopped_at": stopped}
    for wrong in ({"interrupted_minutes": 5}, {"interrupted_because": "a rigor"}):
        with refused("reason_needed"):
            give(trial, first, **times, **wrong)
    with refused("impossible_order"):
        give(trial, first, **times, interrupted_minutes=31, interrupted_because="a rigor")
    with refused("impossible_order"):
        give(trial, first, given_at=started, stopped_at=started - timedelta(minutes=1))
    with refused("future_date"):
        give(trial, first, given_at=started, stopped_at=trial.now + timedelta(hours=1))

    given = give(trial, first, **times, interrupted_minutes=30, interrupted_because="a rigor")

    assert (given.stopped_at, given.interrupted_minutes) == (stopped, 30)


# --- Another day -----------------------------------------------------------------------------


def move(trial: Conduct, infusion: Infusion, days: int, **named: Any) -> Infusion:
    named = {"reason": "a storm", **named}
    return reschedule_infusion(
        infusion,
        planned_date=infusion.planned_date + timedelta(days=days),
        by=trial.crews[0].investigator,
        now=trial.tick(),
        **named,
    )


def test_infusion_is_planned_on_another_day_in_order(trial: Conduct, person: Participant) -> None:
    first, second, third = conditioned(trial, person)
    with refused("impossible_order"):
        move(trial, second, 7)
    with refused("impossible_order"):
        move(trial, second, -7)
    with refused("reason_needed"):
        move(trial, second, 1, reason=" ")
    with refused("nothing_changed"):
        move(trial, second, 0)
    with refused("past_date"):
        move(trial, first, -1)

    moved = move(trial, second, 8, moves_later=True)

    third.refresh_from_db()
    assert moved.planned_date - first.planned_date == timedelta(days=15)
    assert third.planned_date - moved.planned_date == timedelta(days=7)


def test_another_day_does_not_move_the_visit_window(trial: Conduct, person: Participant) -> None:
    first, second, _ = conditioned(trial, person)
    give(trial, first)
    moved = move(trial, second, 4)

    give_on_day(trial, second, moved.planned_date)

    assert deviations() == ["INFUSION_OUTSIDE_WINDOW"]
    with refused("not_planned"):
        move(trial, second, 1)


def test_lymphodepletion_comes_before_the_planned_day(trial: Conduct, person: Participant) -> None:
    started_at = trial.now
    course = begin(trial, person, started_at=started_at)
    first = course.infusions.get(number=1)

    with refused("past_date"):
        move(trial, first, -6)

    assert move(trial, first, -5).planned_date == started_at.date()
