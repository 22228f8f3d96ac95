"""Those in the middle of treatment when a trial is taken over go on in the ordinary way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cohorts.models import Outcome
from dosing.models import Course, DltWindow, Infusion
from safety.actions import add_grade
from safety.management.conduct import Conduct
from safety.models import AdverseEvent
from tests.factories import answer_of, letters_at, make_trial, open_level, run_cohort
from tests.safety.paper import beside, live, person, take_over, write_down

pytestmark = pytest.mark.django_db


def in_treatment() -> Conduct:
    """One with the first of three infusions given, as the other study in which nobody is."""
    days: dict[str, Any] = {"infusion_days": (0, 7, 14), "anchor": "last_infusion"}
    trial = open_level(make_trial(**days))
    run_cohort(trial, 1, "P")
    return beside(trial, **days)


def test_one_in_treatment_goes_on_in_the_ordinary_way() -> None:
    trial = in_treatment()
    take_over(trial, write_down(live(trial).study))
    someone = person(trial, "P-001")
    course = Course.objects.get(participant=someone)
    day_0 = course.infusions.get(number=1).given_at
    assert day_0 is not None
    states = list(course.infusions.values_list("number", "state", "is_legacy"))
    assert states == [(1, "GIVEN", True), (2, "PLANNED", False), (3, "PLANNED", False)]
    assert (someone.state, letters_at(trial, 1)) == ("TREATED", "P")

    trial.infuse([someone], day_0=day_0, days=(7, 14))
    trial.now += timedelta(days=30)
    trial.sign_no_dlt(someone)

    assert letters_at(trial, 1) == "N"
    assert answer_of(trial) == ("ENROL", 1)


def test_one_in_lymphodepletion_is_infused_here() -> None:
    trial = in_treatment()
    rows = write_down(live(trial).study)
    rows["infusions"] = []
    take_over(trial, rows)
    someone = person(trial, "P-001")
    assert someone.state == "CONDITIONING"
    assert DltWindow.objects.get(participant=someone).state == "NOT_OPEN"
    planned = Infusion.objects.filter(course__participant=someone).earliest("number")
    began = Course.objects.get(participant=someone).started_at

    trial.infuse([someone], day_0=trial.now, days=(0,))

    assert planned.planned_date == (began + timedelta(days=5)).date()
    assert person(trial, "P-001").state == "TREATED"
    assert DltWindow.objects.get(participant=someone).state == "OPEN"


def test_one_who_missed_for_toxicity_counts_as_the_paper_ruled() -> None:
    trial = in_treatment()
    rows = write_down(live(trial).study)
    given = rows["infusions"][0]
    missed = {"subject_number": "P-001", "state": "MISSED_FOR_TOXICITY", "reason": "fever"}
    rows["infusions"] += [{**missed, "number": 2}, {**missed, "number": 3}]
    trial.now += timedelta(days=40)
    rows["outcomes"][0] = {
        "subject_number": "P-001",
        "outcome": "N",
        "stated_on": trial.now.date(),
    }
    assert given["number"] == 1
    take_over(trial, rows)

    outcome = Outcome.objects.get(study=trial.study)
    assert (outcome.letter, outcome.is_toxicity_adjudicated) == ("N", True)


def test_worst_grade_on_paper_stays_the_worst() -> None:
    trial = open_level(make_trial())
    run_cohort(trial, 1, "TP")
    trial = beside(trial)
    take_over(trial, write_down(live(trial).study))
    event = AdverseEvent.objects.get(participant__study=trial.study)
    since = event.onset_at + timedelta(minutes=1)
    by = trial.investigator_of(event.participant)

    add_grade(event, grade=1, since=since, by=by, now=trial.tick())

    event.refresh_from_db()
    assert event.grade == 4
    assert list(event.course.values_list("grade", "since")) == [(4, event.onset_at), (1, since)]
    assert letters_at(trial, 1) == "TP"
