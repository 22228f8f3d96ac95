"""Which studies have a moment to apply."""

from __future__ import annotations

from datetime import datetime

from cohorts.models import ProtocolVersion, Slot
from cohorts.policies import day_of
from cohorts.states import ProtocolState, SlotState
from dosing.models import DltWindow
from dosing.policies import unasked_old_courses
from dosing.states import WindowState
from ntrust.models import Study
from safety.models import DltReport
from safety.states import DltReportState


def studies_with_due_moments(*, now: datetime) -> list[Study]:
    """Studies in which a DLT window has ended, a provisional DLT's clock has run out, a
    reservation has expired, the day of an approved protocol version has come, or lymphodepletion
    is too old and nobody was asked."""
    versions = ProtocolVersion.objects.filter(
        state=ProtocolState.APPROVED, effective_on__lte=day_of(now)
    )
    windows = DltWindow.objects.filter(state=WindowState.OPEN, closes_at__lte=now)
    reports = DltReport.objects.filter(state=DltReportState.PROVISIONAL, counts_at__lte=now)
    seats = Slot.objects.filter(state=SlotState.RESERVED, expires_at__lte=now)
    keys = {*windows.values_list("participant__study_id", flat=True)}
    keys |= {*reports.values_list("event__participant__study_id", flat=True)}
    keys |= {*versions.values_list("study_id", flat=True)}
    keys |= {*seats.values_list("participant__study_id", flat=True)}
    keys |= {*unasked_old_courses(now=now).values_list("participant__study_id", flat=True)}
    return list(Study.objects.filter(pk__in=keys).order_by("pk"))
