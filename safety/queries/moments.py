"""Which studies have a moment to apply."""

from __future__ import annotations

from datetime import datetime

from cohorts.models import ProtocolVersion, Slot
from cohorts.policies import day_of
from cohorts.states import ProtocolState, SlotState
from dosing.models import DltWindow, InFlight
from dosing.policies import unasked_old_courses
from dosing.states import InFlightState, WindowState
from ntrust.models import Study
from ntrust.notifications.chains import due_alerts
from safety.models import DltCandidate, DltReport, InboxAlert
from safety.queries.reminders import due_reminders
from safety.states import DltReportState


def studies_with_due_moments(*, now: datetime) -> list[Study]:
    """Studies in which a DLT window has ended, the clock of a provisional DLT or of an event that
    may be one has run out, a reservation has expired, the day of an approved protocol version has
    come, lymphodepletion is too old and nobody was asked, or a site's answer about an infusion in
    flight is overdue; those with an alert in the inbox, those with a reminder to send, and those in
    which an alert that nobody answered, or that reached nobody, is to be passed on."""
    versions = ProtocolVersion.objects.filter(
        state=ProtocolState.APPROVED, effective_on__lte=day_of(now)
    )
    windows = DltWindow.objects.filter(state=WindowState.OPEN, closes_at__lte=now)
    unanswered = InFlight.objects.filter(
        state=InFlightState.OPEN, due_at__lte=now, overdue_at__isnull=True
    )
    reports = DltReport.objects.filter(
        state=DltReportState.PROVISIONAL, counts_at__lte=now, superseded_by__isnull=True
    )
    seats = Slot.objects.filter(state=SlotState.RESERVED, expires_at__lte=now)
    keys = {*windows.values_list("participant__study_id", flat=True)}
    keys |= {*InboxAlert.objects.filter(results__isnull=True).values_list("study_id", flat=True)}
    keys |= {*reports.values_list("event__participant__study_id", flat=True)}
    candidates = DltCandidate.objects.filter(rereads_at__lte=now)
    keys |= {*candidates.values_list("event__participant__study_id", flat=True)}
    keys |= {*versions.values_list("study_id", flat=True)}
    keys |= {*seats.values_list("participant__study_id", flat=True)}
    keys |= {*unasked_old_courses(now=now).values_list("participant__study_id", flat=True)}
    keys |= {*unanswered.values_list("infusion__course__participant__study_id", flat=True)}
    keys |= {moment.study for moment in due_reminders(now=now)}
    keys |= {*due_alerts(now=now).values_list("event__study_id", flat=True)}
    return list(Study.objects.filter(pk__in=keys).order_by("pk"))
