"""Many tries at once count like as many one by one; a code is good for one of two signatures."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import datetime
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
)

from ntrust import clock
from ntrust.actions import grant_role
from ntrust.errors import Refused
from ntrust.models import LoginAttempt, Signature, User
from ntrust.signing import Proof, attempts
from ntrust.states import AttemptOutcome, Door, Role
from safety.actions import lock_cut
from tests.committed import CommittedDb
from tests.factories import PASSWORD, make_trial
from tests.faults.test_races import race

GUESSES = 20
AT_ONCE = 10
LOOKS = 2
"""How often a try looks whether the account is locked before it goes on."""


def guess(user: User) -> AttemptOutcome | None:
    with attempts.attempting(user, identifier=user.username, door=Door.LOG_IN) as attempt:
        if attempt.locked_until is None:
            attempt.outcome = AttemptOutcome.WRONG_PASSWORD
    return attempt.outcome


def test_many_guesses_at_once_are_five_guesses(committed_db: CommittedDb) -> None:
    ana = User.objects.create_user("ana")

    results = race([lambda: guess(ana)] * GUESSES, at_once=AT_ONCE)

    assert Counter(results) == {"WRONG_PASSWORD": 5, "LOCKED": GUESSES - 5}
    assert LoginAttempt.objects.count() == GUESSES


def test_without_turns_more_guesses_are_tried(
    committed_db: CommittedDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    ana = User.objects.create_user("ana")
    together, waited = threading.Barrier(AT_ONCE), threading.local()
    look = attempts.locked_until

    def look_together(user: User | None, identifier: str = "", *, now: datetime) -> Any:
        found = look(user, identifier, now=now)
        waited.times = getattr(waited, "times", 0) + 1
        if waited.times == LOOKS:
            together.wait(60)
        return found

    monkeypatch.setattr(attempts, "_take_turn", lambda key: None)
    monkeypatch.setattr(attempts, "end_attempt", lambda attempt: None)
    monkeypatch.setattr(attempts, "locked_until", look_together)

    results = race([lambda: guess(ana)] * AT_ONCE, at_once=AT_ONCE)

    assert Counter(results) == {"WRONG_PASSWORD": AT_ONCE}


def test_one_code_signs_once_in_two_studies(committed_db: CommittedDb) -> None:
    trials = [make_trial(key="one"), make_trial(key="two")]
    manager = trials[0].manager
    grant_role(manager, study=trials[1].study, role=Role.STUDY_MANAGER, by=None, now=trials[1].now)
    secret = generate_totp_secret()
    TOTP.activate(manager, secret)
    code = format_hotp_value(hotp_value(secret, int(clock.now().timestamp()) // 30))
    proof = Proof(PASSWORD, identifier=manager.username, code=code)
    before = Signature.objects.count()

    results = race(
        [
            lambda trial=trial: lock_cut(
                trial.study, purpose="x", by=manager, password=proof, now=trial.tick()
            )
            for trial in trials
        ]
    )

    refusals = [one for one in results if isinstance(one, Refused)]
    assert [one.code for one in refusals] == ["signature_refused"]
    assert Signature.objects.count() == before + 1
