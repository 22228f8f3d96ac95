"""The endpoint of an act answers as its page does, and does as much and as little."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import get_resolver, reverse

from ntrust import clock
from ntrust.acts import Act
from ntrust.models import Event, Study
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


def address(name: str, number: str = "S-001") -> str:
    return reverse(f"api:{name}", args=["trial", number])


def investigator(trial: Conduct) -> Client:
    return client_of(trial.crews[0].investigator)


def patterns_of(app: str) -> list[Any]:
    """The addresses of an application, or of the API."""
    return [
        pattern
        for resolver in get_resolver().url_patterns
        if getattr(resolver, "app_name", None) == app
        for pattern in resolver.url_patterns  # type: ignore[union-attr]
    ]


def act_routes() -> list[Any]:
    """The endpoints of acts."""
    return [one for one in patterns_of("api") if "act_class" in one.callback.initkwargs]


def post(client: Client, where: str, data: Any, **headers: Any) -> Any:
    return client.post(where, data, content_type="application/json", headers=headers)


def fever(trial: Conduct, **changed: Any) -> dict[str, Any]:
    return {
        "term": "Fever",
        "onset_at": trial.now.isoformat(),
        "aware_at": trial.now.isoformat(),
        "grade": 3,
        "grading_system": "CTCAE v5.0",
        "causality": "POSSIBLE",
        "is_serious": "no",
        "criterion": "",
        **changed,
    }


def tag(client: Client, where: str) -> str:
    return str(client.get(where)["ETag"])


def test_every_act_has_an_endpoint_at_the_address_of_its_page() -> None:
    pages = {
        (str(pattern.pattern), pattern.callback.view_class)
        for app in ("cohorts", "dosing", "safety")
        for pattern in patterns_of(app)
        if issubclass(getattr(pattern.callback, "view_class", object), Act)
    }

    assert len(pages) > 100
    assert {
        (str(route.pattern), route.callback.initkwargs["act_class"]) for route in act_routes()
    } == pages


def test_an_act_says_what_it_asks_and_what_is_in_its_way(trial: Conduct) -> None:
    answer = investigator(trial).get(address("statement"))

    said = answer.json()
    assert said["title"] == "Sign the window statement"
    assert (
        answer["ETag"] == f'"{said["revision"]}"' == f'"{Study.objects.get(key="trial").revision}"'
    )
    assert [(one["name"], one["type"], one["is_secret"]) for one in said["fields"]] == [
        ("has_dlt", "choice", False),
        ("username", "text", False),
        ("password", "text", True),
    ]
    assert said["fields"][0]["choices"][0] == {
        "value": "no",
        "label": "no dose-limiting toxicity",
    }
    shut = [gate for gate in said["gates"] if not gate["is_clear"]]
    assert [gate["rule"] for gate in shut] == ["window_over"]
    assert shut[0]["clears_at"] is not None


def test_a_dlt_is_reported_and_says_what_it_led_to(trial: Conduct) -> None:
    answer = post(investigator(trial), address("event"), fever(trial, criterion="NOW"))

    report = DltReport.objects.get()
    said = answer.json()
    assert answer.status_code == 200
    assert said["said"].startswith("The DLT is reported.")
    assert report.event.term == "Fever"
    assert report.event.onset_at == trial.now
    kinds = {one["kind"] for one in said["events"]}
    made = set(Event.objects.filter(revision=said["revision"]).values_list("kind", flat=True))
    assert "DLT_REPORTED" in kinds == made
    assert any("DLT" in sentence for sentence in said["told"])


def test_a_preview_says_the_effect_and_keeps_nothing(trial: Conduct) -> None:
    before = fingerprint()

    answer = post(
        investigator(trial), f"{address('event')}?preview=true", fever(trial, criterion="NOW")
    )

    effect = answer.json()["effect"]
    assert answer.status_code == 200
    assert effect["counts_before"] != effect["counts_after"]
    assert effect["people"] > 0
    assert fingerprint() == before


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("investigator", 200),
        ("manager", 403),
        ("committee", 403),
        ("investigator elsewhere", 404),
        ("superuser", 404),
        ("stranger", 404),
        ("revoked", 404),
    ],
)
def test_an_endpoint_is_its_owners_only(trial: Conduct, who: str, status: int) -> None:
    client = client_of(cast(trial)[who])
    before = fingerprint()

    shown = client.get(address("event"))
    sent = post(client, address("event"), fever(trial))

    assert (shown.status_code, sent.status_code) == (status, status)
    assert (fingerprint() == before) == (status != 200)
    if status == 404:
        nobody = client.get(address("event", "S-999"))
        assert nobody.json() == shown.json() == sent.json()


def test_a_refusal_is_a_code_a_sentence_and_the_gates(trial: Conduct) -> None:
    client, before = investigator(trial), fingerprint()
    user = trial.crews[0].investigator

    answer = post(
        client,
        address("statement"),
        {"has_dlt": "no", **typed_by(user)},
        If_Match=tag(client, address("statement")),
    )

    said = answer.json()
    assert answer.status_code == 409
    assert said["code"] == "no_statement"
    assert said["sentence"].endswith(".")
    assert "window_over" in [gate["rule"] for gate in said["gates"] if not gate["is_clear"]]
    assert fingerprint() == before


def test_wrong_fields_are_named_in_the_words_of_the_form(trial: Conduct) -> None:
    client, before = investigator(trial), fingerprint()

    wrong = post(client, address("event"), fever(trial, grade=9, colour="red"))
    deep = post(client, address("event"), {"term": {"is": "deep"}})
    broken = client.post(address("event"), "{", content_type="application/json")
    listed = post(client, address("event"), [1])

    assert wrong.status_code == deep.status_code == 422
    assert set(wrong.json()["errors"]) == {"grade", "colour"}
    assert deep.json()["errors"] == {"term": ["Send text, a number, yes or no."]}
    assert (broken.status_code, listed.status_code) == (400, 400)
    assert broken.json()["code"] == listed.json()["code"] == "parse_error"
    assert fingerprint() == before


def test_what_has_changed_since_it_was_read_is_refused_and_signed_after_a_look(
    trial: Conduct,
) -> None:
    user, where = trial.crews[0].investigator, address("statement")
    end_windows(trial)
    client = client_of(user)
    body, read = {"has_dlt": "no", **typed_by(user)}, tag(client, where)

    unread = post(client, where, body)
    post(client, address("event"), fever(trial, term="Rash"))
    stale = post(client, where, body, If_Match=read)
    assert not WindowStatement.objects.exists()
    again = post(client, where, body, If_Match=tag(client, where))

    assert (unread.status_code, unread.json()["code"]) == (428, "if_match_needed")
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_page")
    assert again.status_code == 200, again.json()
    assert WindowStatement.objects.get().has_dlt is False


def test_a_session_needs_its_csrf_token_and_a_visitor_gets_nothing(trial: Conduct) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(trial.crews[0].investigator)

    assert post(strict, address("event"), fever(trial)).status_code == 403
    assert post(Client(), address("event"), fever(trial)).status_code in (401, 403)
    assert not AdverseEvent.objects.exists()


def test_whoever_reads_for_the_committee_can_post_to_no_act(trial: Conduct) -> None:
    client = client_of(cast(trial)["committee"])
    before = fingerprint()
    known = {"key": "trial", "number": "S-001", "code": trial.crews[0].site.code, "label": "A"}

    codes = {}
    for route in act_routes():
        where = f"/api/v1/{route.pattern}"
        for name in route.pattern.converters:
            where = re.sub(rf"<(\w+:)?{name}>", known.get(name, "1"), where)
        codes[where] = post(client, where, {"reason": "because"}).status_code

    assert len(codes) > 100
    assert set(codes.values()) <= {403, 404}
    assert fingerprint() == before
