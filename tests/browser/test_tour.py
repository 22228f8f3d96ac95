"""The first look at a page: in the training copy only, by keyboard, and once."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect
from pytest_django import Settings

from tests.browser.test_ladder import visiting

LADDER = "/studies/ntrust-1/"


@pytest.fixture
def training(settings: Settings) -> None:
    settings.NTRUST_MODE = "training"


def test_tour_is_walked_by_keyboard_and_seen_once(
    training: None, browser: Browser, trial_url: str
) -> None:
    with visiting(browser, trial_url, width=360) as (page, errors):
        page.goto(trial_url + LADDER)
        tour = page.locator("[data-tour=ladder]")
        expect(tour).to_contain_text("1 of 5")
        expect(page.locator("#advice-title")).to_have_class("tour-at")
        expect(tour.get_by_role("button", name="Back")).to_be_disabled()

        tour.get_by_role("button", name="Next").focus()
        for _ in range(4):
            page.keyboard.press("Enter")
        expect(tour).to_contain_text("5 of 5")
        assert page.locator(".tour-at").count() == 1
        page.keyboard.press("Enter")
        expect(tour).to_be_hidden()
        assert page.locator(".tour-at").count() == 0

        page.reload()
        expect(tour).to_be_hidden()
        page.get_by_role("button", name="Show the tour of this page").click()
        expect(tour).to_be_visible()
        page.keyboard.press("Escape")
        expect(tour).to_be_hidden()
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0
        assert errors == []


def test_trial_has_no_tour_and_another_colour(browser: Browser, trial_url: str) -> None:
    with visiting(browser, trial_url) as (page, _):
        page.goto(trial_url + LADDER)

        assert page.locator("[data-tour]").count() == 0
        assert page.locator("script[src*=tour]").count() == 0
        assert page.locator("body.training-copy").count() == 0
