"""The investigator's pages in a real browser: by thumb, by keyboard, without scripts, off line."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from safety.management.conduct import Conduct
from tests.browser.conftest import FLAGS, MISSING, find_chromium
from tests.browser.test_ladder import AXE, REPORT_VIOLATIONS, overflow
from tests.factories import DISEASE, PASSWORD
from tests.safety.toxic import build, enter

PHONE = {"width": 360, "height": 740}
SHOTS = os.environ.get("NTRUST_SHOTS", "")
SMALL = """() => [...document.querySelectorAll(
        "main a, main button, main label.choice, main summary, main input:not([type=hidden])")]
    .filter(one => one.checkVisibility() && !one.closest("label.choice > *"))
    .filter(one => !(one.matches("input") && one.closest("label.choice")))
    .map(one => [one, one.getBoundingClientRect()])
    .filter(([, box]) => box.width > 0 && (box.height < 43.5 || box.width < 43.5))
    .map(([one, box]) => `${one.tagName} ${one.innerText} ${box.width}x${box.height}`)
"""


@pytest.fixture
def site_url(live_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Two treated three days ago at site 1, one of them with an event, one in screening."""
    trial = build("PP")
    first = trial.study.participants.earliest("id")
    enter(trial, first, term="Chills", grade=1)
    trial.consent(disease=DISEASE)
    monkeypatch.setattr("ntrust.clock.now", lambda: trial.now)
    yield live_url
    _check_trial(trial)


def _check_trial(trial: Conduct) -> None:
    assert trial.study.participants.count() == 3


@pytest.fixture
def phone(site_url: str) -> Iterator[Browser]:
    """Started after everything that asks the database; see `browser`."""
    program = find_chromium()
    if program is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


@contextmanager
def at_the_site(
    browser: Browser, url: str, *, who: str = "investigator-trial-1", **options: Any
) -> Iterator[tuple[Page, list[str]]]:
    """The site's home after the log-in, and what the console complains of."""
    context = browser.new_context(**{"viewport": PHONE, "reduced_motion": "reduce", **options})
    if options.get("java_script_enabled", True):
        context.add_init_script(REPORT_VIOLATIONS)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    log_in(page, url, who)
    yield page, errors
    context.close()


def log_in(page: Page, url: str, who: str = "investigator-trial-1") -> None:
    page.goto(f"{url}/accounts/login/?next=/site/trial/")
    page.fill("input[name=login]", who)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/site/trial/")


def shoot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def tap(page: Page, words: str, *, scope: str = "main") -> int:
    """Tap what says so; answers 1, to be counted."""
    page.locator(f"{scope} >> :is(a, button, label):has-text('{words}')").first.click()
    return 1


def report_by_thumb(page: Page, url: str) -> int:
    """From the site's home to the confirmation; answers how many taps it took."""
    page.goto(f"{url}/site/trial/")
    taps = tap(page, "Report event", scope=".report-bar")
    taps += tap(page, "P-002")
    page.fill("input[name=term]", "Colitis")
    taps += tap(page, "Just now")
    taps += tap(page, "Grade 3")
    taps += tap(page, "possible")
    taps += tap(page, "no", scope="#ask-is_serious")
    taps += tap(page, "yes, it goes on")
    taps += tap(page, "Dose-limiting; the criterion follows later")
    taps += tap(page, "Check answers")
    shoot(page, "check")
    taps += tap(page, "Send", scope=".report-bar")
    page.wait_for_url("**/sent/*/")
    return taps


def test_dlt_is_reported_with_ten_taps_beyond_the_term(phone: Browser, site_url: str) -> None:
    with at_the_site(phone, site_url, has_touch=True) as (page, errors):
        taps = report_by_thumb(page, site_url)

        assert taps == 10
        assert "Received: Colitis, grade 3" in page.inner_text("h1")
        assert "DLT report: counts, to be adjudicated." in page.inner_text("main")
        assert errors == []


def test_essential_write_needs_no_script(phone: Browser, site_url: str) -> None:
    with at_the_site(phone, site_url, java_script_enabled=False) as (page, _):
        report_by_thumb(page, site_url)

        assert "Received: Colitis, grade 3" in page.inner_text("h1")


def test_criterion_and_effect_are_read_while_it_is_filled_in(phone: Browser, site_url: str) -> None:
    with at_the_site(phone, site_url) as (page, errors):
        page.goto(f"{site_url}/studies/trial/participants/S-002/event/")
        shoot(page, "form-empty")
        page.fill("input[name=term]", "Colitis")
        for words in ("Just now", "Grade 3", "possible"):
            tap(page, words)
        page.locator(".reading-line:has-text('D7')").wait_for()
        tap(page, "Dose-limiting; the criterion follows later")
        page.locator(".effect:has-text('1st DLT at DL1')").wait_for()
        shoot(page, "form-filled")

        assert page.locator(".says:visible").count() == 5
        assert page.is_hidden("input[name=onset_at]")
        tap(page, "ASTCT CRS")
        assert "one vasopressor" in page.inner_text("#ask-grade label:has-text('Grade 3')")
        assert overflow(page) <= 0
        assert errors == []


def test_dlt_is_reported_by_keyboard_alone(phone: Browser, site_url: str) -> None:
    with at_the_site(phone, site_url, viewport={"width": 1440, "height": 900}) as (page, errors):
        keys = page.keyboard

        def reach(what: str) -> None:
            for _ in range(60):
                keys.press("Tab")
                if page.evaluate("what => document.activeElement.matches(what)", what):
                    return
            raise AssertionError(what)

        reach(".report-bar a")
        keys.press("Enter")
        page.wait_for_url("**/report/")
        reach("a.whole[href*='S-002']")
        keys.press("Enter")
        page.wait_for_url("**/event/")
        reach("input[name=term]")
        keys.type("Colitis")
        reach("input[name=began]")
        keys.press("Space")
        reach("input[name=grading_system]")
        reach("input[name=grade]")
        keys.press("ArrowDown")
        keys.press("ArrowDown")
        reach("input[name=causality]")
        keys.press("ArrowRight")
        reach("input[name=is_serious]")
        reach("input[name=criterion]")
        keys.press("ArrowDown")
        reach("button[value=check]")
        keys.press("Enter")
        page.locator("h2:has-text('What you have entered')").wait_for()
        reach(".report-bar button")
        keys.press("Enter")
        page.wait_for_url("**/sent/*/")

        assert "Received: Colitis, grade 3" in page.inner_text("h1")
        assert errors == []


def test_everything_is_large_enough_for_a_thumb(phone: Browser, site_url: str) -> None:
    with at_the_site(phone, site_url) as (page, errors):
        found = {}
        for name, address in PAGES.items():
            page.goto(site_url + address)
            page.locator("h1").wait_for()
            page.evaluate(
                "document.querySelectorAll('main details').forEach(one => one.open = true)"
            )
            page.wait_for_load_state("networkidle")
            shoot(page, f"{name}-phone")
            found[name] = page.evaluate(SMALL)
            assert overflow(page) <= 0, name
        assert found == {name: [] for name in PAGES}
        assert errors == []


PAGES = {
    "home": "/site/trial/",
    "choose": "/site/trial/report/",
    "calendar": "/site/trial/calendar/",
    "today": "/site/trial/participants/S-001/today/",
    "report": "/studies/trial/participants/S-001/event/",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_at_the_site(phone: Browser, site_url: str, scheme: Any) -> None:
    with at_the_site(
        phone, site_url, color_scheme=scheme, viewport={"width": 1440, "height": 900}
    ) as (page, _):
        found = {}
        for name, address in PAGES.items():
            page.goto(site_url + address)
            page.wait_for_load_state("networkidle")
            shoot(page, f"{name}-desktop-{scheme}")
            page.evaluate(AXE.read_text(encoding="utf-8"))
            report = page.evaluate("axe.run()")
            assert len(report["passes"]) > 10
            found[name] = [
                f"{fault['id']}: {node['target']}"
                for fault in report["violations"]
                if fault["impact"] in ("serious", "critical")
                for node in fault["nodes"]
            ]
        assert found == {name: [] for name in PAGES}


# --- What is typed is not lost ---------------------------------------------------------------

FORM = "/studies/trial/participants/S-002/event/"
DRAFTS = "Object.keys(localStorage).filter(key => key.startsWith('ntrust-draft:'))"


def test_draft_survives_the_log_out_and_goes_when_it_is_sent(phone: Browser, site_url: str) -> None:
    with at_the_site(phone, site_url) as (page, errors):
        page.goto(site_url + FORM)
        page.fill("input[name=term]", "Colitis")
        tap(page, "Just now")
        tap(page, "Grade 3")
        assert "saved " in page.inner_text("[data-draft-status]")
        began = page.input_value("input[name=page_at]")

        page.context.clear_cookies()
        log_in(page, site_url)
        page.goto(site_url + FORM)

        assert "Restored what you had typed at " in page.inner_text(".draft-note")
        assert page.input_value("input[name=term]") == "Colitis"
        assert page.is_checked("input[name=grade][value='3']")
        assert page.input_value("input[name=onset_at]") == began
        tap(page, "Check answers")
        tap(page, "Send", scope=".report-bar")
        page.wait_for_url("**/sent/*/")
        assert page.evaluate(DRAFTS) == []
        page.goto(site_url + FORM)
        assert page.locator(".draft-note").count() == 0
        assert errors == []


def test_draft_is_gone_when_somebody_else_logs_in(phone: Browser, site_url: str) -> None:
    with at_the_site(phone, site_url) as (page, _):
        page.goto(site_url + FORM)
        page.fill("input[name=term]", "Colitis")
        assert len(page.evaluate(DRAFTS)) == 1

        page.context.clear_cookies()
        log_in(page, site_url, "pharmacist-trial-1")

        assert page.evaluate(DRAFTS) == []


def test_without_a_network_nothing_is_said_to_be_sent(phone: Browser, site_url: str) -> None:
    with at_the_site(phone, site_url) as (page, _):
        page.goto(site_url + FORM)
        page.fill("input[name=term]", "Colitis")
        page.context.set_offline(True)
        tap(page, "Check answers")

        assert "No network: nothing was sent." in page.inner_text(".draft-note")
        assert page.input_value("input[name=term]") == "Colitis"
        page.context.set_offline(False)
        page.locator(".draft-note:has-text('The network is back: send it now.')").wait_for()
        assert page.url == site_url + FORM
