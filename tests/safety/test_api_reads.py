"""What other systems read is what the pages show, for the same people."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, get_type_hints

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cohorts.models import Participant
from ntrust import clock
from ntrust.api.plain import schema_of
from ntrust.models import Delivery, Event, Notification
from ntrust.states import Role
from safety.actions import lock_cut, raise_query
from safety.api.reads import READS
from safety.management.conduct import Conduct, enlist
from safety.models import AdverseEvent
from tests.factories import (
    PASSWORD,
    client_of,
    fingerprint,
    make_trial,
    open_level,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db


OTHERS: Final = {
    "packets": "/committee/trial/",
    "packet": "/committee/trial/reviews/1/",
    "today": "/manage/trial/",
    "own_site": "/site/trial/",
    "calendar": ("/manage/trial/calendar/", "/site/trial/calendar/"),
    "look_ahead": "/manage/trial/look-ahead/",
    "design": "/manage/trial/design/",
    "exports": "/studies/trial/participants/",
    "overrides": "/studies/trial/queue/overrides/",
}
"""Reads whose page has another address, or more than one."""


def build() -> Conduct:
    """At two sites; one participant at each, a DLT at the first, a query, a cut."""
    trial = open_level(make_trial(sites=2))
    person = run_cohort(trial, 1, "TPU")[0]
    trial.stock("A12", total_cells=Decimal(9), viability=Decimal("0.9"), lasts=timedelta(days=90))
    common: dict[str, Any] = {"by": trial.manager, "now": trial.tick()}
    raise_query(person, text="Which day?", **common)
    lock_cut(trial.study, purpose="review", password=PASSWORD, **common)
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def addresses() -> dict[str, str]:
    """Each read, about the first participant, event and decision."""
    known = {
        "key": "trial",
        "number": "S-001",
        "label": "A",
        "event": str(AdverseEvent.objects.earliest("id").pk),
    }
    message = str(Delivery.objects.earliest("id").pk)
    found = {}
    for read in READS:
        number = message if read.address.startswith("studies/<slug:key>/undelivered") else "1"
        where = read.address.replace("<int:number>", number)
        found[read.query.__name__] = "/api/v1/" + re.sub(
            r"<(?:\w+:)?(\w+)>", lambda match: known[match[1]], where
        )
    return found


def answers(client: Client) -> dict[str, Any]:
    return {name: client.get(where) for name, where in addresses().items()}


def test_every_read_answers_a_manager_and_writes_nothing(trial: Conduct) -> None:
    client, before = client_of(trial.manager), fingerprint()

    said = answers(client)

    odd = {name: one.status_code for name, one in said.items() if one.status_code != 200}
    assert odd == {"own_site": 404}
    assert len(said) >= 45
    assert said["standing"].json()["data"]["levels"]
    assert [row["screening_number"] for row in said["participants"].json()["results"]]
    assert said["participant"].json()["data"]["screening_number"] == "S-001"
    assert said["holds"]["ETag"] == f'"{said["holds"].json()["revision"]}"'
    assert fingerprint() == before


def test_nobody_reads_more_than_their_pages_show(trial: Conduct) -> None:
    common: dict[str, Any] = {"study": trial.study, "password": PASSWORD, "now": trial.now}
    stranger = client_of(make_trial(key="third").manager)
    elsewhere = client_of(trial.crews[-1].investigator)
    committee = client_of(enlist("reader", role=Role.COMMITTEE, **common))
    own = Participant.objects.filter(site=trial.crews[-1].site)
    hidden = Participant.objects.filter(study=trial.study).exclude(pk__in=own)
    numbers = [number for one in hidden for number in (one.screening_number, str(one))]
    assert len(numbers) >= 2

    assert {one.status_code for one in answers(stranger).values()} == {404}
    for name, where in addresses().items():
        pages = OTHERS.get(name, where.replace("/api/v1/", "/"))
        for client in (elsewhere, committee):
            shown = {
                client.get(page).status_code
                for page in ([pages] if isinstance(pages, str) else pages)
            }
            assert (client.get(where).status_code == 200) <= (200 in shown), (name, shown)
    read = "".join(one.content.decode() for one in answers(elsewhere).values())
    assert [number for number in numbers if re.search(rf"\b{number}\b", read)] == []
    told = "".join(one.content.decode() for one in answers(committee).values())
    assert "Investigator trial" not in told


def test_the_feed_goes_on_after_the_last_event_that_was_read(trial: Conduct) -> None:
    client, where = client_of(trial.manager), "/api/v1/studies/trial/feed/"
    read, since, more = [], 0, True

    while more:
        page = client.get(where, {"since": since}).json()
        read += [row["number"] for row in page["results"]]
        since, more = page["next"], page["has_more"]

    own = Event.objects.filter(study=trial.study).order_by("id")
    assert read == list(own.values_list("pk", flat=True))
    assert client.get(where, {"since": since}).json()["results"] == []
    assert client.get(where, {"since": "x"}).status_code == 400
    assert client_of(trial.crews[0].investigator).get(where).status_code == 404


def test_lists_come_in_pages(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safety.api.endpoints.PAGE", 2)
    client, where = client_of(trial.manager), "/api/v1/studies/trial/participants/"
    read, cursor = [], ""

    while cursor is not None:
        page = client.get(where, {"cursor": cursor}).json()
        read += [row["screening_number"] for row in page["results"]]
        cursor = page["next"]

    assert sorted(read) == sorted(
        Participant.objects.filter(study=trial.study).values_list("screening_number", flat=True)
    )
    assert client.get(where, {"cursor": "%%"}).status_code == 400


def test_a_list_costs_the_same_statements_for_more_rows(trial: Conduct) -> None:
    client, where = client_of(trial.manager), "/api/v1/studies/trial/participants/"
    client.get(where)
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            client.get(where)
        counts.append(len(captured))
        trial.consent(disease=Participant.objects.earliest("id").disease)

    assert counts[0] == counts[1] <= 8


def test_an_alert_is_acknowledged_once_by_whom_it_was_sent_to(trial: Conduct) -> None:
    row = Notification.objects.filter(event__kind="DLT_REPORTED").latest("id")
    Notification.objects.filter(pk=row.pk).update(acknowledge_by=trial.now + timedelta(hours=1))
    client, where = client_of(row.recipient), f"/api/v1/inbox/{row.pk}/acknowledge/"
    other = trial.manager if row.recipient != trial.manager else trial.monitor

    assert row.pk in [one["number"] for one in client.get("/api/v1/inbox/").json()["awaited"]]
    assert client_of(other).post(where).status_code == 404
    first, second = client.post(where), client.post(where)

    row.refresh_from_db()
    assert (first.status_code, row.acknowledged_where) == (200, "API")
    assert (second.status_code, second.json()["code"]) == (409, "already_acknowledged")


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value is what a schema says; as far as ours go."""
    if "anyOf" in schema:
        return any(fits(value, one) for one in schema["anyOf"])
    kinds = {
        "object": dict, "array": list, "string": str, "integer": int, "number": (int, float),
        "boolean": bool, "null": type(None),
    }  # fmt: skip
    if "type" in schema and not isinstance(value, kinds[schema["type"]]):
        return False
    if isinstance(value, list):
        return all(fits(one, schema.get("items", {})) for one in value)
    if isinstance(value, dict) and "properties" in schema:
        inside = schema["properties"]
        return set(value) == set(inside) and all(fits(value[name], inside[name]) for name in value)
    return True


def test_every_answer_is_what_its_schema_says(trial: Conduct) -> None:
    said = answers(client_of(trial.manager))
    said |= {"own_site": answers(client_of(trial.crews[0].investigator))["own_site"]}

    for read in READS:
        body = said[read.query.__name__].json()
        schema = schema_of(get_type_hints(read.query)["return"])
        assert fits(body.get("data", body.get("results")), schema), read.address
