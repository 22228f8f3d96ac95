"""The pages about data: who sees them, what they do, and what they refuse."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cohorts.models import Participant
from dosing.actions import Reading, record_measurement
from ntrust import clock
from ntrust.models import Study, User
from safety.actions import raise_query
from safety.management.conduct import Conduct
from safety.models import DataCut, DataQuery, Verification
from tests.everybody import everybody
from tests.factories import (
    client_of,
    fingerprint,
    make_trial,
    open_level,
    run_cohort,
    shared_trial,
    typed_by,
)

pytestmark = pytest.mark.django_db


def measured() -> Conduct:
    trial = open_level(make_trial(sites=2))
    person = run_cohort(trial, 1, "P")[0]
    reading = Reading(Decimal("1.5"), "g/g", measured_on=trial.now.date())
    record_measurement(
        person,
        measurement="upcr",
        reading=reading,
        by=trial.investigator_of(person),
        now=trial.tick(),
    )
    return trial


_built, trial = shared_trial(measured)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def person() -> Participant:
    return Participant.objects.get(screening_number="S-001")


def address(name: str, *arguments: Any) -> str:
    return reverse(f"safety:{name}", args=["trial", *arguments])


def send(client: Client, url: str, **entered: Any) -> Any:
    revision = Study.objects.get(key="trial").revision
    return client.post(url, {"revision": revision, **entered}, follow=True)


def text_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def ask(trial: Conduct) -> DataQuery:
    return raise_query(person(), text="Which day?", by=trial.manager, now=trial.tick())


def test_row_is_verified_on_the_participants_page(trial: Conduct) -> None:
    client = client_of(trial.monitor)
    page = client.get(address("verify", "S-001")).content.decode()
    value = re.findall(r'value="(measurement:\d+:\w+)"', page)

    said = send(client, address("verify", "S-001"), rows=value, source="chart 4")

    assert Verification.objects.get().source == "chart 4"
    words = text_of(said)
    assert "1 verified." in words
    assert "verified · measurements: upcr 1.5 g/g" in words
    assert "chart 4" in words
    number = Verification.objects.get().pk
    again = send(client, address("withdraw_verification", number), reason="wrong chart")
    assert "The verification is withdrawn." in text_of(again)
    assert client.get(address("withdraw_verification", number)).status_code == 404


def test_row_changed_meanwhile_is_not_verified(trial: Conduct) -> None:
    client = client_of(trial.monitor)
    before = fingerprint()

    answer = send(client, address("verify", "S-001"), rows=["measurement:1:abc"], source="chart")

    assert answer.status_code == 422
    assert "One of these has changed since: look again." in answer.content.decode()
    assert fingerprint() == before


def test_query_goes_to_the_site_and_back(trial: Conduct) -> None:
    manager, site = client_of(trial.manager), client_of(trial.crews[0].investigator)

    asked = send(manager, address("raise_query", "S-001"), row=":", text="Which day?")
    answered = send(site, address("answer_query", 1), text="The fifth.")
    again = send(manager, address("reopen_query", 1), text="Of which month?")
    send(site, address("answer_query", 1), text="January.")
    closed = send(manager, address("close_query", 1), text="Agrees.")

    assert "Query 1 is with the site." in text_of(asked)
    assert "The query is answered." in text_of(answered)
    assert "Of which month?" in text_of(again)
    words = text_of(closed)
    assert "Asked by the study manager Which day?" in words
    assert "Answered by the investigator The fifth." in words
    assert DataQuery.objects.get().state == "CLOSED"


def test_list_of_queries_is_filtered_and_counted(trial: Conduct) -> None:
    ask(trial)
    client = client_of(trial.manager)

    every = text_of(client.get(address("queries")))
    closed = text_of(client.get(address("queries"), {"state": "CLOSED"}))
    elsewhere = text_of(client.get(address("queries"), {"site": "S2"}))

    assert "1 query" in every
    assert "open (1)" in every
    assert "Which day?" in every
    assert "0 shown" in closed
    assert "0 shown" in elsewhere


@pytest.mark.parametrize(
    ("who", "queries", "query", "data"),
    [
        ("manager", 200, 200, 200),
        ("monitor", 200, 200, 200),
        ("data monitor", 200, 200, 200),
        ("auditor", 200, 200, 200),
        ("investigator", 200, 200, 404),
        ("pharmacist", 200, 200, 404),
        ("investigator elsewhere", 200, 404, 404),
        ("pharmacist elsewhere", 200, 404, 404),
        ("committee", 404, 404, 404),
        ("superuser", 404, 404, 404),
        ("stranger", 404, 404, 404),
        ("revoked", 404, 404, 404),
    ],
)
def test_pages_are_for_those_who_may_know(
    trial: Conduct, who: str, queries: int, query: int, data: int
) -> None:
    ask(trial)
    client = client_of(everybody(trial)[who])

    listed = client.get(address("queries"))

    assert listed.status_code == queries
    assert client.get(address("query", 1)).status_code == query
    assert client.get(address("answer_query", 1)).status_code in (
        {200} if who in ("investigator", "pharmacist") else {403, 404}
    )
    assert client.get(address("data")).status_code == data
    assert ("P-001" in listed.content.decode()) is (query == 200)


def test_cut_is_locked_and_shows_its_signature_and_what_came_after(trial: Conduct) -> None:
    client = client_of(trial.manager)

    wrong = send(client, address("lock_cut"), purpose="review 1", **guess(trial.manager))
    locked = send(client, address("lock_cut"), purpose="review 1", **typed_by(trial.manager))
    reading = Reading(Decimal(2), "g/g", measured_on=trial.now.date() - timedelta(days=1))
    record_measurement(
        person(),
        measurement="upcr",
        reading=reading,
        by=trial.crews[0].investigator,
        now=trial.tick(),
    )
    page = text_of(client.get(address("cut", 1)))

    assert wrong.status_code == 409
    assert "signature_refused" in text_of(wrong)
    assert "signature valid" in text_of(locked)
    assert "Manager trial" in text_of(locked)
    assert "1 row written after the cut" in page
    assert "measurements" in page
    assert DataCut.objects.get().purpose == "review 1"
    assert client.get(address("cut", 2)).status_code == 404


def guess(user: User) -> dict[str, str]:
    return {**typed_by(user), "password": "guess"}


def test_another_username_does_not_sign(trial: Conduct) -> None:
    client = client_of(trial.manager)
    typed = {**typed_by(trial.manager), "username": trial.monitor.username}

    answer = send(client, address("lock_cut"), purpose="review 1", **typed)

    assert answer.status_code == 409
    assert "not the username you are logged in with" in text_of(answer)
    assert not DataCut.objects.exists()


def test_username_is_never_filled_in(trial: Conduct) -> None:
    page = client_of(trial.manager).get(address("lock_cut")).content.decode()

    field = re.search(r'<input[^>]*name="username"[^>]*>', page)
    assert field is not None
    assert "value=" not in field[0]
    assert 'name="code"' not in page
