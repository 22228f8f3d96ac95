"""A real Chromium, or a loud skip where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

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
def browser(monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    """Chromium without a window.

    Its driver keeps an event loop in the test's thread, so Django is told that calls from there are
    meant; the service itself answers from a thread of its own.
    """
    program = find_chromium()
    if program is None:
        pytest.skip(MISSING)
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()
