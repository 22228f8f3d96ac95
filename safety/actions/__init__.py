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
from safety.actions.take_over import sign_take_over, stage_take_over, withdraw_take_over

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
    "sign_take_over",
    "sign_window_statement",
    "stage_take_over",
    "withdraw_take_over",
]
