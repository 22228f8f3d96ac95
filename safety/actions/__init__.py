"""The only writers of safety's tables."""

from safety.actions.audit_exports import record_audit_export
from safety.actions.candidates import (
    reread_candidates,
    rule_on_event,
    state_not_dlt,
    weigh_events,
)
from safety.actions.clocks import pass_time_everywhere
from safety.actions.course import add_grade, complete_event, end_event
from safety.actions.data_cuts import lock_cut
from safety.actions.data_queries import answer_query, close_query, raise_query, reopen_query
from safety.actions.dataset_exports import TAKERS, DatasetFile, record_dataset_export
from safety.actions.doubts import question_reports
from safety.actions.events import AlreadyEntered, report_event
from safety.actions.inbox import apply_inbox, raise_alert, settle_alert
from safety.actions.list_exports import ListFile, record_list_export
from safety.actions.pauses import follow_pause_rules
from safety.actions.rde import select_rde
from safety.actions.reminders import remind
from safety.actions.reports import (
    adjudicate_dlt,
    clear_dlt,
    count_reports,
    pass_time,
    report_dlt,
)
from safety.actions.reports_sent import record_report_sent, withdraw_report_sent
from safety.actions.reviews import (
    conclude_re_review,
    conclude_review,
    convene_review,
    withdraw_on_news,
)
from safety.actions.saved_views import delete_view, save_view
from safety.actions.serious import follow_serious_events
from safety.actions.statements import sign_window_statement
from safety.actions.superseding import (
    readjudicate_dlt,
    rule_superseding,
    supersede_dlt,
)
from safety.actions.take_over import sign_take_over, stage_take_over, withdraw_take_over
from safety.actions.verifying import verify_rows, withdraw_verification
from safety.policies import EventDetails, Member, Minutes, Votes

__all__ = [
    "AlreadyEntered",
    "DatasetFile",
    "EventDetails",
    "ListFile",
    "Member",
    "answer_query",
    "close_query",
    "lock_cut",
    "raise_query",
    "reopen_query",
    "verify_rows",
    "withdraw_verification",
    "Minutes",
    "Votes",
    "adjudicate_dlt",
    "apply_inbox",
    "clear_dlt",
    "conclude_re_review",
    "conclude_review",
    "convene_review",
    "count_reports",
    "pass_time",
    "follow_serious_events",
    "remind",
    "pass_time_everywhere",
    "question_reports",
    "raise_alert",
    "readjudicate_dlt",
    "record_audit_export",
    "TAKERS",
    "record_dataset_export",
    "record_list_export",
    "record_report_sent",
    "withdraw_report_sent",
    "add_grade",
    "complete_event",
    "end_event",
    "reread_candidates",
    "rule_on_event",
    "state_not_dlt",
    "weigh_events",
    "report_dlt",
    "report_event",
    "select_rde",
    "rule_superseding",
    "settle_alert",
    "sign_take_over",
    "sign_window_statement",
    "stage_take_over",
    "supersede_dlt",
    "withdraw_on_news",
    "withdraw_take_over",
    "follow_pause_rules",
    "delete_view",
    "save_view",
]
