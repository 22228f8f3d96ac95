"""Who signs proves it at each signature: username, password, and a code that is good once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
)
from django.core import mail
from django.template.loader import render_to_string
from pytest_django import Settings

from ntrust import clock
from ntrust.actions import unlock_account
from ntrust.change import study_change
from ntrust.models import AccountLock, LoginAttempt, Signature, UsedCode, User
from ntrust.signing import Proof, content_hash, is_valid, sign, signature_status
from ntrust.signing.attempts import locked_until
from ntrust.signing.locks import tell_of_locks
from ntrust.states import Role
from safety.management.conduct import Conduct
from tests.factories import PASSWORD, make_trial, refused, shared_trial

pytestmark = pytest.mark.django_db
CONTENT = {"dose": 1}
SECRET = generate_totp_secret()

_built, trial = shared_trial(make_trial)


@pytest.fixture(autouse=True)
def moment(monkeypatch: pytest.MonkeyPatch) -> dict[str, datetime]:
    """The time of day, in the test's hand."""
    held = {"now": datetime(2026, 11, 23, 9, tzinfo=UTC)}
    monkeypatch.setattr(clock, "now", lambda: held["now"])
    return held


def proof_of(user: User, **typed: Any) -> Proof:
    typed = {"identifier": user.username, **typed}
    return Proof(typed.pop("password", PASSWORD), **typed)


def sign_as(trial: Conduct, proof: str, *, role: Role = Role.MEDICAL_MONITOR) -> Signature:
    signer = User.objects.get(pk=trial.monitor.pk)
    with study_change(trial.study, by=signer, reason="signed", now=trial.tick()) as change:
        return sign(
            change,
            signer=signer,
            role=role,
            password=proof,
            meaning="approves",
            hash_of=content_hash(CONTENT),
        )


def enrol(user: User) -> None:
    TOTP.activate(user, SECRET)


def code_at(moment: datetime) -> str:
    return format_hotp_value(hotp_value(SECRET, int(moment.timestamp()) // 30))


def fail(trial: Conduct, times: int) -> None:
    for _ in range(times):
        with refused("signature_refused"):
            sign_as(trial, proof_of(trial.monitor, password="wrong"))


def outcomes(user: User) -> list[str]:
    return list(LoginAttempt.objects.filter(user=user).values_list("outcome", flat=True))


# --- Identifier and password -------------------------------------------------------------------


@pytest.mark.parametrize("typed", ["monitor-trial", "MONITOR-trial ", "monitor-trial@example.org"])
def test_signature_takes_the_signers_own_username_or_address(trial: Conduct, typed: str) -> None:
    signature = sign_as(trial, proof_of(trial.monitor, identifier=typed))

    assert signature.printed_name == "Monitor trial"
    assert outcomes(trial.monitor) == ["ACCEPTED"]


@pytest.mark.parametrize("typed", ["", "manager-trial", "monitor", "monitor-trial\x00"])
def test_signature_refuses_another_username(trial: Conduct, typed: str) -> None:
    with refused("signature_refused"):
        sign_as(trial, proof_of(trial.monitor, identifier=typed))

    assert outcomes(trial.monitor) == ["WRONG_IDENTIFIER"]


def test_wrong_password_is_recorded_though_nothing_else_is(trial: Conduct) -> None:
    fail(trial, 1)

    attempt = LoginAttempt.objects.get(user=trial.monitor)
    assert (attempt.outcome, attempt.door) == ("WRONG_PASSWORD", "SIGNATURE")
    assert (attempt.study, attempt.user) == (trial.study, trial.monitor)
    assert not Signature.objects.filter(signer=trial.monitor).exists()


def test_proof_does_not_show_what_it_holds() -> None:
    assert repr(Proof("secret", identifier="ana", code="123456")) == "Proof(…)"


def test_attempts_are_written_once(trial: Conduct) -> None:
    fail(trial, 1)

    with pytest.raises(Exception, match="Cannot update or delete rows"):
        LoginAttempt.objects.update(outcome="ACCEPTED")


# --- The lock ----------------------------------------------------------------------------------


def test_five_wrong_tries_lock_the_account(trial: Conduct, moment: dict[str, datetime]) -> None:
    fail(trial, 5)

    with refused("account_locked") as caught:
        sign_as(trial, proof_of(trial.monitor))

    assert "locked until 23-Nov-2026 09:30 UTC" in caught.value.sentence
    assert outcomes(trial.monitor) == ["WRONG_PASSWORD"] * 5 + ["LOCKED"]
    moment["now"] += timedelta(minutes=30)
    assert sign_as(trial, proof_of(trial.monitor)).pk


def test_four_wrong_tries_and_a_right_one_do_not_lock(trial: Conduct) -> None:
    fail(trial, 4)
    sign_as(trial, proof_of(trial.monitor))
    fail(trial, 4)

    assert sign_as(trial, proof_of(trial.monitor)).pk


def test_wrong_tries_far_apart_do_not_lock(trial: Conduct, moment: dict[str, datetime]) -> None:
    for _ in range(8):
        fail(trial, 1)
        moment["now"] += timedelta(minutes=5)

    assert sign_as(trial, proof_of(trial.monitor)).pk


def test_lock_is_told_once_to_its_owner_and_the_administrators(
    trial: Conduct, moment: dict[str, datetime]
) -> None:
    User.objects.create_superuser("root", "root@example.org", PASSWORD)
    fail(trial, 5)

    told = [tell_of_locks(now=moment["now"]), tell_of_locks(now=moment["now"])]

    assert told == [1, 0]
    assert [one.to for one in mail.outbox] == [["monitor-trial@example.org"], ["root@example.org"]]
    assert "23-Nov-2026 09:30 UTC" in mail.outbox[0].body
    assert AccountLock.objects.get().told_at == moment["now"]


def test_administrator_unlocks(trial: Conduct, moment: dict[str, datetime]) -> None:
    root = User.objects.create_superuser("root", "root@example.org", PASSWORD)
    with refused("not_locked"):
        unlock_account(trial.monitor, by=root, now=moment["now"])
    fail(trial, 5)

    unlock_account(trial.monitor, by=root, now=moment["now"])

    assert locked_until(trial.monitor, now=moment["now"]) is None
    assert sign_as(trial, proof_of(trial.monitor)).pk


# --- The second factor -------------------------------------------------------------------------


def test_code_is_asked_of_whoever_has_an_app(trial: Conduct, moment: dict[str, datetime]) -> None:
    enrol(trial.monitor)

    with refused("code_needed"):
        sign_as(trial, proof_of(trial.monitor))
    signature = sign_as(trial, proof_of(trial.monitor, code=code_at(moment["now"])))

    assert signature.has_second_factor
    assert outcomes(trial.monitor) == ["ACCEPTED"]


def test_code_is_good_once(trial: Conduct, moment: dict[str, datetime]) -> None:
    enrol(trial.monitor)
    code = code_at(moment["now"])
    sign_as(trial, proof_of(trial.monitor, code=code))

    with refused("signature_refused"):
        sign_as(trial, proof_of(trial.monitor, code=code))

    moment["now"] += timedelta(seconds=30)
    assert sign_as(trial, proof_of(trial.monitor, code=code_at(moment["now"]))).pk


def test_code_of_a_refused_act_is_still_good(trial: Conduct, moment: dict[str, datetime]) -> None:
    enrol(trial.monitor)
    code = code_at(moment["now"])

    with (
        pytest.raises(RuntimeError),
        study_change(trial.study, by=trial.monitor, reason="x", now=trial.tick()) as change,
    ):
        sign(
            change,
            signer=trial.monitor,
            role=Role.MEDICAL_MONITOR,
            password=proof_of(trial.monitor, code=code),
            meaning="approves",
            hash_of=content_hash(CONTENT),
        )
        raise RuntimeError

    assert not UsedCode.objects.exists()
    assert sign_as(trial, proof_of(trial.monitor, code=code)).pk


@pytest.mark.parametrize("later", [-90, 90])
def test_code_of_another_time_is_refused(
    trial: Conduct, moment: dict[str, datetime], later: int
) -> None:
    enrol(trial.monitor)
    code = code_at(moment["now"] + timedelta(seconds=later))

    with refused("signature_refused"):
        sign_as(trial, proof_of(trial.monitor, code=code))

    assert outcomes(trial.monitor) == ["WRONG_CODE"]


def test_recovery_code_does_not_sign_and_stays_good(trial: Conduct) -> None:
    enrol(trial.monitor)
    code = RecoveryCodes.activate(trial.monitor).get_unused_codes()[0]

    with refused("signature_refused"):
        sign_as(trial, proof_of(trial.monitor, code=code))

    codes = Authenticator.objects.get(type=Authenticator.Type.RECOVERY_CODES)
    assert code in codes.wrap().get_unused_codes()


def test_production_needs_identifier_and_second_factor_of_its_roles(
    trial: Conduct, settings: Settings, moment: dict[str, datetime]
) -> None:
    settings.NTRUST_MODE = "production"

    with refused("identifier_needed"):
        sign_as(trial, PASSWORD)
    with refused("second_factor_needed"):
        sign_as(trial, proof_of(trial.monitor))
    assert sign_as(trial, proof_of(trial.monitor), role=Role.INVESTIGATOR).pk
    enrol(trial.monitor)
    assert sign_as(trial, proof_of(trial.monitor, code=code_at(moment["now"]))).pk


# --- Expiry ------------------------------------------------------------------------------------


def test_expired_password_does_not_sign(trial: Conduct, moment: dict[str, datetime]) -> None:
    changed_at = User.objects.get(pk=trial.monitor.pk).password_changed_at
    assert changed_at is not None
    moment["now"] = changed_at + timedelta(days=366)

    with refused("password_expired"):
        sign_as(trial, proof_of(trial.monitor))

    user = User.objects.get(pk=trial.monitor.pk)
    user.set_password("another long password")
    user.save(update_fields=["password"])
    assert user.password != trial.monitor.password
    assert User.objects.get(pk=user.pk).password_changed_at > changed_at


def test_demo_accounts_keep_their_passwords(trial: Conduct, moment: dict[str, datetime]) -> None:
    User.objects.filter(pk=trial.monitor.pk).update(is_demo=True)
    moment["now"] += timedelta(days=3660)

    assert sign_as(trial, proof_of(trial.monitor)).pk


@pytest.mark.parametrize(
    "fields", [{"username": "MONITOR-TRIAL"}, {"email": "Monitor-Trial@example.org"}]
)
def test_one_person_has_one_account(trial: Conduct, fields: dict[str, str]) -> None:
    with pytest.raises(Exception, match="one_account"):
        User.objects.create_user(**{"username": "second", **fields})


# --- Bound to content --------------------------------------------------------------------------


def test_signature_shows_name_role_time_and_meaning(trial: Conduct) -> None:
    signature = sign_as(trial, proof_of(trial.monitor))

    holds = signature_status(signature, CONTENT)
    words = " ".join(render_to_string("signature.html", {"signature": holds}).split())

    assert "<b>Monitor trial</b>, medical monitor" in words
    assert f"{signature.signed_at:%d-%b-%Y %H:%M:%S} UTC (+00:00)" in words
    assert "approves" in words
    assert "signature valid" in words


def test_signature_on_changed_content_is_shown_as_no_longer_valid(trial: Conduct) -> None:
    signature = sign_as(trial, proof_of(trial.monitor))

    broken = signature_status(signature, {"dose": 2})
    words = " ".join(render_to_string("signature.html", {"signature": broken}).split())

    assert "no longer valid: the signed content has changed since" in words
    assert not is_valid(signature, {"dose": 2})
    assert is_valid(signature, {"dose": 1})
