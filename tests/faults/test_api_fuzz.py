"""Nothing that can be sent to the API breaks it, or is answered otherwise than it says.

`make fuzz` sends many more: NTRUST_FUZZ_CASES says how many at least.
"""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from schemathesis import GenerationMode

from ntrust import clock
from ntrust.actions import grant_role, make_token
from ntrust.models import User
from ntrust.states import Role, TokenScope
from safety.management.conduct import Conduct, enlist
from tests.everything import build_everything
from tests.factories import CHEAP_HASHER, PASSWORD
from tests.fuzzing import Fuzz, known_of, unrecorded

WANTED = int(os.environ.get("NTRUST_FUZZ_CASES", "0"))


@pytest.fixture
def trial(live_url: str, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Conduct:
    """Everything there is, in a study where time stands still. No limit is in the way."""
    settings.PASSWORD_HASHERS = CHEAP_HASHER
    settings.API_REQUESTS_A_MINUTE = settings.LOCK_AFTER_FAILURES = 10**6
    made = build_everything()
    User.objects.update(password_changed_at=made.now - timedelta(days=1))
    monkeypatch.setattr(clock, "now", lambda: made.now)
    return made


def person(trial: Conduct, name: str, *roles: Role) -> User:
    """Somebody who holds these roles, at the first site where a role is bound to one."""
    common: dict[str, Any] = {"study": trial.study, "now": trial.now}
    bound = (Role.INVESTIGATOR, Role.PHARMACIST)
    site = trial.crews[0].site
    user = enlist(name, role=roles[0], password=PASSWORD, **common)
    for role in roles[1:]:
        grant_role(user, role=role, site=site if role in bound else None, by=None, **common)
    User.objects.filter(pk=user.pk).update(password_changed_at=trial.now - timedelta(days=1))
    return user


def fuzz_of(user: User, trial: Conduct, url: str, **more: Any) -> Fuzz:
    """Requests of this person's, with a token to read and act."""
    ends_at = trial.now + timedelta(days=90)
    scope = TokenScope.ACT
    _, secret = make_token(user, name="fuzz", scope=scope, ends_at=ends_at, by=user, now=trial.now)
    return Fuzz(url, secret, known_of(trial, user), **more)


def test_nothing_sent_breaks_it_or_writes_without_an_event(trial: Conduct, live_url: str) -> None:
    broad = person(
        trial, "broad", Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.INVESTIGATOR, Role.PHARMACIST
    )
    reader = person(trial, "reader", Role.COMMITTEE)
    few = fuzz_of(reader, trial, live_url, may_write=False)
    many = fuzz_of(broad, trial, live_url)

    few.run(GenerationMode.POSITIVE, each=1, only="POST")
    many.run(GenerationMode.POSITIVE, each=1)
    many.run(GenerationMode.NEGATIVE, each=1, only="POST")
    number = 0
    while few.sent + many.sent < WANTED:
        number += 1
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            few.run(mode, each=2, seed=number)
            many.run(mode, each=10, seed=number)

    print(f"\n{few.sent + many.sent} cases; {dict(few.answers)}, {dict(many.answers)}")
    faults = few.faults + many.faults
    assert not faults, "\n\n".join([f"{len(faults)} faults", *faults[:40]])
    assert few.answers[200] == 0 < many.answers[200]


def test_what_is_written_without_an_event_is_found() -> None:
    before = {"ntrust_event": 1, "cohorts_hold": 1, "ntrust_keyedanswer": 1}

    assert unrecorded(before, before, is_refused=True) == []
    assert unrecorded(before, {**before, "ntrust_keyedanswer": 2}, is_refused=False) == []
    held = {**before, "cohorts_hold": 2}
    assert unrecorded(before, held, is_refused=False) != []
    assert unrecorded(before, {**held, "ntrust_event": 2}, is_refused=False) == []
    assert unrecorded(before, {**held, "ntrust_event": 2}, is_refused=True) != []
