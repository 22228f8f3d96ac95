"""A DLT at night: one alert, one transaction, one revision; by morning everybody has been asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cohorts.models import Hold, Participant
from dosing.models import InFlight, MonitorCall
from ntrust.models import Event, Notification
from safety.actions import report_event
from safety.management.conduct import Conduct
from tests.factories import (
    DISEASE,
    EVERYBODY,
    NOTIFICATIONS,
    kinds_since,
    make_trial,
    open_level,
    revision_of,
    run_cohort,
    shared_trial,
    treat,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Level 1 is clean. At level 2 one has had a DLT, one is in the window, one at the other site
    is conditioned, infusion 1 due the next day."""
    listed = {"IN_FLIGHT_LISTED": {"roles": EVERYBODY, "scope": "site", "urgent": True}}
    trial = open_level(make_trial(sites=2, conduct={"notifications": {**NOTIFICATIONS, **listed}}))
    run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    first, second, third = (trial.seat(2, disease=DISEASE, crew=crew) for crew in (0, 0, 1))
    treat(trial, [first, second])
    trial.now += timedelta(days=2)
    alert(trial, first)
    trial.condition([third], day_0=trial.now + timedelta(days=5))
    return trial


def alert(trial: Conduct, person: Participant) -> None:
    """What the investigator sends from the bedside: the event, and that it is dose-limiting."""
    report_event(
        person,
        term="Confusion",
        onset_at=trial.now,
        grade=4,
        grading_system="CTCAE v5.0",
        causality="POSSIBLE",
        criterion="NOW",
        by=trial.investigator_of(person),
        now=trial.tick(),
    )


_built, trial = shared_trial(build)


def test_second_dlt_changes_holds_lists_and_tells_in_one_revision(trial: Conduct) -> None:
    second, third = Participant.objects.order_by("id")[4:6]
    before = trial.advice()
    revision = revision_of(trial)

    alert(trial, second)

    assert revision_of(trial) == revision + 1
    now = trial.advice()
    assert (before.verdict, before.level) != (now.verdict, now.level)
    assert (now.revision, now.verdict, now.level) == (revision + 1, "DE_ESCALATE", 1)
    hold = Hold.objects.get(rule="SECOND_DLT")
    assert (hold.level, hold.placed_at) == (trial.level(2), trial.now)
    asked = InFlight.objects.filter(state="OPEN", raised_at=trial.now)
    assert {(row.infusion.course.participant, row.hold, row.dlt_of) for row in asked} == {
        (third, hold, None),
        (third, None, second),
    }
    call = MonitorCall.objects.get(hold=hold)
    assert (call.participant, call.raised_at) == (third, trial.now)
    assert kinds_since(trial, revision) == [
        "EVENT_REPORTED",
        "OUTCOME_CHANGED",
        "DLT_REPORTED",
        "HOLD_PLACED",
        "RECOMMENDATION_CHANGED",
        "MONITOR_CALL",
        "IN_FLIGHT_LISTED",
    ]
    assert {event.revision for event in Event.objects.filter(at=trial.now)} == {revision + 1}
    check_told(trial, revision + 1)


def check_told(trial: Conduct, revision: int) -> None:
    """Everybody is told of the DLT and the hold, and the site concerned of its list."""
    everybody = {trial.manager, trial.monitor} | {
        user for crew in trial.crews for user in (crew.investigator, crew.pharmacist)
    }
    for kind, who in (
        ("DLT_REPORTED", everybody),
        ("HOLD_PLACED", everybody),
        (
            "IN_FLIGHT_LISTED",
            {
                trial.manager,
                trial.monitor,
                trial.crews[1].investigator,
                trial.crews[1].pharmacist,
            },
        ),
    ):
        told = Notification.objects.filter(event__kind=kind, event__revision=revision)
        assert {row.recipient for row in told} == who
        assert {row.planned_at for row in told} == {trial.now}
