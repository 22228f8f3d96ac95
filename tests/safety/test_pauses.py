"""Pause rules place a hold by themselves, in the transaction of the event that meets them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cohorts.actions import leave_study, sign_lift
from cohorts.models import Hold, Participant
from ntrust.models import Event, Notification
from safety.management.conduct import Conduct
from tests.factories import (
    PASSWORD,
    end_windows,
    kinds_since,
    make_trial,
    open_level,
    refused,
    revision_of,
    run_cohort,
    shared_trial,
)
from tests.lifting import lift_hold, propose
from tests.pausing import PAUSING, held, report

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Three treated at level 1, three days ago."""
    trial = open_level(make_trial(conduct=PAUSING))
    run_cohort(trial, 1, "PPP")
    return trial


_built, trial = shared_trial(build)


def people(trial: Conduct) -> list[Participant]:
    return list(trial.study.participants.order_by("id"))


def lift(trial: Conduct, hold: Hold) -> Hold:
    now = trial.tick()
    return lift_hold(hold, by=trial.monitor, password=PASSWORD, reason="reviewed", now=now)


def die(trial: Conduct, person: Participant) -> None:
    by = trial.investigator_of(person)
    leave_study(person, to="DIED", reason="at home", by=by, now=trial.tick())


def test_event_places_the_hold_in_its_own_revision(trial: Conduct) -> None:
    first = people(trial)[0]
    revision = revision_of(trial)

    report(trial, first, 4)

    hold = Hold.objects.get()
    assert (hold.rule, hold.scope, hold.level, hold.placed_by) == (
        "PAUSE_PR2",
        "STUDY",
        None,
        None,
    )
    assert hold.reason == f"PR2, Any CRS of grade 4 or higher: {first}."
    assert hold.known == {str(first): 401}
    assert kinds_since(trial, revision) == ["EVENT_REPORTED", "HOLD_PLACED"]
    assert revision_of(trial) == revision + 1
    assert [row["hold"] for row in trial.advice().suspended_by] == [hold.pk]
    told = Notification.objects.filter(event__kind="HOLD_PLACED")
    assert {row.recipient for row in told} == {
        trial.manager,
        trial.monitor,
        trial.crews[0].investigator,
        trial.crews[0].pharmacist,
    }


def test_one_grade_below_holds_nothing(trial: Conduct) -> None:
    report(trial, people(trial)[0], 3)

    assert held(trial) == []


def test_unknown_kind_holds_and_says_it_cannot_be_excluded(trial: Conduct) -> None:
    first = people(trial)[0]

    report(trial, first, 4, None)

    hold = Hold.objects.get()
    assert hold.reason.endswith(f"{first} (cannot be excluded).")
    assert hold.met_by[0]["why"].startswith("cannot be excluded: ")


def test_two_participants_hold_their_level(trial: Conduct) -> None:
    first, second, _ = people(trial)
    report(trial, first, 3)
    report(trial, first, 3, term="Again")
    assert held(trial) == []

    report(trial, second, 3)

    hold = Hold.objects.get()
    assert (hold.rule, hold.level) == ("PAUSE_PR3", trial.level(1))


@pytest.mark.parametrize("wait", [0, 40, 400])
def test_death_entered_as_a_departure_holds_whenever_it_is_entered(
    trial: Conduct, wait: int
) -> None:
    """Without its day, 30 days from an infusion cannot be excluded."""
    first = people(trial)[0]
    trial.now += timedelta(days=wait)

    die(trial, first)

    assert "PAUSE_PR1" in held(trial)


def test_death_in_follow_up_holds(trial: Conduct) -> None:
    first = people(trial)[0]
    end_windows(trial)
    trial.sign_no_dlt(first)
    first.refresh_from_db()
    assert first.state == "FOLLOW_UP"

    die(trial, first)

    assert held(trial) == ["PAUSE_PR1"]


def test_death_long_after_the_infusion_holds_nothing_where_its_day_is_known(
    trial: Conduct,
) -> None:
    first = people(trial)[0]
    trial.now += timedelta(days=60)
    report(trial, first, 5, "infection")

    die(trial, first)

    assert held(trial) == []


def test_death_as_an_event_holds_also_when_entered_late(trial: Conduct) -> None:
    first = people(trial)[0]
    died_at = trial.now + timedelta(days=20)
    trial.now += timedelta(days=90)

    report(trial, first, 5, "infection", onset_at=died_at)

    assert held(trial) == ["PAUSE_PR1"]


def test_death_before_any_infusion_holds_nothing(trial: Conduct) -> None:
    seated = trial.consent(disease="lupus nephritis")

    die(trial, seated)

    assert held(trial) == []


# --- Lifted, and placed again ------------------------------------------------------------------


def test_pause_hold_needs_the_committee(trial: Conduct) -> None:
    report(trial, people(trial)[0], 4)
    hold = Hold.objects.get()

    with refused("committee_needed"):
        propose(
            hold, by=trial.manager, now=trial.tick(), committee_verdict="", minutes_reference=""
        )

    assert lift(trial, hold).state == "LIFTED"


def test_lifted_stays_lifted_until_there_is_news(trial: Conduct) -> None:
    first, second, _ = people(trial)
    report(trial, first, 4)
    lift(trial, Hold.objects.get())
    trial.screen(disease="lupus nephritis")
    assert held(trial) == []

    report(trial, second, 4)

    assert held(trial)[0] == "PAUSE_PR2"
    again = Hold.objects.get(state="PLACED", rule="PAUSE_PR2")
    assert set(again.known) == {str(first), str(second)}


@pytest.mark.parametrize(("grade", "is_news"), [(3, False), (4, True), (5, True)])
def test_worse_grade_or_another_event_of_the_same_participant_is_news(
    trial: Conduct, grade: int, is_news: bool
) -> None:
    first = people(trial)[0]
    report(trial, first, 4)
    lift(trial, Hold.objects.get())

    report(trial, first, grade, term="Another")

    assert ("PAUSE_PR2" in held(trial)) is is_news


def test_another_participant_grows_a_hold_in_force_and_makes_its_lifting_stale(
    trial: Conduct,
) -> None:
    first, second, _ = people(trial)
    report(trial, first, 4)
    hold = Hold.objects.get()
    lift_proposed = propose(hold, by=trial.manager, now=trial.tick())

    report(trial, second, 4)

    hold.refresh_from_db()
    assert hold.reason.endswith(f"{first}, {second}.")
    assert Event.objects.filter(kind="HOLD_PLACED", sentence__contains="PR2").count() == 1
    with refused("stale_lift"):
        sign_lift(lift_proposed, by=trial.monitor, password=PASSWORD, now=trial.tick())
