"""Signatures: canonical content, and a person who proves who they are."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from ntrust.change import study_change
from ntrust.models import Signature, User
from ntrust.signing import canonical, content_hash, sign
from ntrust.states import Role
from safety.management.conduct import Conduct
from tests.factories import PASSWORD, make_trial, refused, shared_trial

HASH = "ab" * 32


def test_canonical_is_independent_of_order_and_spacing() -> None:
    assert canonical({"b": 1, "a": [1, 2]}) == '{"a":[1,2],"b":1}'
    assert content_hash({"a": 1, "b": 2}) == content_hash({"b": 2, "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": 2})
    assert content_hash([1, 2]) != content_hash([2, 1])


def test_canonical_writes_times_and_decimals_plainly() -> None:
    moment = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)

    assert canonical([moment, moment.date()]) == '["2026-01-02T03:04:00+00:00","2026-01-02"]'
    assert canonical(Decimal("1.50")) == canonical(Decimal("1.5")) == '"1.5"'
    with pytest.raises(TypeError, match="object has no canonical form"):
        canonical(object())


_built, trial = shared_trial(make_trial)


def sign_as(trial: Conduct, signer: User, password: str) -> Signature:
    with study_change(trial.study, by=signer, reason="by hand", now=trial.tick()) as change:
        return sign(
            change,
            signer=signer,
            role=Role.MEDICAL_MONITOR,
            password=password,
            meaning="approves",
            hash_of=HASH,
        )


def test_signature_keeps_name_role_meaning_time_and_hash(trial: Conduct) -> None:
    signature = sign_as(trial, trial.monitor, PASSWORD)

    assert signature.printed_name == "Monitor trial"
    assert (signature.role, signature.meaning) == ("MEDICAL_MONITOR", "approves")
    assert (signature.signed_at, signature.content_hash) == (trial.now, HASH)


@pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper(), PASSWORD + " "])
def test_signature_needs_the_password(trial: Conduct, password: str) -> None:
    with refused("signature_refused"):
        sign_as(trial, trial.monitor, password)


def test_signature_of_a_closed_account_is_refused(trial: Conduct) -> None:
    User.objects.filter(pk=trial.monitor.pk).update(is_active=False)

    with refused("signature_refused"):
        sign_as(trial, User.objects.get(pk=trial.monitor.pk), PASSWORD)


def test_signature_needs_a_printed_name(trial: Conduct) -> None:
    User.objects.filter(pk=trial.monitor.pk).update(printed_name="")

    with refused("no_printed_name"):
        sign_as(trial, User.objects.get(pk=trial.monitor.pk), PASSWORD)
