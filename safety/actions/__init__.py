"""The only writers of safety's tables."""

from safety.actions.clocks import pass_time_everywhere
from safety.actions.events import (
    adjudicate_dlt,
    clear_dlt,
    count_reports,
    pass_time,
    report_dlt,
    report_event,
    sign_window_statement,
)
from safety.actions.reviews import Minutes, conclude_review, convene_review

__all__ = [
    "Minutes",
    "adjudicate_dlt",
    "clear_dlt",
    "conclude_review",
    "convene_review",
    "count_reports",
    "pass_time",
    "pass_time_everywhere",
    "report_dlt",
    "report_event",
    "sign_window_statement",
]
