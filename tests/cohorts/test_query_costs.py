"""A page costs the same however long its lists are: 1 row and 3, with literal counts."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cohorts.queries import escalation_path, ladder, studies_for, viewer_of
from ntrust.models import User
from ntrust.states import Role
from tests.cohorts.rows import NOW, Trial, join, make_user, seat, start_trial

pytestmark = pytest.mark.django_db

Cohorts = list[tuple[int, str, str]]
ONE_ROW: Cohorts = [(1, "P", "OPEN")]
MANY_ROWS: Cohorts = [(1, "NNN", "CLOSED"), (2, "NNT", "CLOSED"), (2, "XV", "OPEN")]


def build(key: str, cohorts: Cohorts) -> tuple[Trial, User]:
    """A trial, and an investigator of a site where nobody is seated."""
    trial = start_trial(key)
    for level, letters, state in cohorts:
        seat(trial, level, letters, state=state)
    site = trial.sites["S2"]
    return trial, join(make_user(f"ida-{key}"), trial.study, Role.INVESTIGATOR, site=site)


def cost(trial: Trial, user: User, *, path: bool = False) -> int:
    viewer = viewer_of(user, trial.study.key)
    assert viewer is not None
    read = escalation_path if path else ladder
    with CaptureQueriesContext(connection) as queries:
        read(trial.study, viewer=viewer, now=NOW)
    return len(queries)


@pytest.mark.parametrize("cohorts", [ONE_ROW, MANY_ROWS], ids=["1 row", "3 cohorts"])
def test_ladder_and_path_cost_the_same_however_many_rows(
    monkeypatch: pytest.MonkeyPatch, cohorts: Cohorts
) -> None:
    trial, investigator = build("ntrust-1", cohorts)
    module = import_module("cohorts.queries.ladder")
    monkeypatch.setattr(module, "gates_for_seat", lambda *args, **kwargs: [])

    assert cost(trial, trial.users["manager"]) == 9
    assert cost(trial, investigator) == 10
    assert cost(trial, trial.users["manager"], path=True) == 8
    assert cost(trial, investigator, path=True) == 9


def test_ladder_with_its_gates_costs_the_same_however_many_rows() -> None:
    few, _ = build("few", ONE_ROW)
    many, _ = build("many", MANY_ROWS)

    assert cost(few, few.users["manager"]) == cost(many, many.users["manager"])


@pytest.mark.parametrize("many", [1, 3])
def test_studies_cost_the_same_however_many(many: int) -> None:
    user = make_user("mia")
    for number in range(many):
        join(user, start_trial(f"study-{number}").study, Role.AUDITOR)

    with CaptureQueriesContext(connection) as queries:
        cards = studies_for(user)

    assert (len(cards), len(queries)) == (many, 4)
