"""What an action would change is shown before it is kept: nothing of it stays, nobody is told."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from cohorts.actions import place_hold
from cohorts.models import Hold, Participant
from ntrust import clock, previews
from ntrust.change import is_rehearsal
from ntrust.models import Notification, Study
from ntrust.previews import preview
from safety.actions import report_event, sign_window_statement
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, DltReport
from safety.queries.previews import Effect
from tests.factories import (
    client_of,
    end_windows,
    fingerprint,
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
    """At level 1: two treated, one of them with a DLT, and one at another site conditioned."""
    trial = open_level(make_trial(sites=2))
    people = run_cohort(trial, 1, "PP")
    report_dlt_of(trial, people[0])
    conditioned = trial.seat(1, disease="lupus nephritis", crew=1)
    trial.condition([conditioned], day_0=trial.now + timedelta(days=5))
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def second() -> Participant:
    return Participant.objects.get(screening_number="S-002")


def event_data(trial: Conduct, **changed: Any) -> dict[str, Any]:
    when = trial.now.strftime("%Y-%m-%dT%H:%M")
    return {
        "revision": Study.objects.get(key="trial").revision,
        "term": "Cytokine release",
        "onset_at": when,
        "aware_at": when,
        "grade": "4",
        "grading_system": "CTCAE v5.0",
        "causality": "POSSIBLE",
        "is_serious": "yes",
        "criterion": "NOW",
        "step": "check",
        **changed,
    }


def see_second_dlt(trial: Conduct, user: Any = None) -> Effect:
    by = trial.crews[0].investigator

    def do() -> None:
        report_event(
            second(),
            term="Cytokine release",
            onset_at=trial.now,
            grade=4,
            grading_system="CTCAE v5.0",
            causality="POSSIBLE",
            is_serious=True,
            aware_at=trial.now,
            criterion="NOW",
            by=by,
            now=trial.tick(),
        )

    effect = preview(trial.study, do, user=user or by)
    assert isinstance(effect, Effect)
    return effect


ADDRESS = "/studies/trial/participants/S-002/event/"


def hidden(page: HttpResponse) -> dict[str, str]:
    """What the page of the check sends again."""
    return dict(
        re.findall(r'type="hidden"\s+name="([^"]+)"\s+value="([^"]*)"', page.content.decode())
    )


# --- The effect ------------------------------------------------------------------------------


def test_preview_tells_what_the_second_dlt_would_do(trial: Conduct) -> None:
    effect = see_second_dlt(trial)

    assert (effect.before.text, effect.after.text) == (
        "WAIT at DL1",
        "STOP: no tolerated dose",
    )
    assert (effect.counts_before, effect.counts_after) == (
        "DL1 1/1, 2 pending",
        "DL1 2/2, 1 pending",
    )
    assert [mark.text for mark in effect.bounds] == ["STOP: no tolerated dose"]
    assert effect.holds == (
        "DL1 and above: Two or more DLTs at level 1: it and all above are closed.",
    )
    assert effect.cohorts == ("Cohort 1 at DL1: full → stopped",)
    assert (effect.people, effect.sites) == (6, 2)
    assert effect.told == "6 people at 2 sites"
    assert effect.headline == (
        "2nd DLT at DL1; dosing at DL1 and above will be held, 6 people at 2 sites told."
    )


def test_preview_keeps_nothing_and_tells_nobody(
    trial: Conduct, django_capture_on_commit_callbacks: Any
) -> None:
    before = fingerprint()

    with django_capture_on_commit_callbacks() as callbacks:
        see_second_dlt(trial)

    assert fingerprint() == before
    assert callbacks == []
    assert not is_rehearsal()


def test_preview_says_what_the_act_then_does(trial: Conduct) -> None:
    effect = see_second_dlt(trial)
    last = Notification.objects.latest("id").pk

    report_dlt_of(trial, second())

    told = Notification.objects.filter(pk__gt=last)
    assert len(set(told.values_list("recipient_id", flat=True))) == effect.people
    assert [f"DL1 and above: {hold.reason}" for hold in Hold.objects.all()] == list(effect.holds)
    assert trial.advice().verdict == "STOP"


def test_preview_names_the_conditioned_of_the_own_site_only(trial: Conduct) -> None:
    own = see_second_dlt(trial)
    monitor = see_second_dlt(trial, trial.monitor)

    assert (own.in_flight, own.in_flight_hidden) == ((), 1)
    (flight,) = monitor.in_flight
    assert (flight.who, flight.site, flight.level, flight.what) == (
        "P-003",
        "S2",
        1,
        "infusion 1",
    )
    assert monitor.in_flight_hidden == 0


def test_preview_names_the_decisions_whose_basis_would_change() -> None:
    trial = open_level(make_trial(key="two"))
    people = run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    by = trial.investigator_of(people[0])

    def do() -> None:
        report_event(
            people[0],
            term="Late",
            onset_at=trial.now - timedelta(days=20),
            grade=4,
            grading_system="CTCAE v5.0",
            causality="POSSIBLE",
            is_serious=True,
            aware_at=trial.now,
            criterion="NOW",
            by=by,
            now=trial.tick(),
        )

    effect = preview(trial.study, do, user=by)

    assert effect.decisions == ("Decision #2: P-001 went from no DLT to DLT.",)
    assert effect.holds == (
        "DL2 and above: The basis of decision #2 changed: P-001 went from no DLT to DLT.",
    )


def test_refusal_of_the_action_is_refused_in_the_preview(trial: Conduct) -> None:
    with refused("wrong_role"):
        preview(
            trial.study,
            lambda: place_hold(
                trial.study, scope="STUDY", reason="x", by=trial.crews[0].investigator
            ),
            user=trial.manager,
        )

    see_second_dlt(trial)


def test_signature_in_a_rehearsal_needs_no_password_and_is_not_kept(trial: Conduct) -> None:
    end_windows(trial)
    before = fingerprint()

    preview(
        trial.study,
        lambda: sign_window_statement(
            second(), has_dlt=False, by=trial.crews[0].investigator, password="", now=trial.tick()
        ),
        user=trial.manager,
    )

    assert fingerprint() == before
    with refused("signature_refused"):
        sign_window_statement(
            second(), has_dlt=False, by=trial.crews[0].investigator, password="", now=trial.tick()
        )


# --- The page --------------------------------------------------------------------------------


@pytest.fixture
def client(trial: Conduct) -> Client:
    return client_of(trial.crews[0].investigator)


def test_check_shows_entry_and_effect_and_keeps_nothing(trial: Conduct, client: Client) -> None:
    before = fingerprint()

    page = client.post(ADDRESS, event_data(trial))

    said = page.content.decode()
    assert page.status_code == 200
    assert "STOP: no tolerated dose" in said
    assert "DL1 and above: Two or more DLTs" in said
    assert "6 people at 2 sites" in said
    assert "NOW: Dose-limiting at once" in said
    assert "1 at other sites" in said
    assert "P-003" not in said
    assert fingerprint() == before


def test_what_was_checked_is_sent_with_one_more_press(trial: Conduct, client: Client) -> None:
    page = client.post(ADDRESS, event_data(trial))

    answer = client.post(ADDRESS, hidden(page), follow=True)

    event = AdverseEvent.objects.get(participant=second())
    assert answer.redirect_chain == [(f"/site/trial/sent/{event.pk}/", 302)]
    said = answer.content.decode()
    assert "The DLT is reported." in said
    assert "Hold on level 1 and above" in said
    assert "Told: 6 people at 2 sites." in said
    assert DltReport.objects.count() == 2


def test_second_press_reports_nothing_twice(trial: Conduct, client: Client) -> None:
    page = client.post(ADDRESS, event_data(trial))
    first = client.post(ADDRESS, hidden(page))

    again = client.post(ADDRESS, hidden(page), follow=True)

    assert again.redirect_chain == [(first["Location"], 302)]
    assert "nothing was sent twice" in again.content.decode()
    assert AdverseEvent.objects.filter(participant=second()).count() == 1


def test_refused_entry_is_refused_at_the_check(trial: Conduct, client: Client) -> None:
    before = fingerprint()

    page = client.post(ADDRESS, event_data(trial, onset_at="2031-01-01T10:00"))

    assert page.status_code == 409
    assert "future_date" in page.content.decode()
    assert fingerprint() == before


def test_alert_is_sent_when_its_effect_cannot_be_worked_out(
    trial: Conduct, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(previews, "preview", fail)

    answer = client.post(ADDRESS, event_data(trial))

    assert answer.status_code == 302
    assert DltReport.objects.count() == 2


def test_alert_goes_in_one_press_where_that_is_chosen(trial: Conduct, client: Client) -> None:
    data = event_data(trial)
    del data["step"]

    answer = client.post(ADDRESS, data)

    assert answer.status_code == 302
    assert DltReport.objects.count() == 2


def test_page_offers_both(trial: Conduct, client: Client) -> None:
    page = client.get(reverse("safety:event", args=["trial", "S-002"])).content.decode()

    assert "Check answers" in page
    assert re.search(r"Report\s+at once", page)


def test_revision_is_not_taken_by_a_check(trial: Conduct, client: Client) -> None:
    before = revision_of(trial)

    client.post(ADDRESS, event_data(trial))

    assert revision_of(trial) == before
