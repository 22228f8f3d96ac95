"""Items of docs/security/asvs.md that no other test tries: passwords, sessions, cookies, forms."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import get_resolver

from ntrust.logs import logging_settings
from ntrust.models import User
from tests.accounts.test_login_required import addresses
from tests.factories import client_of
from tests.ops.test_settings import PRODUCTION

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a long first password"
LOG_IN = "/accounts/login/"
CHANGE = "/accounts/password/change/"
YEAR = 365 * 24 * 60 * 60
_SHOWN = [
    *(
        f"{cookie}_COOKIE_{what}"
        for cookie in ("SESSION", "CSRF")
        for what in ("HTTPONLY", "SAMESITE", "SECURE")
    ),
    *("DEBUG", "SECURE_HSTS_SECONDS", "SECURE_HSTS_INCLUDE_SUBDOMAINS", "SECURE_SSL_REDIRECT"),
]


@pytest.fixture
def ana() -> User:
    return User.objects.create_user("ana", "ana@example.org", PASSWORD)


@pytest.fixture(scope="module")
def production() -> dict[str, Any]:
    """Settings as they are in production, read by a process of its own."""
    read = "import json, sys, ntrust.settings as kept\n"
    read += "print(json.dumps({name: getattr(kept, name) for name in sys.argv[1:]}))"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **PRODUCTION}
    said = subprocess.run(
        [sys.executable, "-c", read, *_SHOWN],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def log_in(client: Client, password: str, **more: str) -> Any:
    return client.post(LOG_IN, {"login": "ana", "password": password, **more})


def change(client: Client, **typed: str) -> None:
    client.post(CHANGE, typed)


def test_long_password_of_any_characters_is_taken_whole(ana: User, client: Client) -> None:
    long = ("Größe 漢字 \U0001f9ec " * 12).strip()
    assert len(long) > 100
    ana.set_password(long)
    ana.save(update_fields=["password"])

    cut = log_in(client, long[:72])
    whole = log_in(client, long)

    assert (cut.status_code, whole.status_code) == (200, 302)


def test_change_of_a_password_asks_for_the_old_one(ana: User) -> None:
    new = "a long second password"

    change(client_of(ana), password1=new, password2=new)
    change(client_of(ana), oldpassword="guessed", password1=new, password2=new)
    assert User.objects.get(pk=ana.pk).check_password(PASSWORD)

    change(client_of(ana), oldpassword=PASSWORD, password1=new, password2=new)
    assert User.objects.get(pk=ana.pk).check_password(new)


def test_common_password_is_refused(ana: User) -> None:
    validator = CommonPasswordValidator()
    common = max(validator.passwords, key=len)
    assert len(validator.passwords) > 10_000

    with pytest.raises(ValidationError):
        validator.validate(common)
    change(client_of(ana), oldpassword=PASSWORD, password1=common, password2=common)

    assert User.objects.get(pk=ana.pk).check_password(PASSWORD)


def test_session_is_new_at_the_log_in_and_in_a_cookie_alone(ana: User, client: Client) -> None:
    session = client.session
    session["kept"] = "before"
    session.save()
    before = session.session_key

    answer = log_in(client, PASSWORD)

    after = client.cookies["sessionid"].value
    assert before != after
    assert len(after) == 32
    assert after not in answer["Location"]
    assert client.get("/").status_code == 200
    stranger = Client()
    stranger.cookies["sessionid"] = str(before)
    assert stranger.get("/").status_code == 302


def test_new_password_ends_every_other_session(ana: User) -> None:
    here, there, new = client_of(ana), client_of(ana), "a long second password"

    change(here, oldpassword=PASSWORD, password1=new, password2=new)

    assert there.get("/")["Location"].startswith(LOG_IN)


def test_cookies_of_production_are_shut(production: dict[str, Any]) -> None:
    for cookie in ("SESSION", "CSRF"):
        assert production[f"{cookie}_COOKIE_SECURE"] is True
        assert production[f"{cookie}_COOKIE_HTTPONLY"] is True
        assert production[f"{cookie}_COOKIE_SAMESITE"] == "Lax"


def test_production_speaks_https_alone(production: dict[str, Any]) -> None:
    assert production["SECURE_SSL_REDIRECT"] is True
    assert production["SECURE_HSTS_SECONDS"] >= YEAR
    assert production["SECURE_HSTS_INCLUDE_SUBDOMAINS"] is True
    assert production["DEBUG"] is False


def test_field_that_nobody_asked_for_changes_nothing(ana: User) -> None:
    other = User.objects.create_user("bo", "bo@example.org", PASSWORD)
    more = {"is_superuser": "on", "is_staff": "on", "user": str(other.pk), "username": "bo2"}
    client = client_of(ana)

    for address in ("/accounts/preferences/", CHANGE, "/accounts/tokens/", "/accounts/chat/"):
        client.post(address, more)
    client.post("/api/v1/preferences/", more, content_type="application/json")

    kept = User.objects.filter(is_superuser=False, is_staff=False)
    assert set(kept.values_list("username", flat=True)) >= {"ana", "bo"}
    assert not User.objects.filter(username="bo2").exists()


def test_nothing_is_taken_without_the_token_of_its_form() -> None:
    """At no address, not even from the administrator."""
    root = User.objects.create_superuser("root", "root@example.org", PASSWORD)
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)
    client.force_login(root)
    every = sorted({address for _, address in addresses(get_resolver())})

    taken = {
        address: answer.status_code
        for address in every
        if (answer := client.post(address)).status_code != 403
    }

    assert len(every) > 500
    assert set(taken.values()) <= {404, 405}, taken


def test_log_in_leads_nowhere_else(ana: User, client: Client) -> None:
    for where in ("https://evil.example.org/", "//evil.example.org/", "javascript:alert(1)"):
        client.logout()

        answer = log_in(client, PASSWORD, next=where)

        assert answer["Location"] == "/"


def test_no_other_origin_is_let_read(ana: User) -> None:
    answer = client_of(ana).get("/api/v1/studies/", headers={"Origin": "https://evil.example.org"})

    assert not [name for name in answer.headers if name.startswith("Access-Control-")]


def test_line_break_of_a_stranger_is_no_line_of_the_log() -> None:
    made = logging_settings(level="INFO", as_json=True)["formatters"]["lines"]
    formatter = made.pop("()")(**made)
    record = logging.LogRecord("x", logging.INFO, "x", 1, "who: %s", ("a\nlevel=error",), None)

    line = formatter.format(record)

    assert "\n" not in line
    assert json.loads(line)["event"] == "who: a\nlevel=error"
