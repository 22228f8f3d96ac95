"""What is typed into a report is kept until that report is sent, whatever else succeeds before."""

from __future__ import annotations

from playwright.sync_api import Browser, Page

from tests.browser.test_site import DRAFTS, FORM, at_the_site, log_in, phone, site_url, tap

__all__ = ["phone", "site_url"]


def fill_in(page: Page, url: str) -> None:
    page.goto(url + FORM)
    page.fill("input[name=term]", "Colitis")
    tap(page, "Just now")
    tap(page, "Grade 3")


def test_report_sent_while_logged_out_is_still_there_after_the_log_in(
    phone: Browser, site_url: str
) -> None:
    with at_the_site(phone, site_url) as (page, _):
        fill_in(page, site_url)
        page.context.clear_cookies()
        tap(page, "Report at once")

        log_in(page, site_url)
        assert page.locator(".message.success").count() == 1
        page.goto(site_url + FORM)

        assert "Restored what you had typed at " in page.inner_text(".draft-note")
        assert page.input_value("input[name=term]") == "Colitis"
        assert page.is_checked("input[name=grade][value='3']")
        tap(page, "Report at once")
        page.wait_for_url("**/sent/*/")
        assert page.evaluate(DRAFTS) == []


def test_report_that_met_a_dead_network_outlives_another_success(
    phone: Browser, site_url: str
) -> None:
    with at_the_site(phone, site_url) as (page, _):
        fill_in(page, site_url)
        page.route(f"**{FORM}", lambda route: route.abort())
        tap(page, "Report at once")
        page.wait_for_url("chrome-error://**")
        page.unroute(f"**{FORM}")

        page.context.clear_cookies()
        log_in(page, site_url)
        assert page.locator(".message.success").count() == 1

        assert len(page.evaluate(DRAFTS)) == 1
