"""A real Chromium, or a loud skip where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from django.db import connections
from django.test.utils import setup_databases, teardown_databases
from playwright.sync_api import Browser, sync_playwright
from pytest_django import DjangoDbBlocker

from tests.cohorts.rows import NOW, change_basis, hold, seat, start_trial

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
MISSING = "NO CHROMIUM FOUND: the browser tests did not run. Install it: apt-get install chromium"


def find_chromium() -> str | None:
    """The browser's program; NTRUST_CHROMIUM names another."""
    chosen = os.environ.get("NTRUST_CHROMIUM")
    return chosen or next(filter(None, map(shutil.which, PROGRAMS)), None)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database, also in a run of these tests alone.

    pytest-django makes it only when a test of the run bears its mark; without it a copy would be
    taken of whatever database the environment names.
    """
    configured = connections.settings["default"]
    if configured["NAME"] == configured["TEST"]["NAME"]:
        yield
        return
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases={"default"})
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture
def trial_url(live_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The service with a trial in which everything that a page can show is there."""
    monkeypatch.setattr("ntrust.clock.now", lambda: NOW)
    trial = start_trial()
    seat(trial, 1, "NNN", state="CLOSED")
    reason = "Two candidates were already conditioned."
    cohort = seat(trial, 2, "NNT", site="S2", state="CLOSED", override=reason)
    seat(trial, 2, "XVOP")
    hold(trial, 2, "Two participants with grade 3 CRS")
    change_basis(trial, cohort.decision, "P-006 went from N to T")
    return live_url


@pytest.fixture
def browser(trial_url: str) -> Iterator[Browser]:
    """Chromium without a window, started last and closed first.

    Its driver keeps an event loop in the test's thread, where Django would refuse to be called and
    would not find the connections it has opened before.
    """
    program = find_chromium()
    if program is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()
