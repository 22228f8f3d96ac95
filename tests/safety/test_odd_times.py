"""Times that no calendar of a trial has, as a slip or somebody's joke sends them."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError

from cohorts.models import Participant
from ntrust.acts import DayField, MomentField
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, InboxAlert
from safety.queries.audit import AuditFilter, read_filter
from tests.factories import client_of, make_trial, open_level, report_late_dlt, run_cohort

pytestmark = pytest.mark.django_db
ODD = ["0001-01-01", "0206-01-06", "1899-12-31", "2200-01-01", "9999-12-31"]


@pytest.fixture
def trial() -> Conduct:
    trial = open_level(make_trial(zone="Europe/Berlin"))
    run_cohort(trial, 1, "NNN")
    report_late_dlt(trial, Participant.objects.earliest("id"))
    return trial


def test_moment_before_the_calendar_begins_is_not_written(trial: Conduct) -> None:
    """East of Greenwich 00:00 on 1-Jan-0001 is before the year 1 in UTC: the database keeps it, and
    nothing can read it again."""
    event = AdverseEvent.objects.latest("id")
    page = f"/studies/trial/events/{event.pk}/"
    browser = client_of(trial.crews[0].investigator)
    sent = {"aware_at": "0001-01-01T00:00", "reason": "it was forgotten", "revision": "999999"}

    answer = browser.post(f"{page}complete/", sent)

    assert answer.status_code == 422
    assert "The year is between 1900 and 2199." in answer.content.decode()
    assert browser.get(page).status_code == 200


def test_alert_with_a_slip_in_its_year_is_asked_again_and_not_put_aside(trial: Conduct) -> None:
    person = Participant.objects.earliest("id")
    sent = {
        "term": "fever",
        "onset_at": "0001-01-01T00:00",
        "grading_system": "CTCAE v5.0",
        "grade": "4",
        "causality": "POSSIBLE",
        "criterion": "NOW",
    }

    browser = client_of(trial.crews[0].investigator)
    page = f"/studies/trial/participants/{person.screening_number}/event/"
    answer = browser.post(page, sent)

    assert answer.status_code == 422
    assert not InboxAlert.objects.exists()


@pytest.mark.parametrize("moment", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"])
def test_filter_by_a_moment_that_utc_does_not_have_is_no_filter(moment: str) -> None:
    assert read_filter({"since": moment, "until": moment}) == AuditFilter()


@pytest.mark.parametrize("day", ODD)
def test_years_of_no_trial_are_refused(day: str) -> None:
    for field, said in ((MomentField(), f"{day}T12:00"), (DayField(), day)):
        with pytest.raises(ValidationError, match="between 1900 and 2199"):
            field.clean(said)


@pytest.mark.parametrize("day", ["1900-01-01", "2026-02-28", "2199-12-31"])
def test_years_at_the_edges_are_taken(day: str) -> None:
    assert MomentField().clean(f"{day}T12:00")
    assert DayField().clean(day)
