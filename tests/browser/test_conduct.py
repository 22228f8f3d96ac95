"""Every page of the conduct in a real browser, for manager and investigator, wide and narrow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.urls import resolve
from playwright.sync_api import Browser, Page, sync_playwright

from ntrust import clock
from safety.management.demo import KEY, PASSWORD, load_ntrust_1
from tests.browser.conftest import FLAGS, MISSING, find_chromium
from tests.browser.test_ladder import REPORT_VIOLATIONS, WIDTHS, overflow

START = f"/studies/{KEY}/"
LINKS = "[...document.querySelectorAll('a[href^=\"/studies/\"]')].map(a => a.getAttribute('href'))"
FILES = ("safety:take_over_template",)
CENTRAL = {
    "cohorts:add_consent_form",
    "cohorts:add_protocol",
    "cohorts:approve_protocol",
    "cohorts:consents",
    "cohorts:edit_protocol",
    "cohorts:ladder",
    "cohorts:overrides",
    "cohorts:path",
    "cohorts:protocol",
    "cohorts:protocol_changes",
    "cohorts:protocol_impact",
    "cohorts:protocols",
    "cohorts:queue",
    "cohorts:report_site_deviation",
    "cohorts:reserve_slot",
    "cohorts:screening_log",
    "cohorts:sites",
    "cohorts:suspend_site",
    "cohorts:trail",
    "dosing:calls",
    "dosing:lot_quarantine",
    "dosing:lots",
    "dosing:trends",
    "safety:gates",
    "safety:participant",
    "safety:participants",
    "safety:take_over",
}
AT_THE_SITE = {
    "cohorts:consent_participant",
    "cohorts:plan_dates",
    "cohorts:record_consent",
    "cohorts:report_deviation",
    "cohorts:results",
    "cohorts:withdraw_request",
    "dosing:cycle_begin",
    "dosing:infusion_check",
    "dosing:infusion_correct",
    "dosing:infusion_give",
    "dosing:infusion_given_already",
    "dosing:infusion_hold",
    "dosing:infusion_miss",
    "dosing:infusion_reschedule",
    "dosing:leave",
    "dosing:measurements",
    "dosing:record_measurements",
    "dosing:record_medication",
    "safety:event",
}


@pytest.fixture
def demo_url(live_url: str) -> str:
    """The service with the demo, loaded as if an hour ago."""
    load_ntrust_1(now=clock.now() - timedelta(hours=1))
    return live_url


@pytest.fixture
def chromium(demo_url: str) -> Iterator[Browser]:
    """Started after everything that asks the database; see `browser`."""
    program = find_chromium()
    if program is None:
        pytest.skip(MISSING)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield running
        running.close()


def kind_of(address: str) -> str:
    """The name of an address without what it is about."""
    return resolve(address).view_name


def walk(browser: Browser, url: str, username: str) -> tuple[set[str], list[str]]:
    """Open every kind of page that a person finds by links, and each participant's; answers the
    kinds seen and what was wrong with them."""
    context = browser.new_context(reduced_motion="reduce")
    context.add_init_script(REPORT_VIOLATIONS)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(url + "/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(url + "/")
    seen: set[str] = set()
    waiting, known = [START], {START}
    while waiting:
        address = waiting.pop(0)
        kind = kind_of(address)
        if kind in FILES or (kind in seen and kind != "safety:participant"):
            continue
        seen.add(kind)
        faults += look_at(page, url, address)
        for link in page.evaluate(LINKS):
            link = re.sub(r"[?#].*", "", link)
            if link.startswith(START) and link not in known:
                known.add(link)
                waiting.append(link)
    context.close()
    return seen, faults


def look_at(page: Page, url: str, address: str) -> list[str]:
    """What is wrong with one page at every width, folded and unfolded."""
    answer = page.goto(url + address)
    wrong = []
    if answer is None or answer.status != 200:
        wrong.append(f"{address}: {answer and answer.status}")
    if not page.inner_text("h1").strip():
        wrong.append(f"{address}: no heading")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        for unfolded in (False, True):
            page.evaluate(
                "open => document.querySelectorAll('details').forEach(one => { one.open = open })",
                unfolded,
            )
            if overflow(page) > 0:
                wrong.append(f"{address}: {overflow(page)} too wide at {width}, open: {unfolded}")
    return wrong


def test_every_page_of_the_conduct_fits_and_says_what_it_is(
    chromium: Browser, demo_url: str
) -> None:
    managers, wrong = walk(chromium, demo_url, "manager")
    sites, also_wrong = walk(chromium, demo_url, "investigator-ar1")

    assert wrong + also_wrong == []
    assert CENTRAL - managers == set()
    assert AT_THE_SITE - sites == set()
