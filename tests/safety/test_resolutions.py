"""A provisional DLT resolves to what its criterion asks for; what gets worse waits no more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from cohorts.models import Participant
from ntrust.change import study_change
from safety.actions import clear_dlt
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, DltReport, EventGrade
from tests.factories import (
    PASSWORD,
    letters_at,
    make_trial,
    open_level,
    refused,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db
CRS = {
    "id": "CRS",
    "text": "Grade 4 or more, or grade 3 not improving to 2 or less within 72 h",
    "clock_hours": 72,
    "at_once_from": 4,
    "reads": {"from_grade": 3, "down_to": 2},
}


def build() -> Conduct:
    """Three treated at level 1, three days ago, under a criterion that asks for grade 2."""
    trial = open_level(make_trial(conduct={"dlt_criteria": [CRS]}))
    run_cohort(trial, 1, "PPP")
    return trial


_built, trial = shared_trial(build)


@pytest.fixture
def report(trial: Conduct) -> DltReport:
    """A provisional one, of a grade 3 that began now."""
    person: Participant = trial.study.participants.earliest("id")
    return trial.report(person, criterion="CRS", term="Cytokine release", grade=3)


def clear(trial: Conduct, report: DltReport, **named: Any) -> DltReport:
    by = trial.investigator_of(report.event.participant)
    named = {"resolved_at": trial.now, "password": PASSWORD, **named}
    return clear_dlt(report, by=by, now=trial.tick(), **named)


def grade(trial: Conduct, event: AdverseEvent, grade: int, since: datetime) -> None:
    """Another step of the course; the worst one is the event's grade."""
    by = trial.investigator_of(event.participant)
    with study_change(trial.study, by=by, reason="another grade", now=trial.tick()) as change:
        EventGrade.objects.create(
            event=event, grade=grade, since=since, entered_at=change.now, entered_by=by
        )
        event.grade = max(event.grade, grade)
        event.save(update_fields=["grade"])


def end(trial: Conduct, event: AdverseEvent, ended_at: datetime) -> None:
    """Its end, entered without a signature."""
    by = trial.investigator_of(event.participant)
    with study_change(trial.study, by=by, reason="it has ended", now=trial.tick()):
        event.ended_at = ended_at
        event.save(update_fields=["ended_at"])


def test_resolved_means_the_grade_that_the_criterion_asks_for(
    trial: Conduct, report: DltReport
) -> None:
    trial.now += timedelta(hours=71)
    at = trial.now

    clear(trial, report, grade=2)

    report.refresh_from_db()
    event = AdverseEvent.objects.get()
    assert (report.state, letters_at(trial, 1)) == ("CLEARED", "PPP")
    assert (event.grade, event.ended_at) == (3, None)
    assert [(step.grade, step.since) for step in event.course.all()] == [
        (3, event.onset_at),
        (2, at),
    ]


def test_grade_above_it_is_no_resolution(trial: Conduct, report: DltReport) -> None:
    trial.now += timedelta(hours=5)

    with refused("not_resolved"):
        clear(trial, report, grade=3)


def test_event_that_is_over_has_resolved(trial: Conduct, report: DltReport) -> None:
    trial.now += timedelta(hours=5)
    at = trial.now

    clear(trial, report)

    assert AdverseEvent.objects.get().ended_at == at


def test_course_that_rose_again_has_not_resolved(trial: Conduct, report: DltReport) -> None:
    low = trial.now + timedelta(hours=10)
    trial.now += timedelta(hours=30)
    grade(trial, report.event, 2, low)
    grade(trial, report.event, 3, low + timedelta(hours=5))

    with refused("not_resolved"):
        clear(trial, report, resolved_at=low, grade=2)


def test_end_that_is_entered_later_is_corrected_first(trial: Conduct, report: DltReport) -> None:
    over = trial.now + timedelta(hours=20)
    trial.now += timedelta(hours=30)
    end(trial, report.event, over)

    with refused("not_resolved"):
        clear(trial, report, resolved_at=over - timedelta(hours=5))
    clear(trial, report, resolved_at=over)

    assert AdverseEvent.objects.get().ended_at == over


def test_unsigned_end_clears_nothing(trial: Conduct, report: DltReport) -> None:
    trial.now += timedelta(hours=30)
    end(trial, report.event, trial.now)

    report.refresh_from_db()
    assert report.state == "PROVISIONAL"


def test_event_that_gets_worse_waits_for_no_clock(trial: Conduct, report: DltReport) -> None:
    trial.now += timedelta(hours=10)

    grade(trial, report.event, 4, trial.now)

    report.refresh_from_db()
    assert (report.state, letters_at(trial, 1)) == ("REPORTED", "TPP")
    with refused("illegal_move"):
        clear(trial, report, grade=2)


def test_criterion_in_words_alone_counts_from_its_grade_too() -> None:
    words = {"id": "CRS", "text": "words", "clock_hours": 72, "at_once_from": 4}
    trial = open_level(make_trial(key="words", conduct={"dlt_criteria": [words]}))
    (person,) = run_cohort(trial, 1, "P")
    report = trial.report(person, criterion="CRS", term="Cytokine release", grade=3)
    trial.now += timedelta(hours=1)

    grade(trial, report.event, 4, trial.now)

    assert letters_at(trial, 1) == "T"
