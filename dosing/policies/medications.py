"""Which medicines were taken in the DLT window."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from dosing.models import DltWindow, Medication


def was_in_window(medication: Medication) -> bool:
    """Whether a medicine was given on a day of the participant's DLT window, in site days.

    A window whose close is not known yet has not ended, and the day on which it opened belongs to
    it: when in doubt, it was.
    """
    window: DltWindow | None = getattr(medication.participant, "window", None)
    if window is None or window.opened_at is None:
        return False
    zone = ZoneInfo(medication.participant.site.timezone)
    if medication.ended_on is not None and (
        medication.ended_on < window.opened_at.astimezone(zone).date()
    ):
        return False
    if window.closes_at is None:
        return True
    last_day = (window.closes_at - timedelta(microseconds=1)).astimezone(zone).date()
    return medication.started_on <= last_day
