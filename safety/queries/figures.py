"""Figures of all studies for an operator: how much waits for somebody, and nothing of whom."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from cohorts.models import Hold
from cohorts.states import HoldState, OutcomeLetter
from dosing.models import DltWindow
from dosing.states import WindowState
from ntrust.models import Notification
from ntrust.notifications.inboxes import AWAITED
from safety.models import DltReport, InboxAlert
from safety.states import DltReportState


def read_figures(*, now: datetime) -> Mapping[str, tuple[str, float]]:
    """By name: what it counts, and how many."""
    waiting = [DltReportState.REPORTED, DltReportState.PROVISIONAL]
    overdue = DltWindow.objects.filter(
        participant__outcome__letter=OutcomeLetter.PENDING,
        state__in=[WindowState.OPEN, WindowState.AWAITING_STATEMENT],
        closes_at__lte=now,
    )
    holds = Hold.objects.filter(state=HoldState.PLACED)
    reports = DltReport.objects.filter(superseded_by__isnull=True, state__in=waiting)
    late = Notification.objects.filter(AWAITED, acknowledge_by__lte=now)
    return {
        "statements_overdue": ("DLT windows that ended without a statement.", overdue.count()),
        "holds_in_force": ("Holds that nobody has lifted.", holds.count()),
        "dlts_to_adjudicate": ("DLT reports that wait for the monitor.", reports.count()),
        "alerts_unacknowledged": ("Alerts nobody answered in time.", late.count()),
        "inbox_alerts": (
            "DLT alerts that came while their study was locked, to be applied.",
            InboxAlert.objects.filter(results__isnull=True).count(),
        ),
    }
