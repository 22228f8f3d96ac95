"""What happened to the accounts of a study's people, page by page."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cohorts.queries import Viewer, viewer_of
from ntrust.actions import note_account_event
from ntrust.models import User
from ntrust.states import AccountEventKind
from safety.management.conduct import Conduct
from safety.queries.accounts import PAGE, AccountRow, read_accounts
from tests.factories import PASSWORD, client_of, make_trial, shared_trial

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(lambda: make_trial(sites=2))


def viewer(user: User) -> Viewer:
    found = viewer_of(user, "trial")
    assert found is not None
    return found


def test_account_history_has_tries_roles_fields_and_second_factors(trial: Conduct) -> None:
    monitor = trial.monitor
    client = Client()
    client.post("/accounts/login/", {"login": monitor.username, "password": "wrong"})
    client.post("/accounts/login/", {"login": monitor.username, "password": PASSWORD})
    client.post("/accounts/logout/")
    note_account_event(AccountEventKind.SECOND_FACTOR_ADDED, user=monitor, at=trial.now)
    User.objects.get(pk=monitor.pk)
    User.objects.filter(pk=monitor.pk).update(is_active=False)

    page = read_accounts(viewer(trial.manager))

    said = [row.what for row in page.rows if row.account == str(monitor)]
    assert "log-in: wrong password" in said
    assert "log-in: accepted" in said
    assert "logged out" in said
    assert "second factor added" in said
    assert "User changed: active yes → no" in said
    assert any(what.startswith("Membership entered: ") for what in said)
    assert "wrong" not in " ".join(said).replace("wrong password", "")


def test_account_history_costs_the_same(trial: Conduct) -> None:
    with CaptureQueriesContext(connection) as few:
        read_accounts(viewer(trial.manager))
    for _ in range(5):
        note_account_event(AccountEventKind.LOGGED_OUT, user=trial.monitor, at=trial.now)
    with CaptureQueriesContext(connection) as many:
        read_accounts(viewer(trial.manager))

    assert len(few) == len(many)


def test_accounts_of_another_study_are_not_shown(trial: Conduct) -> None:
    other = make_trial(key="other")

    page = read_accounts(viewer(trial.manager))

    assert str(other.manager) not in {row.account for row in page.rows}


def log_out(trial: Conduct, times: int, *, at: datetime) -> None:
    for _ in range(times):
        note_account_event(AccountEventKind.LOGGED_OUT, user=trial.monitor, at=at)


@pytest.mark.parametrize("at_once", [1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE])
def test_what_happened_at_one_moment_stands_on_one_page(trial: Conduct, at_once: int) -> None:
    """None is left out at the edge of a page, and none is shown twice."""
    moment = trial.now + timedelta(days=400)
    log_out(trial, at_once, at=moment)
    for later in range(1, 8):
        log_out(trial, 1, at=moment + timedelta(minutes=later))

    found: list[AccountRow] = []
    before = None
    while True:
        page = read_accounts(viewer(trial.manager), before=before)
        found += page.rows
        assert page.rows
        if page.older is None:
            break
        before = page.older

    assert sum(row.at >= moment for row in found) == at_once + 7
    assert [row.at for row in found] == sorted((row.at for row in found), reverse=True)


def test_program_reads_every_page_of_it(trial: Conduct) -> None:
    log_out(trial, PAGE + 5, at=trial.now + timedelta(days=400))
    log_out(trial, 3, at=trial.now + timedelta(days=401))
    client, cursor, found = client_of(trial.manager), "", 0

    while cursor is not None:
        answer = client.get("/api/v1/studies/trial/accounts/", {"cursor": cursor}).json()
        found += sum(row["what"] == "logged out" for row in answer["results"])
        cursor = answer["next"]

    assert found == PAGE + 8
