"""A real Chromium, or a loud skip where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

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
    change_basis(trial, cohort.decision, "P-006 went from no DLT to DLT")
    return live_url


@pytest.fixture
def browser(trial_url: str) -> Iterator[Browser]:
    """Chromium over `trial_url`."""
    with running_chromium() as running:
        yield running


@pytest.fixture
def chromium(demo_url: str) -> Iterator[Browser]:
    """Chromium over `demo_url`."""
    with running_chromium() as running:
        yield running


@contextmanager
def running_chromium() -> Iterator[Browser]:
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
