"""Programs come in by token, as one person and no further; what they do is done once."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from ntrust import clock
from ntrust.actions import KEPT_FOR, forget_keys, make_token, revoke_token
from ntrust.models import AccountEvent, ApiToken, KeyedAnswer, User
from ntrust.states import TokenScope
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, DltReport
from tests.factories import (
    PASSWORD,
    cast,
    client_of,
    fingerprint,
    make_trial,
    open_level,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db


def treated() -> Conduct:
    make_trial(key="other", sites=2)
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "P")
    return trial


_built, trial = shared_trial(treated)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)
    User.objects.update(password_changed_at=trial.now - timedelta(days=1))


def where(name: str = "event") -> str:
    return reverse(f"api:{name}", args=["trial", "S-001"])


def token_of(user: User, trial: Conduct, **changed: Any) -> tuple[ApiToken, str]:
    asked: dict[str, Any] = {
        "name": "site system",
        "scope": TokenScope.ACT,
        "ends_at": trial.now + timedelta(days=7),
        **changed,
    }
    return make_token(user, by=user, now=trial.now, **asked)


def bearer(secret: str, **headers: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}", **headers}


def fever(trial: Conduct, **changed: Any) -> dict[str, Any]:
    moment = trial.now.isoformat()
    return {
        "term": "Fever",
        "onset_at": moment,
        "aware_at": moment,
        "grade": 3,
        "grading_system": "CTCAE v5.0",
        "causality": "POSSIBLE",
        "is_serious": "no",
        **changed,
    }


def post(data: Any, headers: dict[str, str], name: str = "event") -> Any:
    return Client().post(where(name), data, content_type="application/json", headers=headers)


def test_a_token_acts_as_its_owner_and_its_secret_is_kept_nowhere(trial: Conduct) -> None:
    token, secret = token_of(trial.crews[0].investigator, trial)

    answer = post(fever(trial), bearer(secret))

    assert answer.status_code == 200
    written = AdverseEvent.objects.get().row_history.get().pgh_context
    assert written["username"] == trial.crews[0].investigator.username
    assert secret not in str(vars(ApiToken.objects.get(pk=token.pk)))
    assert AccountEvent.objects.latest("id").kind == "TOKEN_MADE"


@pytest.mark.parametrize("case", ["none", "wrong", "over", "revoked", "new password", "closed"])
def test_a_token_that_does_not_count_lets_nobody_in(trial: Conduct, case: str) -> None:
    user = trial.crews[0].investigator
    token, secret = token_of(user, trial)
    if case == "wrong":
        secret = f"{secret[:-1]}é"
    elif case == "over":
        trial.now += timedelta(days=7)
    elif case == "revoked":
        revoke_token(token, by=user, now=trial.now)
    elif case == "new password":
        User.objects.filter(pk=user.pk).update(password_changed_at=trial.now + timedelta(hours=1))
    elif case == "closed":
        User.objects.filter(pk=user.pk).update(is_active=False)
    headers = {} if case == "none" else bearer(secret)
    if case == "wrong":
        headers = {"Authorization": "Bearer ntrust_guess"}
    before = fingerprint()

    answers = [post(fever(trial), headers), Client().get(where(), headers=headers)]

    assert [one.status_code for one in answers] == [401, 401]
    assert answers[0]["WWW-Authenticate"] == "Bearer"
    assert fingerprint() == before


def test_a_token_goes_no_further_than_it_was_made_for(trial: Conduct) -> None:
    user = trial.crews[0].investigator
    _, reading = token_of(user, trial, scope=TokenScope.READ)
    reader = cast(trial)["committee"]
    User.objects.filter(pk=reader.pk).update(password_changed_at=trial.now)
    _, committee = token_of(reader, trial)
    _, elsewhere = token_of(trial.crews[1].investigator, trial)
    _, own = token_of(user, trial, study=trial.study)
    other, _ = token_of(trial.manager, trial, study=trial.study)
    before = fingerprint()

    refused = post(fever(trial), bearer(reading))

    assert Client().get(where(), headers=bearer(reading)).status_code == 200
    assert (refused.status_code, refused.json()["code"]) == (403, "read_only_token")
    assert post(fever(trial), bearer(committee)).status_code == 403
    assert post(fever(trial), bearer(elsewhere)).status_code == 404
    assert fingerprint() == before
    assert Client().get(where(), headers=bearer(own)).status_code == 200
    another = where().replace("/trial/", "/other/")
    assert Client().get(another, headers=bearer(own)).status_code == 404
    assert other.study == trial.study


def test_what_is_owed_is_owed_by_token_too(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    _, secret = token_of(trial.manager, trial)
    where_manager = reverse("api:place_hold", args=["trial"])
    settings.NTRUST_MODE = "production"
    settings.SECURE_SSL_REDIRECT = False

    answer = Client().get(where_manager, headers=bearer(secret))

    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed")


def test_sent_again_under_its_key_it_is_done_once_and_answered_alike(trial: Conduct) -> None:
    _, secret = token_of(trial.crews[0].investigator, trial)
    headers = bearer(secret, **{"Idempotency-Key": "a1"})
    body = fever(trial, criterion="NOW")

    first = post(body, headers)
    before = fingerprint()
    again = post(body, headers)
    other = post({**body, "term": "Rash"}, headers)

    assert (first.status_code, again.status_code) == (200, 200)
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "key_reused")
    assert DltReport.objects.count() == 1
    assert fingerprint() == before


def test_an_answer_that_was_lost_is_made_good_and_nothing_is_done_twice(trial: Conduct) -> None:
    _, secret = token_of(trial.crews[0].investigator, trial)
    headers = bearer(secret, **{"Idempotency-Key": "a1"})
    first = post(fever(trial), headers)
    KeyedAnswer.objects.update(body=None)

    again = post(fever(trial), headers)

    assert again.status_code == 200
    assert again.json()["events"] == first.json()["events"] != []
    assert AdverseEvent.objects.count() == 1


def test_a_refusal_keeps_nothing_and_the_key_is_free(trial: Conduct) -> None:
    _, secret = token_of(trial.crews[0].investigator, trial)
    headers = bearer(secret, **{"Idempotency-Key": "a1"})

    late = post(fever(trial, onset_at="2031-01-01T10:00"), headers)
    good = post(fever(trial), headers)

    assert (late.status_code, late.json()["code"], good.status_code) == (409, "future_date", 200)
    assert KeyedAnswer.objects.get().revision is not None


def test_an_old_key_is_forgotten_and_what_was_done_under_it_stays(trial: Conduct) -> None:
    _, secret = token_of(trial.crews[0].investigator, trial, ends_at=trial.now + 2 * KEPT_FOR)
    headers = bearer(secret, **{"Idempotency-Key": "a1"})
    post(fever(trial), headers)

    trial.now += KEPT_FOR
    young = forget_keys(now=trial.now)
    old = forget_keys(now=trial.now + timedelta(seconds=1))
    stays = AdverseEvent.objects.count()
    again = post(fever(trial), headers)

    assert (young, old, stays) == (0, 1, 1)
    assert "Idempotency-Replayed" not in again.headers


def test_key_is_its_owners_own(trial: Conduct) -> None:
    for crew in (trial.crews[0].investigator, trial.crews[0].pharmacist):
        _, secret = token_of(crew, trial)
        answer = post(fever(trial), bearer(secret, **{"Idempotency-Key": "a1"}))
        assert "Idempotency-Replayed" not in answer.headers
    assert KeyedAnswer.objects.count() == 1


def test_tokens_need_a_key_but_no_alert_waits_for_one(trial: Conduct) -> None:
    _, secret = token_of(trial.crews[0].investigator, trial)
    headers = bearer(secret, **{"If-Match": '"999"'})

    needed = post({"has_dlt": "no"}, headers, "statement")
    odd = post({"has_dlt": "no"}, {**headers, "Idempotency-Key": "a b"}, "statement")
    alert = post(fever(trial), bearer(secret))

    assert (needed.status_code, needed.json()["code"]) == (400, "key_needed")
    assert (odd.status_code, odd.json()["code"]) == (400, "bad_key")
    assert alert.status_code == 200


def test_the_same_that_is_being_done_is_told_to_wait(trial: Conduct) -> None:
    _, secret = token_of(trial.crews[0].investigator, trial)
    body, headers = fever(trial), bearer(secret, **{"Idempotency-Key": "a1"})
    with connection.cursor() as cursor, pytest.MonkeyPatch.context() as patched:
        cursor.execute("CREATE FUNCTION held(bigint) RETURNS bool RETURN false")
        execute = type(cursor.cursor).execute
        patched.setattr(
            type(cursor.cursor),
            "execute",
            lambda self, sql, *more: execute(
                self, str(sql).replace("pg_try_advisory_lock", "held"), *more
            ),
        )
        waiting = post(body, headers)

    assert (waiting.status_code, waiting.json()["code"]) == (409, "in_progress")
    assert not AdverseEvent.objects.exists()


def test_a_token_is_made_and_revoked_on_its_owners_page_only(trial: Conduct) -> None:
    user = trial.crews[0].investigator
    client = client_of(user)
    asked = {"name": "ours", "scope": "READ", "study": "trial", "days": "7"}
    away = client.post("/accounts/tokens/", asked)
    assert not ApiToken.objects.exists()

    # Whoever confirms who they are goes on with what they had sent.
    shown = client.post(away["Location"], {"password": PASSWORD}).content.decode()

    secret = re.search(r"ntrust_[\w-]{43}", shown)
    token = ApiToken.objects.get()
    assert away["Location"].startswith("/accounts/reauthenticate/")
    assert secret is not None
    assert secret[0] not in client.get("/accounts/tokens/").content.decode()
    assert Client().get(where(), headers=bearer(secret[0])).status_code == 200
    path = f"/accounts/tokens/{token.pk}/revoke/"
    assert client_of(trial.manager).post(path).status_code == 404
    assert client.post(path).status_code == 302
    assert Client().get(where(), headers=bearer(secret[0])).status_code == 401
