"""The ladder and the path in a real browser: phone and desktop, light and dark, by keyboard."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Browser, Page

from tests.cohorts.rows import PASSWORD

AXE = Path(__file__).parent / "vendor" / "axe.min.js"
WIDTHS = [360, 768, 1440] if os.environ.get("NTRUST_FULL") else [360, 1440]
ADDRESSES = [
    "/",
    "/studies/ntrust-1/",
    "/studies/ntrust-1/path/",
    "/manage/ntrust-1/",
    "/manage/ntrust-1/calendar/",
    "/manage/ntrust-1/look-ahead/",
    "/manage/ntrust-1/design/",
]
Scheme = Literal["light", "dark"]
# Without this a violation could pass in silence: the browser reports it as an event, too.
REPORT_VIOLATIONS = """
    document.addEventListener("securitypolicyviolation", event =>
        console.error("CSP " + event.violatedDirective + " " + event.blockedURI));
"""


@contextmanager
def visiting(
    browser: Browser, url: str, *, width: int = 1440, scheme: Scheme = "light"
) -> Iterator[tuple[Page, list[str]]]:
    """A page after the real log-in, and the errors its console will collect."""
    context = browser.new_context(
        viewport={"width": width, "height": 800}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.add_init_script(REPORT_VIOLATIONS)
    page = context.new_page()
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url + "/")
    page.fill("input[name=login]", "manager-ntrust-1")
    page.fill("input[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url(url + "/")
    yield page, errors
    context.close()


def overflow(page: Page) -> int:
    """Pixels by which the page is wider than its window."""
    return int(page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


def go(page: Page, label: str) -> None:
    """Follow a link of the main navigation; on the phone it is folded."""
    fold = page.locator(".nav-fold > summary")
    if fold.is_visible():
        fold.click()
        page.click(f".nav-fold a:text-is('{label}')")
    else:
        page.click(f".nav-pages a:text-is('{label}')")


def open_details(page: Page) -> None:
    page.evaluate("document.querySelectorAll('main details').forEach(one => { one.open = true })")


@pytest.mark.parametrize("width", WIDTHS)
def test_manager_goes_from_log_in_to_ladder_to_path(
    browser: Browser, trial_url: str, width: int
) -> None:
    with visiting(browser, trial_url, width=width) as (page, errors):
        page.click("main h2 a")
        page.wait_for_url("**/manage/ntrust-1/")
        assert page.inner_text("#needs-title") == "What needs you today"
        assert overflow(page) <= 0
        page.click("#ladder-title a")
        page.wait_for_url("**/studies/ntrust-1/")
        assert page.inner_text(".answer").split() == ["◔", "WAIT", "at", "DL2"]
        assert page.locator(".rung").count() == 4
        assert page.locator(".seat:not(.small)").count() == 10
        open_details(page)
        assert overflow(page) <= 0

        go(page, "Path")
        page.wait_for_url("**/studies/ntrust-1/path/")
        assert page.locator("#chart-path svg[role=img]").is_visible()
        assert page.locator(".path-people tbody tr").count() == 10
        assert overflow(page) <= 0

        page.click(".brand")
        page.wait_for_url(trial_url + "/")
        assert overflow(page) <= 0
        assert errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_axe_finds_nothing_serious(
    browser: Browser, trial_url: str, width: int, scheme: Scheme
) -> None:
    with visiting(browser, trial_url, width=width, scheme=scheme) as (page, _):
        found = {address: faults(page, trial_url + address) for address in ADDRESSES}

    assert found == {address: [] for address in ADDRESSES}


def faults(page: Page, url: str) -> list[str]:
    """Serious and critical faults of a page with everything unfolded, as axe names them."""
    page.goto(url)
    open_details(page)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    report: dict[str, Any] = page.evaluate("axe.run()")
    assert len(report["passes"]) > 10
    return serious(report)


def serious(report: dict[str, Any]) -> list[str]:
    """The serious and critical faults of a report of axe."""
    return [
        f"{fault['id']}: {node['target']}: {node['failureSummary']}"
        for fault in report["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def test_axe_can_find_a_fault(browser: Browser, trial_url: str) -> None:
    with visiting(browser, trial_url) as (page, _):
        page.evaluate(AXE.read_text(encoding="utf-8"))
        page.evaluate("document.querySelector('main').append(document.createElement('img'))")
        report = page.evaluate("axe.run()")

    assert "image-alt" in [fault["id"] for fault in report["violations"]]


def test_violation_of_the_policy_would_be_noticed(browser: Browser, trial_url: str) -> None:
    with visiting(browser, trial_url) as (page, errors):
        page.evaluate("document.body.innerHTML = '<p style=\"color: red\">x</p>'")
        page.wait_for_timeout(200)

    assert any("CSP style-src" in error for error in errors)


def test_ladder_is_walked_by_keyboard(browser: Browser, trial_url: str) -> None:
    with visiting(browser, trial_url) as (page, _):
        page.goto(trial_url + "/studies/ntrust-1/")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        page.keyboard.press("Enter")
        met = []
        for _ in range(4):  # the hold's banner comes before
            page.keyboard.press("Tab")
            met.append(page.evaluate("document.activeElement.innerText.trim()"))
            if met[-1].endswith("Design options and versions behind this"):
                break
        assert met[-1].endswith("Design options and versions behind this"), met
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        page.keyboard.press("Enter")
        assert page.get_by_text("a declared MTD has six evaluable participants").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_chart_takes_the_colours_of_the_screen(
    browser: Browser, trial_url: str, scheme: Scheme
) -> None:
    with visiting(browser, trial_url, scheme=scheme) as (page, _):
        page.goto(trial_url + "/studies/ntrust-1/path/")
        same = page.evaluate(
            """() => [...document.querySelectorAll("#chart-path [role=img] [stroke='#b3261e']")]
                .map(mark => getComputedStyle(mark).stroke ===
                getComputedStyle(document.querySelector(".path-people .harm")).color)"""
        )

    assert same == [True]
