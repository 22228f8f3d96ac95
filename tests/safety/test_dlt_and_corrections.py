"""A DLT that counts goes on counting when times are corrected: only the monitor's word ends it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from cohorts.models import Participant
from dosing.actions import correct_infusion, mark_not_given
from dosing.models import Infusion
from ntrust.models import Notification
from safety.management.conduct import Conduct
from safety.models import DltReport
from tests.factories import (
    answer_of,
    kinds_since,
    letters_at,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    revision_of,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """One DLT of three at level 1, three days after infusion 1."""
    trial = open_level(make_trial())
    run_cohort(trial, 1, "TNN")
    return trial


_built, trial = shared_trial(build)


def first(trial: Conduct) -> tuple[Participant, DltReport, Infusion]:
    report = DltReport.objects.get(event__participant__study=trial.study)
    person = report.event.participant
    return person, report, Infusion.objects.get(course__participant=person)


def correct(trial: Conduct, infusion: Infusion, given_at: datetime) -> None:
    by = trial.investigator_of(infusion.course.participant)
    named: dict[str, Any] = {"reason": "another day was typed", "by": by, "now": trial.tick()}
    correct_infusion(infusion, given_at=given_at, **named)


def test_corrected_time_takes_no_dlt_out_of_the_count(trial: Conduct) -> None:
    _, report, infusion = first(trial)
    assert answer_of(trial) == ("EXPAND_COHORT", 1)

    correct(trial, infusion, report.event.onset_at + timedelta(days=1))

    assert letters_at(trial, 1) == "TNN"
    assert answer_of(trial) == ("EXPAND_COHORT", 1)


def test_infusion_that_was_not_given_takes_no_dlt_out_of_the_count(trial: Conduct) -> None:
    person, _, infusion = first(trial)

    mark_not_given(
        infusion, reason="the wrong page", by=trial.investigator_of(person), now=trial.tick()
    )

    assert letters_at(trial, 1) == "TNN"
    assert answer_of(trial) == ("EXPAND_COHORT", 1)


def test_manager_and_monitor_are_told_to_look_at_it(trial: Conduct) -> None:
    _, report, infusion = first(trial)
    before = revision_of(trial)

    correct(trial, infusion, report.event.onset_at + timedelta(hours=2))

    assert "DLT_OUTSIDE_WINDOW" in kinds_since(trial, before)
    told = Notification.objects.filter(event__kind="DLT_OUTSIDE_WINDOW")
    assert {row.recipient for row in told} == {trial.manager, trial.monitor}
    assert all(row.is_urgent for row in told)


def test_correction_that_leaves_the_dlt_inside_tells_nobody(trial: Conduct) -> None:
    _, report, infusion = first(trial)
    before = revision_of(trial)

    correct(trial, infusion, report.event.onset_at - timedelta(hours=2))

    assert "DLT_OUTSIDE_WINDOW" not in kinds_since(trial, before)


def test_monitor_refutes_what_lies_outside_the_corrected_window(trial: Conduct) -> None:
    _, report, infusion = first(trial)
    correct(trial, infusion, report.event.onset_at + timedelta(hours=2))

    trial.adjudicate(report, is_confirmed=False, reason="it began before infusion 1")

    assert letters_at(trial, 1) == "PNN"


def test_clock_of_a_provisional_dlt_runs_on_outside_the_corrected_window() -> None:
    trial = open_level(make_trial(key="clock"))
    (person,) = run_cohort(trial, 1, "P")
    report = report_dlt_of(trial, person, "IN72H")
    infusion = Infusion.objects.get(course__participant=person)
    by = trial.investigator_of(person)
    trial.now += timedelta(hours=5)
    correct_infusion(
        infusion,
        given_at=report.event.onset_at + timedelta(hours=2),
        reason="another day was typed",
        by=by,
        now=trial.tick(),
    )

    trial.now += timedelta(hours=80)
    with refused("no_statement"):
        trial.sign_no_dlt(person)
    trial.screen(disease="lupus nephritis")

    assert letters_at(trial, 1) == "T"


def test_dlt_after_the_window_counts_as_little_as_before(trial: Conduct) -> None:
    person = Participant.objects.get(subject_number="P-002")
    trial.report(person, criterion="NOW", term="Fever", grade=4)

    assert letters_at(trial, 1) == "TNN"
