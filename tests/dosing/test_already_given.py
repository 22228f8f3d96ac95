"""An infusion that was given though gates are shut, or were: written down, with what it breaks."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cohorts.actions import leave_study, place_hold
from cohorts.models import Deviation, Hold, Outcome, Participant
from cohorts.states import HoldScope
from dosing.actions import (
    hold_infusion,
    miss_infusion,
    quarantine_lot,
)
from dosing.models import Course, DltWindow
from ntrust.models import Event
from safety.management.conduct import Conduct
from tests.dosing.lotted import (
    build,
    conditioned,
    deviations,
    give,
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
from tests.lifting import lift_hold

pytestmark = pytest.mark.django_db
_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return person_of(trial)


def hold(trial: Conduct, **named: Any) -> Hold:
    named = {"scope": HoldScope.LEVEL, "level": trial.level(1), "reason": "a signal", **named}
    return place_hold(trial.study, by=trial.monitor, now=trial.tick(), **named)


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
