"""When something fails: each page says what happened and what to do, and nothing of the inside."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings

from local.paths import ROOT
from ntrust.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.accounts.test_pages")]

FAILURES = {
    "/fail/403": (403, "You may not do this"),
    "/fail/404": (404, "No such page"),
    "/fail/500": (500, "Something broke on our side"),
    "/accounts/logout/": (200, "Log out"),
}


@pytest.fixture
def member(client: Client) -> Client:
    client.raise_request_exception = False
    client.force_login(User.objects.create_user("ana", "ana@example.org"))
    return client


@pytest.mark.parametrize("address", FAILURES)
def test_failure_wears_the_training_banner_and_has_one_heading(
    member: Client, settings: Settings, address: str
) -> None:
    settings.NTRUST_MODE = "training"
    status, heading = FAILURES[address]

    answer = member.get(address)

    page = answer.content.decode()
    assert answer.status_code == status
    assert re.findall(r"<h1>([^<]+)</h1>", page) == [heading]
    assert "TRAINING COPY" in page
    assert "Traceback" not in page
    assert "P-004" not in page


def test_failure_is_found_in_the_log_by_its_number(member: Client) -> None:
    answer = member.get("/fail/500")

    assert f"<code>{answer['X-Request-ID']}</code>" in answer.content.decode()


def test_failure_page_asks_nothing_of_the_database(
    member: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("asked the database")

    with connection.execute_wrapper(refuse):
        answer = member.get("/fail/500")

    assert answer.status_code == 500
    assert "Something broke on our side" in answer.content.decode()


def test_refused_method_has_a_page_and_says_what_is_allowed(member: Client) -> None:
    answer = member.post("/")

    page = answer.content.decode()
    assert answer.status_code == 405
    assert answer["Allow"] == "GET"
    assert "only for reading, and nothing can be sent to it (405)" in page
    assert "Nothing was changed" in page
    assert "To the first page" in page


def test_ended_session_leads_back_to_where_one_was(client: Client) -> None:
    asked = client.get("/studies/ntrust-1/holds/")
    assert asked.status_code == 302
    assert asked["Location"] == "/accounts/login/?next=/studies/ntrust-1/holds/"

    page = client.get(asked["Location"]).content.decode()
    assert "Log in, and you are led back to it" in page
    assert '<input type="hidden" name="next" value="/studies/ntrust-1/holds/"' in page
    assert "led back" not in client.get("/accounts/login/").content.decode()


def test_ended_session_is_no_part_of_a_page(client: Client) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/studies/ntrust-1/?a=b"}

    answer = client.get("/studies/ntrust-1/holds/", headers=headers)

    assert answer.status_code == 401
    assert answer["HX-Redirect"] == "/accounts/login/?next=%2Fstudies%2Fntrust-1%2F"
    assert answer.content == b""


PRODUCTION = """
import django, os
django.setup()
from django.conf import settings
from django.test import Client
from django.test.utils import override_settings
settings.ALLOWED_HOSTS = ["trial.example.org"]
client = Client(raise_request_exception=False, SERVER_NAME="trial.example.org")
storages = {**settings.STORAGES, "staticfiles": {
    "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
with override_settings(ROOT_URLCONF="tests.accounts.broken", STORAGES=storages):
    answer = client.get("/broken/", secure=True)
print(settings.NTRUST_MODE, settings.DEBUG, answer.status_code)
print(answer.content.decode())
"""


def test_failure_in_production_shows_nothing_of_what_is_inside() -> None:
    environment = {
        **os.environ,
        "NTRUST_MODE": "production",
        "SECRET_KEY": "a-key-of-a-test-that-is-long-enough-for-production-0123456789-abcdef",
        "AUDIT_SEAL_KEY": "another-key-of-a-test-that-is-long-enough-for-production-0123456789",
        "ALLOWED_HOSTS": "trial.example.org",
        "PUBLIC_URL": "https://trial.example.org",
        "DJANGO_SETTINGS_MODULE": "ntrust.settings",
    }

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PRODUCTION],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    first, _, page = done.stdout[done.stdout.find("production") :].partition("\n")
    assert first == "production False 500", done.stderr[-2000:]
    page = page[page.index("<!DOCTYPE") :]
    assert "Something broke on our side" in page
    assert "To the first page" in page
    assert "TRAINING" not in page
    assert not re.search(r"Traceback|RuntimeError|P-004|broken\.py", page)
