"""Another criterion, a duplicate, a report out of force: none loses a DLT."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, InternalError, ProgrammingError

from cohorts.models import Participant
from dosing.actions import correct_infusion
from dosing.models import Infusion
from ntrust.change import study_change
from safety.actions import (
    clear_dlt,
    pass_time_everywhere,
    report_event,
)
from safety.management.conduct import Conduct
from safety.models import DltReport
from safety.queries import studies_with_due_moments
from tests.factories import (
    PASSWORD,
    end_windows,
    letters_at,
    refused,
    report_dlt_of,
    revision_of,
    shared_trial,
)
from tests.safety.superseded import (
    build,
    in_force,
    report_in,
    rule,
    supersede,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


# --- Criterion -------------------------------------------------------------------------------


def test_criterion_stated_later_keeps_the_count(trial: Conduct, person: Participant) -> None:
    report = report_dlt_of(trial, person, "")

    entered = supersede(trial, report, "CRITERION", criterion="NOW")

    assert entered.successor is not None
    assert (entered.successor.criterion, entered.successor.state) == ("NOW", "REPORTED")
    assert letters_at(trial, 1) == "TPP"


def test_criterion_with_a_clock_lowers_the_count_only_by_signature(
    trial: Conduct, person: Participant
) -> None:
    report = report_dlt_of(trial, person, "")

    proposed = supersede(trial, report, "CRITERION", criterion="IN72H")
    assert proposed.state == "WAITING"
    assert letters_at(trial, 1) == "TPP"

    ruled = rule(trial, proposed)

    assert ruled.successor is not None
    assert (ruled.successor.state, letters_at(trial, 1)) == ("PROVISIONAL", "PPP")
    assert ruled.successor.counts_at == report.event.onset_at + timedelta(hours=72)


def test_criterion_accepted_after_its_clock_goes_on_counting(
    trial: Conduct, person: Participant
) -> None:
    proposed = supersede(trial, report_dlt_of(trial, person, ""), "CRITERION", criterion="IN72H")
    trial.now += timedelta(hours=73)

    rule(trial, proposed)

    assert (in_force(trial), letters_at(trial, 1)) == (["REPORTED"], "TPP")


def test_longer_clock_needs_the_monitor_and_a_shorter_one_does_not(
    trial: Conduct, person: Participant
) -> None:
    report = report_dlt_of(trial, person, "IN24H")

    longer = supersede(trial, report, "CRITERION", criterion="IN72H")
    assert longer.state == "WAITING"
    assert report.counts_at is not None
    pass_time_everywhere(now=report.counts_at)
    assert letters_at(trial, 1) == "TPP"

    trial.now = report.counts_at
    other = trial.study.participants.order_by("id")[1]
    shorter = supersede(trial, report_dlt_of(trial, other, "IN72H"), "CRITERION", criterion="IN24H")
    assert shorter.state == "ACCEPTED"


def test_superseded_clock_is_not_waited_for(trial: Conduct, person: Participant) -> None:
    """The old clock neither counts a second time nor wakes the service every minute."""
    report = report_dlt_of(trial, person, "IN72H")
    supersede(trial, report, "WORSE")
    assert report.counts_at is not None
    before = revision_of(trial)

    assert studies_with_due_moments(now=report.counts_at) == []
    assert pass_time_everywhere(now=report.counts_at) == 0

    assert revision_of(trial) == before
    report.refresh_from_db()
    assert report.state == "PROVISIONAL"


@pytest.mark.parametrize(
    ("criterion", "code"), [("", "criterion_needed"), ("D99", "unknown_criterion")]
)
def test_criterion_is_one_of_the_protocol(
    trial: Conduct, person: Participant, criterion: str, code: str
) -> None:
    report = report_dlt_of(trial, person, "")

    with refused(code):
        supersede(trial, report, "CRITERION", criterion=criterion)


# --- Duplicates ------------------------------------------------------------------------------


def test_duplicate_goes_and_the_participant_counts_once(
    trial: Conduct, person: Participant
) -> None:
    first, second = report_dlt_of(trial, person), report_dlt_of(trial, person)

    rule(trial, supersede(trial, second, "DUPLICATE", twin=first))

    assert sorted(in_force(trial)) == ["REFUTED", "REPORTED"]
    assert letters_at(trial, 1) == "TPP"


def test_two_reports_are_not_duplicates_of_each_other(trial: Conduct, person: Participant) -> None:
    first, second = report_dlt_of(trial, person), report_dlt_of(trial, person)
    one = supersede(trial, first, "DUPLICATE", twin=second)
    other = supersede(trial, second, "DUPLICATE", twin=first)

    rule(trial, one)

    with refused("no_twin"):
        rule(trial, other)
    assert letters_at(trial, 1) == "TPP"


def test_duplicate_names_a_report_that_counts(trial: Conduct, person: Participant) -> None:
    other = trial.study.participants.order_by("id")[1]
    report, elsewhere = report_dlt_of(trial, person), report_dlt_of(trial, other)
    provisional = report_dlt_of(trial, person, "IN72H")
    gone = trial.adjudicate(report_dlt_of(trial, person), is_confirmed=False)

    for twin in (None, report, elsewhere, provisional, gone):
        with refused("no_twin"):
            supersede(trial, report, "DUPLICATE", twin=twin)


def test_duplicate_of_one_outside_the_window_would_lose_it(
    trial: Conduct, person: Participant
) -> None:
    report = report_dlt_of(trial, person)
    end_windows(trial)
    after = report_dlt_of(trial, person)

    with refused("no_twin"):
        supersede(trial, report, "DUPLICATE", twin=after)


def test_twin_refuted_before_the_ruling_keeps_the_duplicate(
    trial: Conduct, person: Participant
) -> None:
    first, second = report_dlt_of(trial, person), report_dlt_of(trial, person)
    proposed = supersede(trial, second, "DUPLICATE", twin=first)
    trial.adjudicate(first, is_confirmed=False)

    with refused("no_twin"):
        rule(trial, proposed)
    assert letters_at(trial, 1) == "TPP"


# --- Nothing acts on what is superseded ------------------------------------------------------


def test_superseded_report_is_neither_adjudicated_nor_cleared(
    trial: Conduct, person: Participant
) -> None:
    report = report_dlt_of(trial, person, "IN72H")
    supersede(trial, report, "WORSE")

    with refused("not_in_force"):
        trial.adjudicate(report, is_confirmed=False)
    with refused("not_in_force"):
        clear_dlt(
            report,
            resolved_at=trial.now,
            by=trial.investigator_of(person),
            password=PASSWORD,
            now=trial.tick(),
        )
    with refused("not_in_force"):
        supersede(trial, report, "WITHDRAWN")
    assert letters_at(trial, 1) == "TPP"


def test_event_whose_report_was_withdrawn_is_reported_again(
    trial: Conduct, person: Participant
) -> None:
    report = report_dlt_of(trial, person)
    rule(trial, supersede(trial, report, "WITHDRAWN"))
    event = report.event

    report_event(
        person,
        term=event.term,
        onset_at=event.onset_at,
        grade=event.grade,
        grading_system=event.grading_system,
        causality=event.causality,
        is_serious=event.is_serious,
        aware_at=event.aware_at,
        criterion="NOW",
        by=trial.investigator_of(person),
        now=trial.tick(),
    )

    assert letters_at(trial, 1) == "TPP"


def test_successor_stays_of_the_window_when_times_are_corrected(
    trial: Conduct, person: Participant
) -> None:
    report = report_in(trial, person, "REPORTED")
    infusion = Infusion.objects.get(course__participant=person)
    trial.now += timedelta(hours=5)
    correct_infusion(
        infusion,
        given_at=report.event.onset_at + timedelta(hours=2),
        reason="another day was typed",
        by=trial.investigator_of(person),
        now=trial.tick(),
    )

    entered = supersede(trial, report, "CRITERION", criterion="NOW")

    assert entered.successor is not None
    assert entered.successor.was_in_window
    assert letters_at(trial, 1) == "TPP"


def test_one_report_is_superseded_once_even_by_raw_rows(
    trial: Conduct, person: Participant
) -> None:
    report = report_in(trial, person, "REPORTED")
    supersede(trial, report, "LATE")

    with (
        pytest.raises(IntegrityError, match="supersedes"),
        study_change(trial.study, by=trial.monitor, reason="twice", now=trial.tick()),
    ):
        DltReport.objects.create(
            event=report.event,
            state="REFUTED",
            reported_at=trial.now,
            reported_by=trial.monitor,
            supersedes=report,
            reason="again",
        )


@pytest.mark.parametrize(
    "values", [{"criterion": "IN72H"}, {"supersedes": None}, {"reason": "other"}]
)
def test_database_refuses_to_edit_a_report(
    trial: Conduct, person: Participant, values: dict[str, Any]
) -> None:
    entered = supersede(trial, report_in(trial, person, "REPORTED"), "LATE")

    with (
        pytest.raises((InternalError, ProgrammingError), match=r"[Cc]annot update"),
        study_change(trial.study, by=trial.monitor, reason="edit", now=trial.tick()),
    ):
        DltReport.objects.filter(pk=entered.successor_id).update(**values)
