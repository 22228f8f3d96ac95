"""The API's description in a real browser: wide and narrow, light and dark, folded and unfolded."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser

from tests.browser.test_conduct import look_at
from tests.browser.test_ladder import visiting


@pytest.mark.parametrize(
    "operation",
    [
        "",
        "get_schema/",
        "get_studies_key_participants/",
        "post_studies_key_reports_report_adjudicate/",
        "post_studies_key_new_protocol/",
    ],
)
def test_description_is_readable_everywhere(
    browser: Browser, trial_url: str, operation: str
) -> None:
    with visiting(browser, trial_url, width=360) as (page, errors):
        assert look_at(page, trial_url, f"/api/v1/docs/{operation}") == []

        assert errors == []
