"""Giving an infusion: its safety check, its day, its cells, and what happened before entry."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cohorts.actions import leave_study, lift_hold, place_hold
from cohorts.models import Deviation, Hold, Outcome, Participant
from cohorts.states import HoldScope
from dosing.actions import (
    hold_infusion,
    miss_infusion,
    quarantine_lot,
    reschedule_infusion,
)
from dosing.models import Course, DltWindow, Infusion
from ntrust.models import Event
from safety.management.conduct import Conduct
from tests.dosing.lotted import (
    build,
    check,
    conditioned,
    deviations,
    give,
    give_on_day,
    lot,
    person_of,
    receive,
    record,
)
from tests.dosing.test_actions import begin
from tests.factories import (
    PASSWORD,
    kinds_since,
    refused,
    report_dlt_of,
    revision_of,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db
_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return person_of(trial)


def hold(trial: Conduct, **named: Any) -> Hold:
    named = {"scope": HoldScope.LEVEL, "level": trial.level(1), "reason": "a signal", **named}
    return place_hold(trial.study, by=trial.monitor, now=trial.tick(), **named)


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


# --- Already given ---------------------------------------------------------------------------


def test_infusion_given_before_a_hold_and_entered_after_it(
    trial: Conduct, person: Participant
) -> None:
    """Given at 9, held at 10, entered at 11."""
    first, *_ = conditioned(trial, person)
    nine = trial.now.replace(hour=9)
    trial.now = nine + timedelta(hours=1)
    hold(trial)
    trial.now = nine + timedelta(hours=2)
    with refused("no_infusion") as caught:
        give(trial, first, given_at=nine)
    assert shut(caught) == ["held_level"]
    before = revision_of(trial)

    record(trial, first, given_at=nine)

    person.refresh_from_db()
    window = DltWindow.objects.get(participant=person)
    assert (person.state, window.state, window.opened_at) == ("TREATED", "OPEN", nine)
    assert Outcome.objects.get(participant=person).first_infused_at == nine
    assert deviations() == ["ENTERED_HELD_LEVEL"]
    assert Deviation.objects.get().occurred_at == nine
    assert kinds_since(trial, before) == [
        "DEVIATION_NOTED",
        "INFUSION_GIVEN",
        "INFUSION_GIVEN_OUT_OF_ORDER",
    ]


def test_infusion_given_in_breach_of_a_hold_says_so(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    hold(trial)

    record(trial, first)

    assert deviations() == ["GIVEN_HELD_LEVEL"]


def test_hold_of_that_moment_counts_when_it_is_lifted_before_entry(
    trial: Conduct, person: Participant
) -> None:
    first, *_ = conditioned(trial, person)
    placed = hold(trial)
    given_at = trial.now + timedelta(minutes=10)
    trial.now = given_at + timedelta(minutes=10)
    lift_hold(placed, by=trial.monitor, password=PASSWORD, reason="over", now=trial.tick())
    with refused("no_infusion") as caught:
        give(trial, first, given_at=given_at)
    assert shut(caught) == ["held_then"]

    record(trial, first, given_at=given_at)

    assert deviations() == ["GIVEN_HELD_THEN"]


def test_first_infusion_is_recorded_though_lymphodepletion_was_not_completed(
    trial: Conduct, person: Participant
) -> None:
    course = begin(trial, person)
    first = course.infusions.get(number=1)
    trial.now += timedelta(days=5)

    record(trial, first)

    person.refresh_from_db()
    assert person.state == "TREATED"
    assert deviations() == ["GIVEN_LYMPHODEPLETION_GIVEN"]
    assert "no lymphodepletion" in Outcome.objects.get(participant=person).because


def test_every_shut_gate_is_a_deviation_of_its_own(trial: Conduct, person: Participant) -> None:
    first, second, _ = conditioned(trial, person)
    give(trial, first)
    report_dlt_of(trial, person)
    hold_infusion(second, reason="a DLT", by=trial.monitor, now=trial.tick())

    record(trial, second, lot=receive(trial, "A13"), given_at=trial.now)

    assert deviations() == [
        "GIVEN_PLANNED",
        "GIVEN_SAFETY_CHECKED",
        "GIVEN_NO_DLT_OF_ONES_OWN",
        "GIVEN_LOT_RELEASED",
        "INFUSION_OUTSIDE_WINDOW",
    ]
    event = Event.objects.get(kind="INFUSION_GIVEN_OUT_OF_ORDER")
    assert event.data["rules"].split(", ")[0] == "planned"


def test_lot_quarantined_since_is_no_breach(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    given_at = trial.now
    trial.now += timedelta(hours=1)
    quarantine_lot(lot(), reason="a warm box", by=trial.monitor, now=trial.tick())

    record(trial, first, given_at=given_at)

    assert deviations() == ["ENTERED_LOT_RELEASED"]


def test_infusion_of_one_who_left_is_recorded_and_opens_the_window(
    trial: Conduct, person: Participant
) -> None:
    first, *_ = conditioned(trial, person)
    given_at = trial.now
    trial.now += timedelta(hours=1)
    by = trial.crews[0].investigator
    leave_study(person, to="WITHDRAWN", reason="moved", by=by, now=trial.tick())

    record(trial, first, given_at=given_at)

    person.refresh_from_db()
    assert (person.state, deviations()) == ("WITHDRAWN", ["GIVEN_ON_TREATMENT"])
    assert DltWindow.objects.get(participant=person).state == "OPEN"


def test_infusion_entered_as_missed_by_mistake_breaks_no_rule(
    trial: Conduct, person: Participant
) -> None:
    first, *_ = conditioned(trial, person)
    by = trial.crews[0].investigator
    miss_infusion(first, reason="fever", is_for_toxicity=True, by=by, now=trial.tick())

    given = record(trial, first)

    assert (given.state, given.is_missed_for_toxicity, deviations()) == ("GIVEN", False, [])
    assert Event.objects.filter(kind="INFUSION_GIVEN_OUT_OF_ORDER").exists()


def test_what_can_be_entered_in_the_ordinary_way_is(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    with refused("nothing_in_the_way"):
        record(trial, first)
    with refused("reason_needed"):
        record(trial, first, because="too short a reason.")
    give(trial, first)

    with refused("already_given"):
        record(trial, first)


def test_what_cannot_be_is_refused_all_the_same(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    hold(trial)
    ended_at = Course.objects.get().ended_at
    assert ended_at is not None

    with refused("future_date"):
        record(trial, first, given_at=trial.now + timedelta(hours=1))
    with refused("impossible_order"):
        record(trial, first, given_at=ended_at - timedelta(minutes=1))
    with refused("lot_used_up"):
        record(trial, first, given_cells=Decimal("6.1"))
    with refused("no_cells"):
        record(trial, first, given_cells=Decimal(0))


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
