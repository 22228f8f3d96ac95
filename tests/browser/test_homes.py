"""The three homes arrive whole: light enough for a bad network, and nothing jumps while they do."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page

from safety.management.demo import PASSWORD
from tests.browser.test_ladder import WIDTHS

MOST_BYTES = 200_000
SHIFTS = """
    window.shifts = [];
    new PerformanceObserver(list => list.getEntries().forEach(one => window.shifts.push(
        `${one.value.toFixed(4)} ${one.sources.map(at => at.node?.id || at.node?.className)}`
    ))).observe({type: "layout-shift", buffered: true});
"""
WEIGHTS = """
    () => Object.fromEntries(
        [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
            .map(one => [one.name, one.decodedBodySize])
    )
"""
HOMES = {"manager": "/manage/", "investigator-ar1": "/site/", "committee": "/committee/"}


def log_in(page: Page, url: str, username: str) -> None:
    page.goto(url + "/")
    page.fill("input[name=login]", username)
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(lambda address: "/accounts/" not in address)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("username", HOMES)
def test_home_is_light_and_stands_still(
    chromium: Browser, demo_url: str, username: str, width: int
) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800})
    context.add_init_script(SHIFTS)
    page = context.new_page()
    log_in(page, demo_url, username)

    page.goto(demo_url + HOMES[username])
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done, 500)))")

    weights = page.evaluate(WEIGHTS)
    assert page.url.startswith(demo_url + HOMES[username])
    assert sum(weights.values()) < MOST_BYTES, weights
    assert page.evaluate("window.shifts") == []
