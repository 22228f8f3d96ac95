"""The lock at the log-in, the second factor that a role needs, and ends that hold at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
)
from django.test import Client
from pytest_django import Settings

from ntrust import clock
from ntrust.actions import grant_role, revoke_role
from ntrust.models import LoginAttempt, Membership, User
from ntrust.states import Role
from safety.management.conduct import Conduct
from tests.factories import PASSWORD, client_of, make_trial, shared_trial

pytestmark = pytest.mark.django_db
LOGIN, CODE = "/accounts/login/", "/accounts/2fa/authenticate/"
ACTIVATE, CHANGE = "/accounts/2fa/totp/activate/", "/accounts/password/change/"
SECRET = generate_totp_secret()

_built, trial = shared_trial(make_trial)


@pytest.fixture(autouse=True)
def _cheap(settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def production(settings: Settings) -> None:
    settings.NTRUST_MODE = "production"


def log_in(client: Client, user: User, password: str = PASSWORD) -> str:
    """Where the log-in leads; the page itself when it is refused."""
    answer = client.post(LOGIN, {"login": user.username, "password": password})
    return answer["Location"] if answer.status_code == 302 else answer.content.decode()


def code_now() -> str:
    return format_hotp_value(hotp_value(SECRET, int(clock.now().timestamp()) // 30))


# --- The lock ----------------------------------------------------------------------------------


def test_login_says_until_when_an_account_is_locked(client: Client, trial: Conduct) -> None:
    for _ in range(5):
        log_in(client, trial.manager, "wrong")

    page = log_in(client, trial.manager)

    assert "this account is locked until" in page
    tried = LoginAttempt.objects.filter(door="LOG_IN")
    assert list(tried.values_list("outcome", flat=True)) == [
        *["WRONG_PASSWORD"] * 5,
        "LOCKED",
    ]


def test_name_that_is_no_account_is_locked_alike(client: Client) -> None:
    nobody = User(username="nobody-here")
    for _ in range(5):
        log_in(client, nobody, "wrong")

    assert "this account is locked until" in log_in(client, nobody)


def test_wrong_codes_count_with_wrong_passwords(client: Client, trial: Conduct) -> None:
    TOTP.activate(trial.manager, SECRET)
    for _ in range(2):
        log_in(client, trial.manager, "wrong")
    assert log_in(client, trial.manager) == CODE
    for _ in range(3):
        client.post(CODE, {"code": "000000"})

    answer = client.post(CODE, {"code": code_now()})

    assert "this account is locked until" in answer.content.decode()
    assert client.get("/").status_code == 302


def test_code_of_a_log_in_is_not_good_again(client: Client, trial: Conduct) -> None:
    TOTP.activate(trial.manager, SECRET)
    code = code_now()
    log_in(client, trial.manager)
    assert client.post(CODE, {"code": code}).status_code == 302

    other = Client()
    log_in(other, trial.manager)
    again = other.post(CODE, {"code": code})

    assert again.status_code == 200
    assert other.get("/").status_code == 302


def test_who_is_logged_in_stays_so_while_others_guess(client: Client, trial: Conduct) -> None:
    investigator = client_of(trial.crews[0].investigator)
    for _ in range(6):
        log_in(client, trial.crews[0].investigator, "wrong")

    assert investigator.get("/").status_code == 200


# --- The second factor -------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["manager", "monitor", "superuser"])
def test_role_sets_the_second_factor_up_first(trial: Conduct, production: None, who: str) -> None:
    people = {"manager": trial.manager, "monitor": trial.monitor}
    user = people.get(who) or User.objects.create_superuser("root", "root@example.org")
    client = client_of(user)

    answers = [client.get(address, secure=True) for address in ("/", "/admin/", "/studies/trial/")]

    assert [answer["Location"] for answer in answers] == [ACTIVATE] * 3
    assert client.get("/accounts/logout/", secure=True).status_code == 200
    TOTP.activate(user, SECRET)
    assert client.get("/", secure=True).status_code == 200


def test_other_roles_need_no_second_factor(trial: Conduct, production: None) -> None:
    client = client_of(trial.crews[0].investigator)

    assert client.get("/", secure=True).status_code == 200


def test_training_needs_no_second_factor(trial: Conduct, settings: Settings) -> None:
    settings.NTRUST_MODE = "training"

    assert client_of(trial.manager).get("/").status_code == 200


# --- Ends that hold at once --------------------------------------------------------------------


def test_closed_account_ends_its_sessions(trial: Conduct) -> None:
    client = client_of(trial.manager)
    assert client.get("/studies/trial/").status_code == 200

    User.objects.filter(pk=trial.manager.pk).update(is_active=False)

    assert client.get("/studies/trial/")["Location"].startswith(LOGIN)


def test_ended_role_ends_what_it_allowed(trial: Conduct) -> None:
    client = client_of(trial.manager)
    root = User.objects.create_superuser("root", "root@example.org")
    assert client.get("/studies/trial/").status_code == 200

    held = Membership.objects.get(user=trial.manager, revoked_at=None)
    revoke_role(held, by=root, now=trial.tick())

    assert client.get("/studies/trial/").status_code == 404
    grant_role(trial.manager, study=trial.study, role=Role.AUDITOR, by=root, now=trial.tick())
    assert client.get("/studies/trial/").status_code == 200


def test_expired_password_is_changed_first(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    client = client_of(trial.manager)
    later = clock.now() + timedelta(days=366)
    monkeypatch.setattr(clock, "now", lambda: later)

    answer = client.get("/studies/trial/")

    assert answer["Location"] == CHANGE
    assert client.get(CHANGE).status_code == 200
