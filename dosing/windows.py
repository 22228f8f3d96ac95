"""When a DLT window closes: from the actual infusion times, never from the plan."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cohorts.protocol import WindowData
from dosing.models import Infusion
from dosing.states import InfusionState

_UNDECIDED = (InfusionState.PLANNED, InfusionState.HELD)


def window_close(infusions: Sequence[Infusion], rules: WindowData, *, zone: str) -> datetime | None:
    """24:00 site time on the anchor's day + `days`, in UTC; None while it cannot be known.

    With the last infusion as anchor, unknown while one is still planned or held.
    """
    given = sorted(i.given_at for i in infusions if i.given_at is not None)
    if not given:
        return None
    if rules.anchor == "last_infusion" and any(i.state in _UNDECIDED for i in infusions):
        return None
    anchor = given[0] if rules.anchor == "first_infusion" else given[-1]
    site = ZoneInfo(zone)
    last_day = anchor.astimezone(site).date() + timedelta(days=rules.days)
    return datetime.combine(last_day + timedelta(days=1), time(), tzinfo=site).astimezone(UTC)
