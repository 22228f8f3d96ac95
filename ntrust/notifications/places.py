"""Where an event is looked at, by its kind; for a reader who may open that page."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.urls import reverse
from django.utils.module_loading import import_string

from ntrust.models import Event, Notification
from ntrust.states import Role

_PAGES: Final = (
    ("DLT_CANDIDATE", "safety:events"),
    ("DLT_DISPUTED", "safety:events"),
    ("DLT_", "safety:reports"),
    ("SUPERSEDING_", "safety:reports"),
    ("ALERT_", "safety:reports"),
    ("EVENT_", "safety:events"),
    ("SAE_", "safety:events"),
    ("HOLD_", "cohorts:holds"),
    ("LIFT_", "cohorts:holds"),
    ("IN_FLIGHT_", "dosing:in_flight"),
    ("INFUSION_DUE", "safety:site"),
    ("INFUSION_", "safety:participants"),
    ("MONITOR_CALL", "dosing:calls"),
    ("CALL_", "dosing:calls"),
    ("LOT_", "dosing:lots"),
    ("QUERY_", "safety:queries"),
    ("CUT_", "safety:data"),
    ("DECISION_", "safety:decisions"),
    ("RE_REVIEW_", "safety:decisions"),
    ("RDE_", "safety:decisions"),
    ("BASIS_CHANGED", "safety:decisions"),
    ("BOUNDARY_", "cohorts:part_2"),
    ("PART_", "cohorts:part_2"),
    ("PROTOCOL_", "cohorts:protocols"),
    ("SITE_", "cohorts:sites"),
    ("SLOT_", "cohorts:queue"),
    ("STATEMENT_", "safety:participants"),
    ("WINDOW_", "safety:participants"),
    ("PARTICIPANT_", "safety:participants"),
    ("COHORT_COMPLETE", "safety:reviews"),
    ("COHORT_REOPENED", "cohorts:queue"),
    ("NEXT_IN_QUEUE", "cohorts:queue"),
    ("STAGGER_", "safety:gates"),
    ("DELIVERY_", "safety:undelivered"),
)
"""How a kind begins, and the address of its page; the first that fits."""
_ELSE: Final = "cohorts:ladder"


_MANAGER, _MONITOR = Role.STUDY_MANAGER, Role.MEDICAL_MONITOR
_SITE: Final = (Role.INVESTIGATOR, Role.PHARMACIST)
_SIGNERS: Final = (_MANAGER, _MONITOR)
_STEPS: Final[tuple[tuple[str, tuple[Role, ...], str], ...]] = (
    ("ALERT_NOT_APPLIED", _SIGNERS, "look at the alert and enter it by hand"),
    ("ALERT_UNANSWERED", _SIGNERS, "see whom to call"),
    ("CALL_DUE", (_MONITOR,), "answer the call"),
    ("CALL_OVERDUE", (_MONITOR,), "answer the call"),
    ("COHORT_COMPLETE", (_MANAGER,), "convene the review"),
    ("COHORT_REOPENED", (_MANAGER,), "see who is next for the seat"),
    ("DECISION_PARTLY_SIGNED", _SIGNERS, "read the decision and sign it"),
    ("DECISION_PROPOSED", _SIGNERS, "read the decision and sign it"),
    ("DECISION_SIGNED", tuple(Role), "read the decision and acknowledge it"),
    ("DECISION_UNSIGNED", _SIGNERS, "read the decision and sign it"),
    ("DELIVERY_FAILING", (_MANAGER,), "see what could not be sent"),
    ("DLT_CANDIDATE", (Role.INVESTIGATOR,), "say whether it is dose-limiting"),
    ("DLT_CLOCK_ENDING", (Role.INVESTIGATOR,), "sign the resolution, if there is one"),
    ("DLT_DISPUTED", (_MONITOR,), "rule on the event"),
    ("DLT_REPORTED", (_MONITOR,), "read the report and adjudicate it"),
    ("HOLD_PLACED", tuple(Role), "read why. Until it is lifted nobody is enrolled or dosed there"),
    ("IN_FLIGHT_DUE", _SITE, "answer for each infusion"),
    ("IN_FLIGHT_LISTED", _SITE, "answer for each infusion"),
    ("INFUSION_DUE", _SITE, "see the checklist of the dosing day"),
    ("INFUSION_OVERDUE", (Role.INVESTIGATOR,), "enter what was done"),
    ("LIFT_", _SIGNERS, "read what was looked at, and sign"),
    ("MONITOR_CALL", (_MONITOR,), "answer the call"),
    ("NEXT_IN_QUEUE", (_MANAGER,), "reserve the seat"),
    ("QUERY_ANSWERED", (Role.DATA_MONITOR,), "close the query, or ask again"),
    ("QUERY_ASKED", (Role.INVESTIGATOR,), "answer the query"),
    ("QUERY_REOPENED", (Role.INVESTIGATOR,), "answer the query"),
    ("RDE_PROPOSED", _SIGNERS, "read the decision and sign it"),
    ("RE_REVIEW_PROPOSED", _SIGNERS, "read the re-review and sign it"),
    ("SAE_REPORT_DUE", _SIGNERS, "record when the report was sent"),
    ("SAE_WORD_", (Role.INVESTIGATOR,), "say whether the event is serious"),
    ("SLOT_EXPIRING", (_MANAGER,), "confirm the seat or release it"),
    ("STATEMENT_DUE", (Role.INVESTIGATOR,), "sign the statement"),
    ("STATEMENT_OVERDUE", (Role.INVESTIGATOR,), "sign the statement"),
    ("SUPERSEDING_PROPOSED", (_MONITOR,), "rule on the report"),
)
"""How a kind begins, whose turn it is then, and what they do."""


_ABOUT_SILENCE: Final = ("ALERT_ESCALATED", "ALERT_UNANSWERED")
"""What says that nobody answered leads to what nobody answered."""


def page_of(row: Notification) -> str:
    """The path of the page of an event; the ladder where its reader may not open that."""
    kind = _kind_of_page(row.event)
    wanted = next((page for begin, page in _PAGES if kind.startswith(begin)), _ELSE)
    pages = import_string(settings.NTRUST_PAGES)
    readers = {page: {str(role) for role in roles} for page, _, roles in pages}
    if row.role not in readers.get(wanted, ()):
        wanted = _ELSE
    return reverse(wanted, args=[row.event.study.key])


def next_step(row: Notification) -> str:
    """What its reader does now, after a log-in."""
    for begin, roles, what in _STEPS:
        if row.event.kind.startswith(begin) and row.role in roles:
            return f"Log in to {what}"
    return "Log in to see what it changes"


def _kind_of_page(event: Event) -> str:
    if event.kind not in _ABOUT_SILENCE:
        return event.kind
    about = Event.objects.filter(pk=event.data.get("event"), study=event.study_id)
    return about.values_list("kind", flat=True).first() or event.kind
