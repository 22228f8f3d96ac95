"""Pages about people, and about what is in their way."""

from safety.views.audit import export_audit, show_accounts, show_audit, show_known
from safety.views.bundles import inspection_bundle
from safety.views.data_quality import show_cut, show_data, show_queries, show_query
from safety.views.datasets import export_datasets
from safety.views.decisions import show_decision, show_decisions
from safety.views.events import event_reading, events, one_event
from safety.views.exports import export_list
from safety.views.gates import show_gates
from safety.views.manage import manage, show_ahead, show_calendar, show_design, show_today
from safety.views.participants import PANELS, participant, participants
from safety.views.reports import show_reports
from safety.views.reviews import show_review, show_reviews
from safety.views.site import (
    site_calendar,
    site_gates,
    site_home,
    site_report,
    site_sent,
    site_today,
)
from safety.views.swimmer import show_swimmer
from safety.views.take_overs import take_over, take_over_template

__all__ = [
    "manage",
    "show_ahead",
    "show_calendar",
    "show_design",
    "show_today",
    "event_reading",
    "export_datasets",
    "export_list",
    "events",
    "one_event",
    "show_cut",
    "show_data",
    "show_queries",
    "show_query",
    "PANELS",
    "export_audit",
    "inspection_bundle",
    "participant",
    "participants",
    "show_decision",
    "show_decisions",
    "show_gates",
    "show_reports",
    "show_review",
    "show_reviews",
    "show_swimmer",
    "show_accounts",
    "show_audit",
    "show_known",
    "site_calendar",
    "site_gates",
    "site_home",
    "site_report",
    "site_sent",
    "site_today",
    "take_over",
    "take_over_template",
]
