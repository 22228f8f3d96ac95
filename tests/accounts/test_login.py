"""Coming in, going out, and what happens on the way."""

import time

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.core import mail
from django.test import Client

from ntrust.models import User

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
LOGIN = "/accounts/login/"


@pytest.fixture
def ana() -> User:
    """Somebody with an account and no rights."""
    return User.objects.create_user("ana", "ana@example.org", PASSWORD)


def log_in(client: Client, name: str, password: str = PASSWORD) -> int:
    """Send the log-in form; answers the status: 302 is in, 200 is refused."""
    return client.post(LOGIN, {"login": name, "password": password}).status_code


@pytest.mark.parametrize("name", ["ana", "ana@example.org"])
def test_login_takes_username_or_email(client: Client, ana: User, name: str) -> None:
    assert log_in(client, name) == 302

    assert client.get("/").status_code == 200
    assert client.get("/").context["user"] == ana


def test_login_with_a_wrong_password_is_refused(client: Client, ana: User) -> None:
    response = client.post(LOGIN, {"login": "ana", "password": "wrong"})

    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()
    assert client.get("/").status_code == 302


def test_login_to_a_closed_account_says_so(client: Client, ana: User) -> None:
    ana.is_active = False
    ana.save(update_fields=["is_active"])

    response = client.post(LOGIN, {"login": "ana", "password": PASSWORD}, follow=True)

    assert "Account closed" in response.content.decode()
    assert client.get("/").status_code == 302


def test_login_locks_after_many_wrong_passwords(client: Client, ana: User) -> None:
    statuses = [log_in(client, "ana", "wrong") for _ in range(12)]

    locked = client.post(LOGIN, {"login": "ana", "password": PASSWORD})

    assert statuses[0] == 200
    assert "Too many" in locked.content.decode()
    assert client.get("/").status_code == 302


def test_password_is_kept_as_argon2(ana: User) -> None:
    assert ana.password.startswith("argon2$argon2id$")


def test_logout_ends_the_session(client: Client, ana: User) -> None:
    client.force_login(ana)

    response = client.post("/accounts/logout/")

    assert response.status_code == 302
    assert client.get("/").status_code == 302


def test_nobody_signs_up(client: Client, ana: User) -> None:
    form = {
        "username": "eve",
        "email": "e@example.org",
        "password1": "x" * 20,
        "password2": "x" * 20,
    }

    assert client.post("/accounts/signup/", form).status_code == 302
    client.force_login(ana)
    assert client.post("/accounts/signup/", form).status_code == 404
    assert not User.objects.filter(username="eve").exists()


@pytest.mark.parametrize("address", ["/accounts/email/", "/accounts/password/set/"])
def test_pages_that_belong_to_the_administrator_are_closed(
    client: Client, ana: User, address: str
) -> None:
    client.force_login(ana)

    assert client.get(address).status_code == 404


def test_forgotten_password_mails_a_link_that_works_once(client: Client, ana: User) -> None:
    client.post("/accounts/password/reset/", {"email": "ana@example.org"})
    address = next(word for word in mail.outbox[0].body.split() if "/reset/key/" in word)

    form_address = client.get(address).headers["Location"]
    form = {"password1": "a new long password", "password2": "a new long password"}
    assert client.post(form_address, form).status_code == 302

    assert log_in(client, "ana", "a new long password") == 302
    assert "Bad Token" in client.get(address).content.decode()


def test_forgotten_password_of_a_stranger_looks_the_same(client: Client, ana: User) -> None:
    known = client.post("/accounts/password/reset/", {"email": "ana@example.org"})
    unknown = client.post("/accounts/password/reset/", {"email": "eve@example.org"})

    assert known.status_code == unknown.status_code == 302
    assert known["Location"] == unknown["Location"]


def test_second_step_is_asked_and_needed(client: Client, ana: User) -> None:
    RecoveryCodes.activate(ana)
    TOTP.activate(ana, generate_totp_secret())
    code = RecoveryCodes.activate(ana).get_unused_codes()[0]

    assert log_in(client, "ana") == 302
    assert client.get("/").status_code == 302
    assert client.post("/accounts/2fa/authenticate/", {"code": "000000"}).status_code == 200
    assert client.post("/accounts/2fa/authenticate/", {"code": code}).status_code == 302

    assert client.get("/").status_code == 200


def test_second_step_can_be_set_up(client: Client, ana: User) -> None:
    log_in(client, "ana")
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})

    page = client.get("/accounts/2fa/totp/activate/")

    assert page.status_code == 200
    assert "data:image/svg+xml" in page.content.decode()


def test_administration_has_no_way_in_of_its_own(client: Client, ana: User) -> None:
    form = {"username": "ana", "password": PASSWORD}

    assert client.post("/admin/login/", form)["Location"] == f"{LOGIN}?next=/admin/login/"
    client.force_login(ana)
    assert client.post("/admin/login/", form).status_code == 403


def test_session_ends_twelve_hours_after_it_began(client: Client, ana: User) -> None:
    client.force_login(ana)
    assert client.get("/").status_code == 200
    session = client.session
    session["began_at"] = int(time.time()) - settings.SESSION_LONGEST_SECONDS - 1
    session.save()

    assert client.get("/").status_code == 302


def test_session_ends_after_an_hour_without_a_click(client: Client, ana: User) -> None:
    client.force_login(ana)

    response = client.get("/")

    assert 3500 < client.session.get_expiry_age() <= 3600
    assert response.cookies["sessionid"]["httponly"]


def test_login_works_while_redis_is_down(
    client: Client, ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: object) -> None:
        raise ConnectionError("Redis is down")

    monkeypatch.setattr("redis.connection.AbstractConnection.connect", refuse)

    assert log_in(client, "ana", "wrong") == 200
    assert log_in(client, "ana") == 302
