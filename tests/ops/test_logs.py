"""Log lines: JSON in production, with who and which request, without what was entered."""

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from django.test import Client

from ntrust.logs import configure, logging_settings
from ntrust.models import User
from ntrust.settings import LOGGING


@pytest.fixture
def json_lines() -> Iterator[io.StringIO]:
    """Where the lines of a production service go."""
    lines = io.StringIO()
    settings = logging_settings(level="INFO", as_json=True)
    settings["handlers"]["console"]["stream"] = lines
    configure(settings)
    yield lines
    structlog.contextvars.clear_contextvars()
    configure(LOGGING)


def last_line(lines: io.StringIO) -> dict[str, Any]:
    """The facts of the last line."""
    facts: dict[str, Any] = json.loads(lines.getvalue().splitlines()[-1])
    return facts


@pytest.mark.django_db
def test_request_line_says_who_and_which_route_but_no_address(
    client: Client, json_lines: io.StringIO
) -> None:
    ana = User.objects.create_user("ana")
    client.force_login(ana)

    response = client.get("/accounts/2fa/?subject=P-004")

    line = last_line(json_lines)
    assert (line["event"], line["level"], line["logger"]) == (
        "request",
        "info",
        "ntrust.middleware",
    )
    assert (line["user_id"], line["status"]) == (ana.pk, 200)
    assert line["request_id"] == response["X-Request-ID"]
    assert line["route"] == "accounts/2fa/"
    assert "P-004" not in json_lines.getvalue()


@pytest.mark.django_db
def test_request_line_names_the_study(client: Client, json_lines: io.StringIO) -> None:
    client.force_login(User.objects.create_user("ana"))

    client.get("/studies/ntrust-9/participants/P-004/")

    line = last_line(json_lines)
    assert (line["study"], line["status"]) == ("ntrust-9", 404)
    assert "P-004" not in json_lines.getvalue()


def test_address_that_does_not_exist_is_not_written(
    client: Client, json_lines: io.StringIO, db: None
) -> None:
    client.get("/participants/P-004")

    assert last_line(json_lines)["status"] == 404
    assert "P-004" not in json_lines.getvalue()


def give_up(subject: str) -> None:
    """Fail with a value in hand."""
    raise RuntimeError("cannot go on")


def test_traceback_holds_no_values(json_lines: io.StringIO) -> None:
    try:
        give_up("P-004")
    except RuntimeError:
        logging.getLogger("cohorts").exception("failed")

    line = last_line(json_lines)
    assert line["exception"][0]["exc_value"] == "cannot go on"
    assert line["exception"][0]["frames"][-1]["name"] == "give_up"
    assert "P-004" not in json_lines.getvalue()


def test_lines_of_libraries_have_the_same_shape(json_lines: io.StringIO) -> None:
    logging.getLogger("celery").warning("late by %s s", 3)

    line = last_line(json_lines)
    assert (line["event"], line["level"], line["logger"]) == ("late by 3 s", "warning", "celery")
    assert line["timestamp"].endswith("Z")
