"""Acts on DLT reports: the effect is seen first, then signed; for whom, and what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from ntrust import clock
from safety.management.conduct import Conduct
from safety.models import DltReport, Superseding
from tests.factories import (
    cast,
    client_of,
    fingerprint,
    letters_at,
    report_dlt_of,
    shared_trial,
)
from tests.safety.reported import (
    PAGE,
    act,
    build,
    check_and_send,
    propose,
    provisional,
    reported,
    revision,
    sealed,
    signed,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


# --- Adjudication ----------------------------------------------------------------------------


def test_monitor_sees_the_effect_and_signs_on_that_page(trial: Conduct) -> None:
    client, address = client_of(trial.monitor), act("adjudicate", reported())
    data = {"revision": revision(), "is_confirmed": "no", "reason": "not related"}
    before = fingerprint()

    page = client.post(address, data)

    said = page.content.decode()
    assert 'name="password"' not in client.get(address).content.decode()
    assert page.status_code == 200
    assert "DL1 1/1, 1 pending" in said
    assert "DL1 0/0, 2 pending" in said
    assert 'name="password"' in said
    assert fingerprint() == before

    answer = client.post(address, {**sealed(page), **signed(trial.monitor)}, follow=True)

    assert answer.redirect_chain == [(PAGE, 302)]
    assert "The DLT is refuted." in answer.content.decode()
    assert "Told:" in answer.content.decode()
    assert letters_at(trial, 1) == "PP"


def test_other_content_than_was_checked_is_checked_again(trial: Conduct) -> None:
    client, address = client_of(trial.monitor), act("adjudicate", reported())
    page = client.post(
        address, {"revision": revision(), "is_confirmed": "yes", "reason": "reviewed"}
    )
    before = fingerprint()

    tampered = client.post(address, {**sealed(page), **signed(trial.monitor), "is_confirmed": "no"})

    assert tampered.status_code == 200
    assert "What it changes" in tampered.content.decode()
    assert fingerprint() == before


def test_seal_of_one_person_is_not_anothers(trial: Conduct) -> None:
    address = act("supersede", reported())
    data = {"revision": revision(), "kind": "WITHDRAWN", "reason": "x", "step": "check"}
    page = client_of(trial.crews[0].investigator).post(address, data)

    answer = client_of(trial.monitor).post(address, sealed(page))

    assert answer.status_code == 403


def test_wrong_password_shows_the_check_again_and_keeps_nothing_clinical(trial: Conduct) -> None:
    client, address = client_of(trial.monitor), act("adjudicate", reported())
    page = client.post(address, {"revision": revision(), "is_confirmed": "no", "reason": "looked"})

    answer = client.post(
        address, {**sealed(page), "username": trial.monitor.username, "password": "wrong"}
    )

    assert answer.status_code == 409
    assert "The password is not right" in answer.content.decode()
    assert "What it changes" in answer.content.decode()
    assert reported().state == "REPORTED"


def test_second_press_of_a_signature_is_refused(trial: Conduct) -> None:
    client, address = client_of(trial.monitor), act("adjudicate", reported())
    page = client.post(address, {"revision": revision(), "is_confirmed": "no", "reason": "looked"})
    client.post(address, {**sealed(page), **signed(trial.monitor)})

    again = client.post(address, {**sealed(page), **signed(trial.monitor)})

    assert again.status_code == 409
    assert reported().state == "REFUTED"


def test_adjudication_from_a_stale_page_is_refused(trial: Conduct) -> None:
    client, address = client_of(trial.monitor), act("adjudicate", reported())
    seen = revision()
    propose(trial)

    answer = client.post(address, {"revision": seen, "is_confirmed": "no", "reason": "looked"})

    assert answer.status_code == 409
    assert "stale_page" in answer.content.decode()


@pytest.mark.parametrize("name", ["adjudicate", "readjudicate", "clear", "supersede"])
@pytest.mark.parametrize(
    "who", ["manager", "pharmacist", "auditor", "committee", "stranger", "investigator elsewhere"]
)
def test_acts_are_for_their_owners(trial: Conduct, who: str, name: str) -> None:
    user = cast(trial)[who]

    status = client_of(user).get(act(name, reported())).status_code

    assert status == (404 if who in ("stranger", "investigator elsewhere") else 403)


def test_monitor_rules_again_by_a_new_report(trial: Conduct) -> None:
    report = reported()
    trial.adjudicate(report)

    check_and_send(
        client_of(trial.monitor),
        act("readjudicate", report),
        {"reason": "the committee disagrees"},
        trial.monitor,
    )

    newest = DltReport.objects.latest("id")
    assert (newest.supersedes, newest.state) == (report, "REFUTED")


# --- Resolution ------------------------------------------------------------------------------


def test_investigator_signs_a_resolution(trial: Conduct) -> None:
    report, by = provisional(), trial.crews[0].investigator
    trial.now += timedelta(hours=5)

    check_and_send(
        client_of(by),
        act("clear", report),
        {"resolved_at": trial.now.strftime("%Y-%m-%dT%H:%M"), "grade": "0"},
        by,
    )

    assert provisional().state == "CLEARED"


def test_resolution_to_too_high_a_grade_is_refused_at_the_check(trial: Conduct) -> None:
    by = trial.crews[0].investigator
    data = {
        "revision": revision(),
        "resolved_at": trial.now.strftime("%Y-%m-%dT%H:%M"),
        "grade": "2",
    }

    answer = client_of(by).post(act("clear", provisional()), data)

    assert answer.status_code == 409
    assert "not_resolved" in answer.content.decode()


# --- Superseding -----------------------------------------------------------------------------


def test_investigator_proposes_and_the_monitor_rules_over_pages(trial: Conduct) -> None:
    by, report = trial.crews[0].investigator, reported()
    data = {"kind": "WITHDRAWN", "reason": "the wrong patient", "step": "check"}

    asked = check_and_send(client_of(by), act("supersede", report), data, by)

    proposed = Superseding.objects.get()
    assert asked.status_code == 302
    assert letters_at(trial, 1) == "TP"
    address = reverse("safety:rule_superseding", args=["trial", proposed.pk])
    assert client_of(by).get(address).status_code == 403
    check_and_send(
        client_of(trial.monitor),
        address,
        {"is_accepted": "yes", "reason": "source seen"},
        trial.monitor,
    )
    assert letters_at(trial, 1) == "PP"


def test_duplicate_is_chosen_among_the_reports_of_the_participant(trial: Conduct) -> None:
    by, report = trial.crews[0].investigator, reported()
    other = report_dlt_of(trial, report.event.participant)
    address = act("supersede", other)
    page = client_of(by).get(address).content.decode()

    assert f'value="{report.pk}"' in page
    assert f'value="{provisional().pk}"' not in page
    data = {"kind": "DUPLICATE", "twin": str(report.pk), "reason": "entered twice"}
    client_of(by).post(address, {"revision": revision(), **data})
    assert Superseding.objects.get().twin == report


def test_worse_is_sent_in_one_press_from_a_stale_page(trial: Conduct) -> None:
    by, report = trial.crews[0].investigator, provisional()
    seen = revision()
    trial.adjudicate(reported())

    answer = client_of(by).post(
        act("supersede", report), {"revision": seen, "kind": "WORSE", "reason": "grade 4 now"}
    )

    assert answer.status_code == 302
    assert letters_at(trial, 1) == "TT"
