"""Follow-up, its end, and a later cycle, which counts nowhere."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse

from cohorts.models import Outcome, Participant
from cohorts.policies import recommend_now
from dosing.actions import (
    begin_cycle,
    complete_follow_up,
    complete_lymphodepletion,
    give_infusion,
)
from dosing.models import Course, DltWindow, Infusion
from ntrust import clock
from safety.management.conduct import Conduct
from tests.factories import (
    client_of,
    end_windows,
    letters_at,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    revision_of,
    run_cohort,
    seat,
    shut,
    treat,
)

pytestmark = pytest.mark.django_db


def followed() -> tuple[Conduct, Participant]:
    """One in follow-up, of three without a DLT at level 1."""
    trial = open_level(make_trial(key="other"))
    people = run_cohort(trial, 1, "NNN")
    people[0].refresh_from_db()
    return trial, people[0]


def test_follow_up_begins_with_the_signed_statement() -> None:
    trial = open_level(make_trial(key="other"))
    (person,) = seat(trial, 1)
    treat(trial, [person])
    end_windows(trial)
    person.refresh_from_db()
    assert person.state == "TREATED"

    trial.sign_no_dlt(person)

    person.refresh_from_db()
    assert person.state == "FOLLOW_UP"


def test_follow_up_waits_for_planned_infusions() -> None:
    trial = open_level(make_trial(key="other", infusion_days=(0, 7)))
    (person,) = seat(trial, 1)
    treat(trial, [person])
    end_windows(trial)
    trial.sign_no_dlt(person)

    person.refresh_from_db()
    assert person.state == "TREATED"


def test_follow_up_ends_when_nothing_is_owed() -> None:
    trial, person = followed()
    other = seat_of_another(trial)
    with refused("not_complete") as caught:
        complete_follow_up(other, by=trial.crews[0].investigator, now=trial.tick())
    assert "in_follow_up" in shut(caught)

    done = complete_follow_up(person, by=trial.investigator_of(person), now=trial.tick())

    assert done.state == "OFF_STUDY"


def seat_of_another(trial: Conduct) -> Participant:
    open_level(trial, 2)
    return seat(trial, 2)[0]


def complete(trial: Conduct, course: Course) -> Course:
    return complete_lymphodepletion(
        course, ended_at=trial.now, by=trial.crews[0].investigator, now=trial.tick()
    )


# --- A later cycle ---------------------------------------------------------------------------


def second_cycle(trial: Conduct, person: Participant, **named: Any) -> Course:
    return begin_cycle(
        person,
        regimen="flu_cy",
        started_at=trial.now,
        first_infusion_on=trial.now + timedelta(days=5),
        by=trial.investigator_of(person),
        now=trial.tick(),
        **named,
    )


def infuse_again(trial: Conduct, person: Participant) -> Infusion:
    infusion = Infusion.objects.get(course__participant=person, course__cycle=2)
    return give_infusion(
        infusion,
        given_at=trial.now,
        given_cells=infusion.assigned_cells,
        by=trial.investigator_of(person),
        now=trial.tick(),
    )


def test_later_cycle_changes_neither_counts_nor_window() -> None:
    trial, person = followed()
    window = DltWindow.objects.filter(participant=person).values().get()
    outcome = Outcome.objects.filter(participant=person).values().get()

    course = second_cycle(trial, person)
    trial.now += timedelta(days=5)
    complete(trial, course)
    infuse_again(trial, person)

    person.refresh_from_db()
    assert (course.cycle, course.level, person.state) == (2, trial.level(1), "FOLLOW_UP")
    assert DltWindow.objects.filter(participant=person).values().get() == window
    assert Outcome.objects.filter(participant=person).values().get() == outcome


def test_later_cycle_is_given_over_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    trial, person = followed()
    course = second_cycle(trial, person)
    trial.now += timedelta(days=5)
    complete(trial, course)
    monkeypatch.setattr(clock, "now", trial.tick)
    client = client_of(trial.investigator_of(person))
    where = [trial.study.key, person.screening_number]
    give = reverse("dosing:infusion_give", args=[*where, 2, 1])

    page = client.get(reverse("safety:participant", args=where)).content.decode()
    answer = client.post(
        give,
        {
            "revision": revision_of(trial),
            "given_at": trial.now.strftime("%Y-%m-%dT%H:%M"),
            "given_cells": "1",
        },
    )

    assert "Cycle 2, infusion 1" in re.sub(r"\s+", " ", page)
    assert give in page
    assert answer.status_code == 302
    assert Infusion.objects.get(course=course).state == "GIVEN"
    assert client.get(reverse("dosing:infusion_give", args=[*where, 3, 1])).status_code == 404


def test_dlt_of_a_later_cycle_is_kept_counts_nowhere_and_stops_that_cycle() -> None:
    trial, person = followed()
    course = second_cycle(trial, person)
    trial.now += timedelta(days=5)
    complete(trial, course)
    before = recommend_now(trial.study)

    report = report_dlt_of(trial, person)

    assert (report.state, letters_at(trial, 1)) == ("REPORTED", "NNN")
    assert recommend_now(trial.study) == before
    with refused("no_infusion") as caught:
        infuse_again(trial, person)
    assert shut(caught) == ["no_dlt_of_ones_own"]
    trial.adjudicate(report, is_confirmed=False, reason="not related")
    assert infuse_again(trial, person).state == "GIVEN"


def test_later_cycle_begins_in_follow_up_once_and_not_after_a_dlt() -> None:
    trial, person = followed()
    seated = seat_of_another(trial)
    with refused("no_cycle") as caught:
        second_cycle(trial, seated)
    assert "in_follow_up" in shut(caught)
    second_cycle(trial, person)
    with refused("no_cycle") as caught:
        second_cycle(trial, person)
    assert shut(caught) == ["treatment_settled"]
    other = Participant.objects.filter(study=trial.study, state="FOLLOW_UP").latest("id")
    report_dlt_of(trial, other)

    with refused("no_cycle") as caught:
        second_cycle(trial, other)

    assert shut(caught) == ["no_dlt_of_ones_own"]
