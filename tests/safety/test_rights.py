"""Every action, every kind of person: allowed or refused as the life cycles and policies say.

The table is in the files of tests/safety/rights/: a new action needs a row there.
"""

import inspect

import pytest
from django.db import transaction

import cohorts.actions
import dosing.actions
import ntrust.actions
import safety.actions
from ntrust.errors import Refused
from safety.management.conduct import Conduct
from tests.everybody import everybody
from tests.factories import fingerprint, shared_trial
from tests.safety.rights import FIRST, RIGHTS, Scene, build_for_all

pytestmark = pytest.mark.django_db
C, D, N, S = cohorts.actions, dosing.actions, ntrust.actions, safety.actions

_built, trial = shared_trial(build_for_all)

PEOPLE = (
    "manager",
    "monitor",
    "investigator",
    "investigator elsewhere",
    "pharmacist",
    "pharmacist elsewhere",
    "committee",
    "auditor",
    "superuser",
    "stranger",
    "revoked",
    "data monitor",
)


def test_table_names_every_action() -> None:
    found = {
        f"{module.__name__.partition('.')[0]}.{name}"
        for module in (N, C, D, S)
        for name, thing in vars(module).items()
        if inspect.isfunction(thing)
        and not name.startswith("_")
        and thing.__module__.startswith(module.__name__)
        and "by" in (signature := inspect.signature(thing)).parameters
        and "change" not in signature.parameters
    }

    assert set(RIGHTS) == found


@pytest.mark.parametrize("action", RIGHTS)
def test_action_is_for_its_owners_only(trial: Conduct, action: str) -> None:
    allowed, attempt = RIGHTS[action]
    people = everybody(trial)
    assert tuple(people) == PEOPLE
    could = set()
    if action in FIRST:
        FIRST[action](trial)
    before = fingerprint()

    for name, user in people.items():
        point = transaction.savepoint()
        try:
            attempt(Scene(trial, user))
        except Refused as refusal:
            if refusal.code not in {"wrong_role", "other_site"} or fingerprint() != before:
                raise
        else:
            assert fingerprint() != before
            could.add(name)
        transaction.savepoint_rollback(point)

    assert could == allowed
