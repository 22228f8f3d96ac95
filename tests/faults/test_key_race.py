"""The same request sent ten times at once under one key, as a program does that is in doubt."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from ntrust import clock
from ntrust.models import Event, KeyedAnswer, User
from safety.models import AdverseEvent
from tests.faults.test_races import race
from tests.safety.test_api_tokens import bearer, fever, post, token_of, treated

SENT = 10


@pytest.mark.usefixtures("committed_db")
def test_one_is_done_and_the_others_hear_the_same_or_to_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trial = treated()
    monkeypatch.setattr(clock, "now", lambda: trial.now)
    User.objects.update(password_changed_at=trial.now - timedelta(days=1))
    _, secret = token_of(trial.crews[0].investigator, trial)
    body, headers = fever(trial), bearer(secret, **{"Idempotency-Key": "in-doubt"})

    answers: list[Any] = race([lambda: post(body, headers) for _ in range(SENT)])

    assert AdverseEvent.objects.count() == 1
    assert Event.objects.filter(kind="EVENT_REPORTED").count() == 1
    assert KeyedAnswer.objects.count() == 1
    said = Counter(
        (answer.status_code, answer.headers.get("Idempotency-Replayed", ""))
        if answer.status_code == 200
        else (answer.status_code, answer.json()["code"])
        for answer in answers
    )
    assert said.pop((200, "")) == 1
    assert set(said) <= {(200, "true"), (409, "in_progress")}
    assert sum(said.values()) == SENT - 1
    assert post(body, headers)["Idempotency-Replayed"] == "true"
