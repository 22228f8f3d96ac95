"""What the API says of itself is whole, and true of its forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
import yaml
from django.test import Client
from django.urls import get_resolver
from drf_spectacular.validation import validate_schema

from ntrust.acts import Act, SignForm
from ntrust.api.asking import entry_of, schema_of_form, takes_files
from ntrust.api.endpoints import ActEndpoint
from ntrust.api.schema import describe
from ntrust.models import User


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation that is described, by method and address."""
    for address, methods in describe()["paths"].items():
        for method, operation in methods.items():
            yield f"{method} {address}", operation


def routes() -> list[Any]:
    """Every address of the API."""
    return [
        route
        for resolver in get_resolver().url_patterns
        if getattr(resolver, "app_name", None) == "api"
        for route in resolver.url_patterns  # type: ignore[union-attr]
    ]


def acts() -> list[type[Act]]:
    """Every act that has an endpoint."""
    endpoints = [route.callback.initkwargs for route in routes()]
    return [one["act_class"] for one in endpoints if "act_class" in one]


def fits(value: Any, schema: dict[str, Any]) -> None:
    """Refuse a value that is not what a schema of the description says."""
    whole = {**schema, "components": describe()["components"]}
    jsonschema.Draft202012Validator(whole).validate(value)


def contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What is sent, and what a success answers."""
    yield from operation.get("requestBody", {"content": {}})["content"].values()
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield from answer.get("content", {}).values()


def missing_of(operation: dict[str, Any]) -> set[str]:
    """What an operation ought to say and does not."""
    found = {name for name in ("summary", "description", "tags") if not operation.get(name)}
    answers = [one for code, one in operation["responses"].items() if code.startswith("2")]
    if not answers or not all(one.get("content") for one in answers):
        found.add("answer")
    if not all(each.get("schema") and each.get("examples") for each in contents(operation)):
        found.add("example")
    if not all("example" in each for each in operation.get("parameters", ())):
        found.add("example of a parameter")
    return found


def test_the_description_is_one_of_openapi() -> None:
    validate_schema(describe())


def test_every_method_of_every_endpoint_is_described() -> None:
    methods = sum(
        hasattr(route.callback.cls, method)
        for route in routes()
        for method in ("get", "post", "put", "patch", "delete")
    )

    said = dict(operations())
    assert len(said) == methods > 200
    assert len({one["operationId"] for one in said.values()}) == methods


def test_every_operation_has_its_words_answer_and_examples() -> None:
    missing = {name: missing_of(operation) for name, operation in operations()}

    assert {name: found for name, found in missing.items() if found} == {}


def test_every_operation_says_its_refusals() -> None:
    for name, operation in operations():
        codes = {"401", "403", "404", "429"} | ({"409", "422"} if name[:4] == "post" else set())
        assert codes <= set(operation["responses"]), name


def test_examples_are_what_their_schemas_say() -> None:
    for name, operation in operations():
        for content in contents(operation):
            for example in content["examples"].values():
                try:
                    fits(example["value"], content["schema"])
                except jsonschema.ValidationError as error:
                    pytest.fail(f"{name}: {error.message}")
    for answer in describe()["components"]["responses"].values():
        content = answer["content"]["application/json"]
        fits(content["examples"]["refusal"]["value"], content["schema"])


def is_fixed(act: type[Act]) -> bool:
    """Whether a form asks the same of everybody."""
    own = {"__init__", "make_form"} & {*vars(act.form_class)}
    return act.make_form is Act.make_form and not own and not takes_files(act.form_class)


@pytest.mark.parametrize("act", [one for one in acts() if is_fixed(one)])
def test_the_example_of_an_act_is_one_that_its_form_takes(act: type[Act]) -> None:
    form = act.form_class(data=entry_of(act.form_class))
    if isinstance(form, SignForm):
        del form.fields["code"]

    assert form.is_valid(), form.errors


def test_a_form_is_described_field_by_field() -> None:
    act = next(one for one in acts() if one.__name__ == "AdjudicateDlt")
    said = schema_of_form(act.form_class, varies=False)

    assert said["required"] == ["username", "password", "is_confirmed", "reason"]
    assert said["additionalProperties"] is False
    assert said["properties"]["is_confirmed"]["enum"] == ["yes", "no"]
    assert said["properties"]["reason"]["maxLength"] == 500
    assert said["properties"]["committee_reference"]["type"] == ["string", "null"]


def test_what_says_nothing_of_itself_is_found() -> None:
    class Mute(ActEndpoint):
        pass

    assert missing_of({"responses": {"200": {"description": "Done."}}}) == {
        "summary", "description", "tags", "answer",
    }  # fmt: skip
    assert Mute(act_class=acts()[0]).tell("POST").summary == acts()[0].title


@pytest.mark.django_db
def test_anybody_who_is_logged_in_reads_it_and_nobody_else(client: Client) -> None:
    assert client.get("/api/v1/schema/").status_code == 401

    client.force_login(User.objects.create_user("anybody", printed_name="Anybody"))
    as_json = client.get("/api/v1/schema/")
    as_yaml = client.get("/api/v1/schema/?format=yaml")

    assert as_json["Content-Type"] == "application/json"
    assert as_yaml["Content-Type"].startswith("application/yaml")
    assert as_json.json() == yaml.safe_load(as_yaml.content)
    assert as_json.json()["openapi"] == "3.1.0"


@pytest.mark.django_db
def test_what_is_not_there_below_api_is_said_in_json(client: Client) -> None:
    client.force_login(User.objects.create_user("anybody", printed_name="Anybody"))

    answer = client.get("/api/v1/inbox/-1/acknowledge/")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert client.get("/nowhere/")["Content-Type"].startswith("text/html")
