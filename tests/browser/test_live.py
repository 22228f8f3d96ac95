"""An open board in a real browser: it follows its study, and says so when it cannot."""

from __future__ import annotations

import os
import re
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connections
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from local.guarded import Guarded, Stopping, start_guarded
from local.paths import ROOT
from ntrust.sweeper import note_watch
from tests.browser.conftest import FLAGS, MISSING, find_chromium
from tests.browser.test_ladder import visiting
from tests.cohorts.rows import Trial, hold, seat, start_trial
from tests.committed import CommittedDb
from tests.live import wait_for_answer

LADDER = "/studies/ntrust-1/"
WAIT = 20_000


class Web:
    """The web service as a process of its own, always on the same port."""

    def __init__(self, database: str, log: Path, redis: str) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.database, self.log, self.redis = database, log, redis
        self.running: Guarded | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "ntrust.asgi:application", "--lifespan", "off"]
        with self.log.open("ab") as output:
            self.running = start_guarded(
                "web",
                [*command, "--port", str(self.port)],
                output=output,
                stopping=Stopping("KILL", "KILL", 1.0),
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": self.database, "REDIS_URL": self.redis},
            )
        wait_for_answer(self.url + "/healthz", 60)

    def kill(self) -> None:
        if self.running is not None:
            self.running.stop()
        self.running = None


@pytest.fixture
def trial(committed_db: CommittedDb) -> Trial:
    trial = start_trial()
    seat(trial, 1, "NNN", state="CLOSED")
    seat(trial, 2, "NPP")
    return trial


@pytest.fixture
def web(trial: Trial, committed_db: CommittedDb, tmp_path: Path) -> Iterator[Web]:
    web = Web(committed_db.url, tmp_path / "web.log", os.environ["REDIS_URL"])
    yield web
    web.kill()


@pytest.fixture
def chromium(web: Web) -> Iterator[Browser]:
    """Chromium without a window, started last: see the `browser` fixture."""
    program = find_chromium()
    if program is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


def apart(do: Callable[[], Any]) -> None:
    """Do it in a thread: the browser's driver keeps an event loop in this one."""
    wrong: list[BaseException] = []

    def run() -> None:
        try:
            do()
        except BaseException as error:
            wrong.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert wrong == []


def say_soon(page: Page) -> None:
    """Have pages call themselves out of date after two seconds, and ask every half second."""

    def shorten(route: Route) -> None:
        answer = route.fetch()
        text = re.sub(r'data-stale="\d+"', 'data-stale="2"', answer.text())
        route.fulfill(response=answer, body=re.sub(r'data-poll="\d+"', 'data-poll="0.5"', text))

    page.route(lambda address: address.endswith(LADDER), shorten)


def state(page: Page) -> Any:
    return expect(page.locator("#live-line"))


def test_board_shows_a_change_and_keeps_what_was_open(
    chromium: Browser, web: Web, trial: Trial
) -> None:
    web.start()
    with visiting(chromium, web.url) as (page, errors):
        page.goto(web.url + LADDER)
        state(page).to_have_attribute("data-state", "live", timeout=WAIT)
        summary = page.locator("summary", has_text="Design options and versions behind this")
        summary.click()
        page.evaluate("window.scrollTo(0, 120)")
        page.evaluate("window.wasNeverLeft = true")

        apart(lambda: hold(trial, 2, "Two with grade 3 CRS"))

        expect(page.locator("#live-ladder")).to_contain_text("Two with grade 3 CRS", timeout=WAIT)
        expect(page.locator("#live-holds")).to_contain_text("Held", timeout=WAIT)
        assert page.evaluate("window.wasNeverLeft") is True
        assert page.locator("details[open] > summary", has_text="Design options").count() == 1
        assert page.evaluate("document.activeElement.tagName") == "SUMMARY"
        expect(page.locator("#live-news")).to_contain_text("This page was updated at")
        expect(page.locator("#live-words")).to_have_text(
            re.compile(r"as of \d\d:\d\d UTC · live"), timeout=WAIT
        )
        expect(page.locator("#live-stale")).to_be_hidden()
        assert errors == []


def test_page_without_parts_of_its_own_takes_itself(
    chromium: Browser, web: Web, trial: Trial
) -> None:
    web.start()
    with visiting(chromium, web.url, width=360) as (page, errors):
        page.goto(web.url + LADDER + "holds/")
        state(page).to_have_attribute("data-state", "live", timeout=WAIT)
        expect(page.locator("#live-body")).to_contain_text("Nothing is held")

        apart(lambda: hold(trial, 2, "Two with grade 3 CRS"))

        expect(page.locator("#live-body")).to_contain_text("Two with grade 3 CRS", timeout=WAIT)
        expect(page.locator("#live-holds")).to_contain_text("Held", timeout=WAIT)
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        assert errors == []


def test_board_outlives_the_server(chromium: Browser, web: Web, trial: Trial) -> None:
    web.start()
    with visiting(chromium, web.url) as (page, _):
        say_soon(page)
        page.goto(web.url + LADDER)
        state(page).to_have_attribute("data-state", "live", timeout=WAIT)
        expect(page.locator("#live-stale")).to_be_hidden()

        web.kill()
        expect(page.locator("#live-stale")).to_be_visible(timeout=WAIT)
        assert re.search(
            r"This page may be out of date: last heard\s+\d\d:\d\d UTC",
            page.locator("#live-stale").inner_text(),
        )
        state(page).to_have_attribute("data-state", "stale")
        apart(lambda: hold(trial, 2, "Placed while nobody served"))
        web.start()

        expect(page.locator("#live-ladder")).to_contain_text(
            "Placed while nobody served", timeout=60_000
        )
        expect(page.locator("#live-stale")).to_be_hidden(timeout=WAIT)


def test_board_asks_where_it_hears_nothing(chromium: Browser, web: Web, trial: Trial) -> None:
    web.redis = "redis://127.0.0.1:1/0"
    web.start()
    with visiting(chromium, web.url) as (page, _):
        say_soon(page)
        page.goto(web.url + LADDER)
        state(page).to_have_attribute("data-state", "asking", timeout=WAIT)

        apart(lambda: hold(trial, 2, "Told by asking"))

        expect(page.locator("#live-ladder")).to_contain_text("Told by asking", timeout=WAIT)
        expect(page.locator("#live-words")).to_contain_text("checked every few seconds")
        expect(page.locator("#live-stale")).to_be_hidden()
        queue = page.locator("#queue-news")
        expect(queue).to_be_empty()
        page.evaluate("window.wasNeverLeft = true")
        apart(lambda: note_watch("DOWN", now=datetime.now(UTC)))
        expect(queue).to_contain_text("The queue is down since", timeout=WAIT)
        apart(lambda: note_watch("", now=datetime.now(UTC)))
        expect(queue).not_to_contain_text("queue", timeout=WAIT)
        assert page.evaluate("window.wasNeverLeft") is True


def test_board_of_somebody_logged_out_says_so(chromium: Browser, web: Web, trial: Trial) -> None:
    web.start()
    with visiting(chromium, web.url) as (page, _):
        say_soon(page)
        page.goto(web.url + LADDER)
        state(page).to_have_attribute("data-state", "live", timeout=WAIT)
        page.context.clear_cookies()

        apart(lambda: hold(trial, 2, "Not for them"))

        expect(page.locator("#live-why")).to_have_text(
            "You are logged out. Log in again to go on.", timeout=WAIT
        )
        expect(page.locator("#live-stale")).to_be_visible()
        assert "Not for them" not in page.content()


def test_without_scripts_the_page_says_when_it_was_made(
    chromium: Browser, web: Web, trial: Trial
) -> None:
    web.start()
    with visiting(chromium, web.url, width=360) as (page, _):
        context = chromium.new_context(
            java_script_enabled=False, storage_state=page.context.storage_state()
        )
        plain = context.new_page()
        plain.goto(web.url + LADDER)

        assert re.search(r"as of \d\d:\d\d UTC", plain.locator("#live-line").inner_text())
        assert plain.locator("#live-stale").is_hidden()
        context.close()
