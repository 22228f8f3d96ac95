"""Every page in a real browser, for manager, investigator and committee: wide and narrow, light and
dark, folded and unfolded; axe finds nothing serious."""

from __future__ import annotations

import re

import pytest
from django.urls import resolve
from playwright.sync_api import Browser, Page

from safety.management.demo import KEY, PASSWORD
from tests.browser.test_ladder import AXE, REPORT_VIOLATIONS, WIDTHS, overflow, serious

START = f"/studies/{KEY}/"
PLACES = ("/studies/", "/manage/", "/site/", "/committee/")
LINKS = """
    places => [...document.querySelectorAll('a[href^="/"]')].map(a => a.getAttribute('href'))
        .filter(address => places.some(place => address.startsWith(place)))
"""
FILES = (
    "safety:take_over_template",
    "safety:inspection_bundle",
    "safety:export_audit",
    "safety:packet_pdf",
    "safety:packet_xlsx",
    "safety:packet_json",
    "safety:export_list",
)
LISTS = "records:"
"""The record lists are walked in test_records.py."""
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
    "safety:ahead",
    "safety:calendar",
    "safety:design",
    "safety:events",
    "safety:gates",
    "safety:one_event",
    "safety:participant",
    "safety:participants",
    "safety:reports",
    "safety:swimmer",
    "safety:take_over",
    "safety:today",
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
    "safety:add_grade",
    "safety:complete_event",
    "safety:end_event",
    "safety:event",
    "safety:one_event",
    "safety:reports",
    "safety:swimmer",
}


FOR_THE_COMMITTEE = {
    "cohorts:ladder",
    "cohorts:path",
    "safety:committee",
    "safety:decision",
    "safety:packet",
    "safety:reviews",
}


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
    page.wait_for_url(lambda address: "/accounts/" not in address)
    home = page.url.removeprefix(url)
    seen: set[str] = set()
    waiting = [home] if home == START else [home, START]
    known = set(waiting)
    while waiting:
        address = waiting.pop(0)
        kind = kind_of(address)
        if (
            kind in FILES
            or kind.startswith(LISTS)
            or (kind in seen and kind != "safety:participant")
        ):
            continue
        seen.add(kind)
        faults += look_at(page, url, address)
        for link in page.evaluate(LINKS, PLACES):
            link = re.sub(r"[?#].*", "", link)
            if link not in known and (link.startswith(START) or not link.startswith("/studies/")):
                known.add(link)
                waiting.append(link)
    context.close()
    return seen, faults


def look_at(page: Page, url: str, address: str) -> list[str]:
    """What is wrong with one page at every width, folded and unfolded, light and dark."""
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
    return [*wrong, *(f"{address}: {fault}" for fault in axe_faults(page))]


def axe_faults(page: Page) -> list[str]:
    """What axe finds in the light, and what of it depends on colours in the dark as well."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = serious(page.evaluate("axe.run({resultTypes: ['violations']})"))
    page.emulate_media(color_scheme="dark")
    dark = page.evaluate("axe.run({runOnly: ['color-contrast'], resultTypes: ['violations']})")
    page.emulate_media(color_scheme="light")
    return found + [f"in the dark: {fault}" for fault in serious(dark)]


PEOPLE = {
    "manager": CENTRAL,
    "investigator-ar1": AT_THE_SITE,
    "committee": FOR_THE_COMMITTEE,
}


@pytest.mark.parametrize("username", PEOPLE)
def test_every_page_fits_and_says_what_it_is(
    chromium: Browser, demo_url: str, username: str
) -> None:
    seen, wrong = walk(chromium, demo_url, username)

    assert wrong == []
    assert PEOPLE[username] - seen == set()
