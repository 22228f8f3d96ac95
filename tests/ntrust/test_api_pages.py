"""The API's description as pages: every operation has one, whole and safe to show."""

from __future__ import annotations

import json
import shlex

import pytest
from django.test import Client

from ntrust.api.pages import call_of, kind_of, operations, samples_of
from ntrust.models import User

BY_NAME = {one.name: one for one in operations()}


@pytest.fixture
def reader(client: Client) -> Client:
    """Somebody who is logged in and has no role."""
    client.force_login(User.objects.create_user("anybody", printed_name="Anybody"))
    return client


@pytest.mark.django_db
def test_the_list_has_every_operation_and_leads_to_its_page(reader: Client) -> None:
    page = reader.get("/api/v1/docs/").content.decode()

    assert len(BY_NAME) > 300
    assert f"{len(BY_NAME)} operations" in page
    assert all(f'href="/api/v1/docs/{name}/"' in page for name in BY_NAME)


@pytest.mark.django_db
def test_every_operation_has_a_page_with_what_it_sends_answers_and_refuses(reader: Client) -> None:
    for name, one in BY_NAME.items():
        page = reader.get(f"/api/v1/docs/{name}/")
        sections = page.context["answered"], page.context["refused"]

        assert page.status_code == 200
        assert all(sections), name
        assert all(sample.examples for samples in sections for sample in samples), name
        assert bool(page.context["sent"]) is ("requestBody" in one.said), name


@pytest.mark.django_db
def test_a_page_says_fields_objects_and_refusals(reader: Client) -> None:
    page = reader.get("/api/v1/docs/post_studies_key_reports_report_adjudicate/")
    text = page.content.decode()

    assert {"key", "report", "preview", "Idempotency-Key", "If-Match"} == {
        line.name for line in page.context["asked"]
    }
    assert {"409", "412", "422", "428"} <= {one.status for one in page.context["refused"]}
    assert {"ActDone", "Preview", "Effect"} <= {name for name, _ in page.context["shapes"]}
    assert "Adjudicate the DLT" in text
    assert "The DLT window is open." in text


@pytest.mark.django_db
def test_nobody_reads_it_and_nothing_else_is_there(client: Client, reader: Client) -> None:
    assert reader.get("/api/v1/docs/no_such_operation/").status_code == 404
    assert reader.post("/api/v1/docs/").status_code == 405
    assert Client().get("/api/v1/docs/").headers["Location"].startswith("/accounts/login/")
    assert Client().get("/api/v1/docs/get_schema/").headers["Location"].startswith("/accounts/")


@pytest.mark.parametrize("name", BY_NAME)
def test_a_call_is_one_command_with_nothing_left_open(name: str) -> None:
    one = BY_NAME[name]
    sent = tuple(samples_of(one.said.get("requestBody", {}), status="", words=""))

    words = shlex.split(call_of(one, sent).replace("\\\n", " "))

    assert words[:3] == ["curl", "-X", one.method]
    assert "{" not in words[3]
    assert "Authorization: Bearer $TOKEN" in words
    if one.method == "POST" and any(p["name"] == "If-Match" for p in one.said["parameters"]):
        assert any(word.startswith("If-Match: ") for word in words)
    if sent and sent[0].kind == "application/json":
        assert json.loads(words[words.index("-d") + 1]) == json.loads(sent[0].examples[0])
    assert "-d" not in words or one.method == "POST"


def test_kinds_are_said_in_words() -> None:
    assert kind_of({"type": "array", "items": {"$ref": "#/components/schemas/Gate"}}) == (
        "list of Gate"
    )
    assert kind_of({"type": ["string", "null"], "format": "date"}) == "day or nothing"
    assert kind_of({"enum": ["A", None]}) == "one of: A, nothing"
    assert kind_of({"anyOf": [{"type": "integer"}, {"type": "null"}]}) == "whole number or nothing"
    assert kind_of({"type": "string", "contentMediaType": "application/octet-stream"}) == "file"
    assert kind_of({}) == "anything"


def test_a_file_is_sent_from_a_file() -> None:
    uploads = [one for one in BY_NAME.values() if "multipart/form-data" in str(one.said)]

    calls = [
        call_of(one, tuple(samples_of(one.said["requestBody"], status="", words="")))
        for one in uploads
    ]

    assert any("=@" in call for call in calls)
