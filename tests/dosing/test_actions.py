"""Treatment in order: nothing early, nothing out of turn, nothing while held."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cohorts.actions import place_hold
from cohorts.models import Decision, Hold, Outcome, Participant
from cohorts.states import HoldScope, ReReviewVerdict
from dosing.actions import (
    begin_lymphodepletion,
    complete_lymphodepletion,
    give_infusion,
    hold_infusion,
    resume_infusion,
)
from dosing.models import Course, DltWindow, Infusion
from safety.management.conduct import Conduct
from tests.factories import (
    DISEASE,
    PASSWORD,
    letters_at,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    report_late_dlt,
    run_cohort,
    seat,
    shared_trial,
    shut,
)
from tests.lifting import lift_hold
from tests.re_reviewing import re_review

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Three seated at level 1; the protocol gives three infusions."""
    trial = open_level(make_trial(infusion_days=(0, 7, 14)))
    seat(trial, 1, 3)
    return trial


_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


def begin(trial: Conduct, person: Participant, **named: Any) -> Course:
    named = {"regimen": "flu_cy", "started_at": trial.now, **named}
    return begin_lymphodepletion(
        person,
        first_infusion_on=trial.now + timedelta(days=5),
        by=trial.investigator_of(person),
        now=trial.tick(),
        **named,
    )


def complete(trial: Conduct, course: Course, ended_at: datetime | None = None) -> Course:
    trial.now += timedelta(days=3)
    return complete_lymphodepletion(
        course,
        ended_at=ended_at or trial.now,
        by=trial.crews[0].investigator,
        now=trial.tick(),
    )


def conditioned(trial: Conduct, person: Participant) -> list[Infusion]:
    """Lymphodepletion given; answers the planned infusions."""
    return list(complete(trial, begin(trial, person)).infusions.all())


def give(trial: Conduct, infusion: Infusion, **named: Any) -> Infusion:
    named = {"given_at": trial.now, "given_cells": infusion.assigned_cells, **named}
    return give_infusion(infusion, by=trial.crews[0].investigator, now=trial.tick(), **named)


def hold_level(trial: Conduct, level: int = 1) -> Hold:
    return place_hold(
        trial.study,
        scope=HoldScope.LEVEL,
        level=trial.level(level),
        reason="a signal",
        by=trial.monitor,
        now=trial.tick(),
    )


# --- Lymphodepletion -------------------------------------------------------------------------


def test_lymphodepletion_plans_the_infusions_at_the_assigned_dose(
    trial: Conduct, person: Participant
) -> None:
    course = begin(trial, person)

    planned = [(i.number, i.state, i.assigned_cells) for i in course.infusions.all()]
    person.refresh_from_db()
    assert planned == [(n, "PLANNED", Decimal("1.0000")) for n in (1, 2, 3)]
    assert (person.state, DltWindow.objects.get().state) == ("CONDITIONING", "NOT_OPEN")
    assert letters_at(trial, 1) == "PPP"


def test_lymphodepletion_needs_a_confirmed_seat(trial: Conduct) -> None:
    person = trial.screen(disease=DISEASE)

    with refused("no_lymphodepletion") as caught:
        begin(trial, person)

    assert shut(caught) == ["seat_confirmed"]


def test_lymphodepletion_begins_once(trial: Conduct, person: Participant) -> None:
    begin(trial, person)

    with refused("no_lymphodepletion") as caught:
        begin(trial, person)

    assert shut(caught) == ["not_begun"]


def test_lymphodepletion_does_not_begin_while_held(trial: Conduct, person: Participant) -> None:
    hold = hold_level(trial)
    with refused("no_lymphodepletion") as caught:
        begin(trial, person)
    assert shut(caught) == ["held_level"]

    lift_hold(hold, by=trial.monitor, password=PASSWORD, reason="over", now=trial.tick())

    assert begin(trial, person)


def test_lymphodepletion_does_not_begin_once_the_decision_fell() -> None:
    """Seated above; then a late DLT below: held, and still refused when the decision was looked at
    again, withdrawn, and the hold lifted."""
    trial = open_level(make_trial(key="other"))
    first = run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    (person,) = seat(trial, 2)
    report_late_dlt(trial, first[0])
    with refused("no_lymphodepletion") as caught:
        begin(trial, person)
    assert shut(caught) == ["held_level", "decision_stands"]

    fell = Decision.objects.get(study=trial.study, number=2)
    re_review(trial, fell, ReReviewVerdict.WITHDRAWN)
    hold = Hold.objects.get(study=trial.study)
    lift_hold(hold, by=trial.monitor, password=PASSWORD, reason="over", now=trial.tick())

    with refused("no_lymphodepletion") as caught:
        begin(trial, person)
    assert "decision_stands" in shut(caught)


def toxic_with_one_seated(trial: Conduct) -> Participant:
    """Two DLTs at level 1 beside one who is only seated; the hold is lifted by the monitor."""
    *treated, waiting = trial.study.participants.order_by("id")
    for each in treated:
        give(trial, conditioned(trial, each)[0])
    for each in treated:
        report_dlt_of(trial, each)
    hold = Hold.objects.get(study=trial.study)
    lift_hold(
        hold,
        by=trial.monitor,
        password=PASSWORD,
        reason="infusions of those conditioned may go on",
        now=trial.tick(),
    )
    return waiting


def test_lymphodepletion_never_begins_at_a_toxic_level(trial: Conduct) -> None:
    waiting = toxic_with_one_seated(trial)

    with refused("no_lymphodepletion") as caught:
        begin(trial, waiting)

    assert shut(caught) == ["level_closed"]


def test_protocol_that_completes_cohorts_may_condition_the_seated_once_the_hold_is_lifted() -> None:
    trial = open_level(make_trial(key="other", second_dlt="complete_cohort"))
    seat(trial, 1, 3)

    waiting = toxic_with_one_seated(trial)

    assert begin(trial, waiting)


@pytest.mark.parametrize("minutes", [1, 60 * 24])
def test_lymphodepletion_is_not_entered_ahead_of_time(
    trial: Conduct, person: Participant, minutes: int
) -> None:
    with refused("future_date"):
        begin(trial, person, started_at=trial.now + timedelta(minutes=minutes + 1))


def test_lymphodepletion_is_one_of_the_protocols(trial: Conduct, person: Participant) -> None:
    with refused("unknown_regimen"):
        begin(trial, person, regimen="homeopathy")


def test_lymphodepletion_ends_after_it_began_and_once(trial: Conduct, person: Participant) -> None:
    course = begin(trial, person)
    with refused("impossible_order"):
        complete(trial, course, course.started_at - timedelta(minutes=1))
    with refused("future_date"):
        complete(trial, course, trial.now + timedelta(days=10))
    complete(trial, course)

    with refused("already_given"):
        complete(trial, course)


# --- Infusions -------------------------------------------------------------------------------


def test_first_infusion_opens_the_window(trial: Conduct, person: Participant) -> None:
    infusion = give(trial, conditioned(trial, person)[0])

    window, outcome = DltWindow.objects.get(), Outcome.objects.get(participant=person)
    person.refresh_from_db()
    assert person.state == "TREATED"
    assert (window.state, window.opened_at) == ("OPEN", infusion.given_at)
    assert infusion.given_at is not None
    close = infusion.given_at.replace(hour=0, minute=0) + timedelta(days=29)
    assert window.closes_at == outcome.window_closes_at == close
    assert (outcome.first_infused_at, outcome.level) == (infusion.given_at, trial.level(1))


def test_infusion_waits_for_the_end_of_lymphodepletion(trial: Conduct, person: Participant) -> None:
    course = begin(trial, person)

    with refused("no_infusion") as caught:
        give(trial, course.infusions.get(number=1))

    assert shut(caught) == ["lymphodepletion_given"]


def test_infusions_come_in_order(trial: Conduct, person: Participant) -> None:
    first, second, third = conditioned(trial, person)
    for later in (second, third):
        with refused("no_infusion") as caught:
            give(trial, later)
        assert shut(caught) == ["in_order"]
    give(trial, first)
    with refused("no_infusion") as caught:
        give(trial, third)
    assert shut(caught) == ["in_order"]

    assert give(trial, second).state == "GIVEN"


def test_infusion_is_given_once(trial: Conduct, person: Participant) -> None:
    infusion = give(trial, conditioned(trial, person)[0])

    with refused("no_infusion") as caught:
        give(trial, infusion)

    assert shut(caught) == ["planned"]


def test_infusion_is_not_given_at_a_held_level(trial: Conduct, person: Participant) -> None:
    infusions = conditioned(trial, person)
    hold_level(trial)

    with refused("no_infusion") as caught:
        give(trial, infusions[0])

    assert shut(caught) == ["held_level"]


def test_infusion_is_given_below_a_held_level(trial: Conduct, person: Participant) -> None:
    infusions = conditioned(trial, person)
    hold_level(trial, 2)

    assert give(trial, infusions[0]).state == "GIVEN"


@pytest.mark.parametrize("criterion", ["NOW", "IN72H"])
def test_infusion_is_not_given_after_ones_own_dlt(
    trial: Conduct, person: Participant, criterion: str
) -> None:
    first, second, _ = conditioned(trial, person)
    give(trial, first)
    report_dlt_of(trial, person, criterion)
    trial.now += timedelta(days=1)

    with refused("no_infusion") as caught:
        give(trial, second)

    assert shut(caught) == ["no_dlt_of_ones_own"]


def test_infusion_goes_on_after_a_refuted_dlt(trial: Conduct, person: Participant) -> None:
    first, second, _ = conditioned(trial, person)
    give(trial, first)
    report = report_dlt_of(trial, person)
    trial.adjudicate(report, is_confirmed=False, reason="not related to the product")

    assert give(trial, second).state == "GIVEN"


def test_infusion_times_make_sense(trial: Conduct, person: Participant) -> None:
    first, second, _ = conditioned(trial, person)
    ended_at = Course.objects.get().ended_at
    assert ended_at is not None
    with refused("future_date"):
        give(trial, first, given_at=trial.now + timedelta(hours=1))
    with refused("impossible_order"):
        give(trial, first, given_at=ended_at - timedelta(minutes=1))
    given = give(trial, first)
    with refused("impossible_order"):
        give(trial, second, given_at=given.given_at)


@pytest.mark.parametrize("cells", [Decimal(0), Decimal(-1)])
def test_infusion_of_no_cells_is_a_missed_one(
    trial: Conduct, person: Participant, cells: Decimal
) -> None:
    infusion = conditioned(trial, person)[0]

    with refused("no_cells"):
        give(trial, infusion, given_cells=cells)


def test_held_infusion_is_given_only_when_planned_again(
    trial: Conduct, person: Participant
) -> None:
    investigator = trial.crews[0].investigator
    infusion = conditioned(trial, person)[0]
    for blank in ("", "  "):
        with refused("reason_needed"):
            hold_infusion(infusion, reason=blank, by=investigator, now=trial.tick())
    hold_infusion(infusion, reason="fever", by=investigator, now=trial.tick())
    with refused("no_infusion") as caught:
        give(trial, infusion)
    assert shut(caught) == ["planned"]

    resume_infusion(infusion, reason="fever gone", by=investigator, now=trial.tick())

    assert give(trial, infusion).state == "GIVEN"


def test_participant_counts_at_the_level_assigned_whatever_was_given(
    trial: Conduct, person: Participant
) -> None:
    give(trial, conditioned(trial, person)[0], given_cells=Decimal("2.5"))

    outcome = Outcome.objects.get(participant=person)
    assert outcome.level == trial.level(1)
    assert outcome.infusions[0]["given"] == 25_000
