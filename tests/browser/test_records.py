"""The record lists in a real browser: wide and narrow, light and dark, and their files."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from safety.management.demo import PASSWORD
from tests.browser.test_ladder import (
    AXE,
    REPORT_VIOLATIONS,
    WIDTHS,
    Scheme,
    overflow,
    serious,
)
from tests.safety.listed import LISTS, address

READ_BY_AXE = ("/manage/records/", address("participants"))
"""The first page, and one list: the others have the same frame."""


def log_in(page: Page, url: str, username: str) -> None:
    page.goto(url + "/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(url + "/")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_list_fits_and_breaks_no_policy(
    chromium: Browser, demo_url: str, scheme: Scheme
) -> None:
    context = chromium.new_context(color_scheme=scheme, reduced_motion="reduce")
    context.add_init_script(REPORT_VIOLATIONS)
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    log_in(page, demo_url, "manager")

    for where in ("/manage/records/", *(address(one.name) for one in LISTS)):
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            answer = page.goto(demo_url + where)
            assert answer is not None
            assert answer.status == 200
            if overflow(page) > 0:
                faults.append(f"{where}: {overflow(page)} too wide at {width}")
        if where in READ_BY_AXE:
            page.evaluate(AXE.read_text(encoding="utf-8"))
            found = serious(page.evaluate("axe.run({resultTypes: ['violations']})"))
            faults += [f"{where}: {fault}" for fault in found]

    assert faults == []
    context.close()


def test_manager_filters_saves_the_view_and_takes_the_list_away(
    chromium: Browser, demo_url: str
) -> None:
    context = chromium.new_context(viewport={"width": 1440, "height": 800})
    page = context.new_page()
    log_in(page, demo_url, "manager")
    page.goto(demo_url + address("participants"))

    page.click("text=Filters")
    page.click("#changelist-filter a:has-text('Screening')")
    page.click("summary:has-text('Save this view')")
    page.fill("#view-name", "In screening")
    page.click(".record-save button")

    assert page.inner_text(".record-views a[aria-current]") == "In screening"
    with page.expect_download() as download:
        page.click(".record-files button:has-text('CSV')")
    sent = download.value.path().read_text(encoding="utf-8")
    assert "filter: state = SCREENING" in sent
    assert sent.count("\n") == 2 + len(page.query_selector_all("#result_list tbody tr"))
    context.close()
