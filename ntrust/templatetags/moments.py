"""Moments on pages: in the zone of the site they happened at, and in UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from django import template

register = template.Library()


@register.filter
def at_site(moment: datetime | None, zone: str) -> str:
    """09-Sep-2026 09:05 CDT (14:05 UTC); nothing for no moment."""
    if moment is None:
        return ""
    here, there = moment.astimezone(ZoneInfo(zone)), moment.astimezone(UTC)
    if zone == "UTC":
        return f"{there:%d-%b-%Y %H:%M} UTC"
    utc = f"{there:%H:%M}" if here.date() == there.date() else f"{there:%d-%b %H:%M}"
    return f"{here:%d-%b-%Y %H:%M} {here:%Z} ({utc} UTC)"


@register.filter
def day(moment: date | None) -> str:
    """09-Sep-2026; nothing for no day."""
    return f"{moment:%d-%b-%Y}" if moment else ""
