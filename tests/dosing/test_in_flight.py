"""In flight: who is asked when a hold lands or a DLT is reported, and until when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cohorts.actions import leave_study
from cohorts.models import Hold
from cohorts.states import HoldScope
from dosing.actions import (
    miss_infusion,
    resume_infusion,
)
from dosing.models import InFlight
from ntrust.models import Event, Notification
from safety.actions import clear_dlt, pass_time_everywhere
from safety.management.conduct import Conduct
from tests.dosing.asked import hold, lift
from tests.dosing.in_flight import answer, asked, build, infusion_of, people
from tests.factories import (
    DISEASE,
    PASSWORD,
    make_trial,
    open_level,
    report_dlt_of,
    report_late_dlt,
    revision_of,
    run_cohort,
    seat,
    shared_trial,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build)


# --- Who is asked ----------------------------------------------------------------------------


def test_hold_lists_every_planned_infusion_in_the_same_revision(trial: Conduct) -> None:
    here, there, treated = people(trial)
    revision = revision_of(trial)

    held = hold(trial, 1)

    everybody = [(treated, 2), (here, 1), (here, 2), (there, 1), (there, 2)]
    assert sorted(asked(hold=held), key=str) == sorted(everybody, key=str)
    rows = InFlight.objects.all()
    assert {row.raised_at for row in rows} == {held.placed_at}
    assert {row.due_at - row.raised_at for row in rows} == {timedelta(hours=4)}
    assert revision_of(trial) == revision + 1
    listed = Event.objects.filter(kind="IN_FLIGHT_LISTED").order_by("site__code")
    assert [(event.site, event.revision) for event in listed] == [
        (crew.site, revision + 1) for crew in trial.crews
    ]
    assert f"{treated} infusion 2" in listed[0].sentence
    assert str(there) not in listed[0].sentence
    told = Notification.objects.filter(event=listed[1])
    assert {row.recipient for row in told} == {
        trial.manager,
        trial.monitor,
        trial.crews[1].investigator,
        trial.crews[1].pharmacist,
    }


def test_hold_of_a_site_asks_that_site_alone(trial: Conduct) -> None:
    _, there, _ = people(trial)

    hold(trial, None, scope=HoldScope.SITE, site=trial.crews[1].site)

    assert asked() == [(there, 1), (there, 2)]


def test_hold_above_asks_nobody(trial: Conduct) -> None:
    hold(trial, 2)

    assert asked() == []


def test_question_is_asked_once_and_ends_with_the_hold(trial: Conduct) -> None:
    held = hold(trial, 1)
    trial.screen(disease=DISEASE)
    assert InFlight.objects.count() == 5

    lift(trial, held)

    assert asked() == []
    assert {row.moot_because for row in InFlight.objects.all()} == {"The hold was lifted."}


def test_second_hold_asks_again_and_the_first_ends_alone(trial: Conduct) -> None:
    first = hold(trial, 1)
    here = people(trial)[0]
    answer(trial, infusion_of(here))

    second = hold(trial, None, scope=HoldScope.STUDY)
    lift(trial, first)

    assert (here, 1) in asked(hold=second)
    assert asked(hold=first) == []


def test_who_comes_under_a_hold_later_is_asked_then(trial: Conduct) -> None:
    here = people(trial)[0]
    miss_infusion(
        infusion_of(here, 2),
        reason="by mistake",
        is_for_toxicity=False,
        by=trial.investigator_of(here),
        now=trial.tick(),
    )
    held = hold(trial, 1)
    assert (here, 2) not in asked()

    resume_infusion(infusion_of(here, 2), reason="not missed", by=trial.monitor, now=trial.tick())

    assert (here, 2) in asked(hold=held)


def test_departure_ends_the_questions_with_a_word(trial: Conduct) -> None:
    hold(trial, 1)
    here = people(trial)[0]

    leave_study(
        here, to="WITHDRAWN", reason="wishes to", by=trial.investigator_of(here), now=trial.tick()
    )

    over = InFlight.objects.filter(infusion__course__participant=here)
    assert {row.moot_because for row in over} == {
        "It will not be given: left the study: withdrawn."
    }


def test_one_dlt_asks_at_its_level_without_a_hold(trial: Conduct) -> None:
    _, there, treated = people(trial)

    report_dlt_of(trial, treated)

    assert not Hold.objects.exists()
    assert asked(dlt_of=treated) == asked()
    assert {(there, 1), (treated, 2)} < set(asked())
    assert InFlight.objects.count() == 5


def test_provisional_dlt_asks_and_its_clearing_ends_the_questions(trial: Conduct) -> None:
    treated = people(trial)[2]
    report = report_dlt_of(trial, treated, "IN72H")
    assert len(asked(dlt_of=treated)) == 5

    clear_dlt(
        report,
        resolved_at=trial.now,
        by=trial.investigator_of(treated),
        password=PASSWORD,
        now=trial.tick(),
    )

    assert asked() == []
    assert {row.moot_because for row in InFlight.objects.all()} == {"The DLT no longer stands."}


def test_dlt_below_asks_above_and_one_above_does_not_ask_below() -> None:
    trial = open_level(make_trial(key="other"))
    below = run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    above = seat(trial, 2, 2)
    trial.condition(above, day_0=trial.now + timedelta(days=5))

    report_late_dlt(trial, below[0])

    assert asked(dlt_of=below[0]) == [(above[0], 1), (above[1], 1)]


# --- When nobody answers ---------------------------------------------------------------------


def test_overdue_is_told_once_an_infusion_to_manager_and_monitor(trial: Conduct) -> None:
    here, _, treated = people(trial)
    report_dlt_of(trial, treated)
    hold(trial, 1)
    answer(trial, infusion_of(here))
    due_at = InFlight.objects.latest("id").due_at

    pass_time_everywhere(now=due_at - timedelta(seconds=1))
    late = Event.objects.filter(kind="IN_FLIGHT_OVERDUE")
    before = late.count()
    for hours in (0, 1, 2):
        pass_time_everywhere(now=due_at + timedelta(hours=hours))

    assert before == 4
    assert late.count() == 4
    told = Notification.objects.filter(event__kind="IN_FLIGHT_OVERDUE")
    assert {row.recipient for row in told} == {trial.manager, trial.monitor}
    assert not InFlight.objects.filter(state="OPEN", overdue_at__isnull=True).exists()
