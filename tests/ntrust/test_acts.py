"""A page that acts: who gets it, what it refuses, and that nothing entered is lost."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from cohorts.models import Participant
from ntrust import clock
from ntrust.models import Study
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, DltReport, WindowStatement
from tests.factories import (
    cast,
    client_of,
    end_windows,
    fingerprint,
    make_trial,
    open_level,
    run_cohort,
    shared_trial,
    typed_by,
)

pytestmark = pytest.mark.django_db


def treated() -> Conduct:
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "P")
    return trial


_built, trial = shared_trial(treated)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def person() -> Participant:
    return Participant.objects.get(screening_number="S-001")


def address(name: str, number: str = "S-001") -> str:
    return reverse(f"safety:{name}", args=["trial", number])


def event_data(trial: Conduct, **changed: Any) -> dict[str, Any]:
    when = trial.now.strftime("%Y-%m-%dT%H:%M")
    return {
        "revision": Study.objects.get(key="trial").revision,
        "term": "Fever",
        "onset_at": when,
        "aware_at": when,
        "grade": "3",
        "grading_system": "CTCAE v5.0",
        "causality": "POSSIBLE",
        "is_serious": "no",
        "criterion": "",
        **changed,
    }


def test_act_calls_its_action_and_goes_back(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)

    answer = client.post(address("event"), event_data(trial, criterion="NOW"), follow=True)

    report = DltReport.objects.get()
    assert answer.redirect_chain == [(f"/site/trial/sent/{report.event.pk}/", 302)]
    assert "The DLT is reported." in answer.content.decode()
    assert report.event.term == "Fever"


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("investigator", 200),
        ("manager", 403),
        ("monitor", 403),
        ("pharmacist", 403),
        ("auditor", 403),
        ("committee", 403),
        ("investigator elsewhere", 404),
        ("pharmacist elsewhere", 404),
        ("superuser", 404),
        ("stranger", 404),
        ("revoked", 404),
    ],
)
def test_act_is_shown_to_its_owners_only(trial: Conduct, who: str, status: int) -> None:
    client = client_of(cast(trial)[who])
    before = fingerprint()

    assert client.get(address("event")).status_code == status
    posted = client.post(address("event"), event_data(trial))

    assert posted.status_code == (302 if status == 200 else status)
    assert (fingerprint() == before) == (status != 200)


def test_wrong_field_is_named_and_nothing_entered_is_lost(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)
    before = fingerprint()

    answer = client.post(address("event"), event_data(trial, grade="9", term="Kept words"))

    assert answer.status_code == 422
    assert "Kept words" in answer.content.decode()
    assert "▲" in answer.content.decode()
    assert fingerprint() == before


def test_refusal_shows_its_sentence_and_code(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)
    before = fingerprint()

    answer = client.post(address("event"), event_data(trial, onset_at="2031-01-01T10:00"))

    assert answer.status_code == 409
    assert "This time lies in the future." in answer.content.decode()
    assert "future_date" in answer.content.decode()
    assert fingerprint() == before


def test_event_sent_twice_is_entered_once(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)
    data = event_data(trial)

    first = client.post(address("event"), data)
    second = client.post(address("event"), data)

    event = AdverseEvent.objects.get()
    assert first["Location"] == second["Location"] == f"/site/trial/sent/{event.pk}/"


def test_dlt_is_reported_from_a_page_that_others_have_overtaken(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)
    data = event_data(trial, criterion="NOW")
    client.post(address("event"), event_data(trial, term="Headache"))

    answer = client.post(address("event"), data)

    assert answer.status_code == 302
    assert DltReport.objects.get().event.term == "Fever"


def test_dlt_is_reported_before_its_criterion_is_known(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)

    client.post(address("event"), event_data(trial, criterion="to-follow"))

    report = DltReport.objects.get()
    assert (report.criterion, report.state) == ("", "REPORTED")


def test_event_entered_before_becomes_a_dlt_without_a_second_row(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)
    data = event_data(trial)
    client.post(address("event"), data)

    client.post(address("event"), {**data, "criterion": "NOW"})
    again = client.post(address("event"), {**data, "criterion": "NOW"})

    assert again["Location"] == f"/site/trial/sent/{AdverseEvent.objects.get().pk}/"
    assert DltReport.objects.count() == 1


def test_refuted_event_is_reported_again(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)
    data = event_data(trial, criterion="NOW")
    client.post(address("event"), data)
    trial.adjudicate(DltReport.objects.get(), is_confirmed=False)

    again = client.post(address("event"), data)

    assert again.status_code == 302
    states = DltReport.objects.order_by("id").values_list("state", flat=True)
    assert list(states) == ["REFUTED", "REPORTED"]


def test_stale_page_is_refused_once_and_sent_again_after_a_look(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)
    leave = reverse("dosing:leave", args=["trial", "S-001"])
    data = {
        "revision": Study.objects.get(key="trial").revision,
        "to": "WITHDRAWN",
        "reason": "moved away",
    }
    client.post(address("event"), event_data(trial))

    stale = client.post(leave, data)
    shown = re.search(r'name="revision" value="(\d+)"', stale.content.decode())
    assert shown is not None
    again = client.post(leave, {**data, "revision": shown[1]})

    assert (stale.status_code, again.status_code) == (409, 302)
    assert "stale_page" in stale.content.decode()
    assert "moved away" in stale.content.decode()
    assert person().state == "WITHDRAWN"


def test_statement_is_signed_over_the_page(trial: Conduct) -> None:
    client = client_of(trial.crews[0].investigator)
    early = client.get(address("statement")).content.decode()
    end_windows(trial)
    data = {
        "revision": Study.objects.get(key="trial").revision,
        "has_dlt": "no",
        **typed_by(trial.crews[0].investigator),
    }

    wrong = client.post(address("statement"), {**data, "password": "no"})
    right = client.post(address("statement"), data)

    assert "The DLT window is not over" in early
    assert (wrong.status_code, right.status_code) == (409, 302)
    assert "The password is not right. Nothing was signed." in wrong.content.decode()
    assert WindowStatement.objects.get(participant=person()).has_dlt is False


def test_participants_page_names_those_of_the_own_site_only(trial: Conduct) -> None:
    people = cast(trial)
    pages = {
        who: client_of(people[who]).get(reverse("safety:participants", args=["trial"]))
        for who in ("investigator", "investigator elsewhere", "manager", "committee")
    }

    assert "P-001" in pages["investigator"].content.decode()
    assert "P-001" not in pages["investigator elsewhere"].content.decode()
    assert "P-001" in pages["manager"].content.decode()
    assert pages["committee"].status_code == 404
