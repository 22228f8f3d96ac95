"""Record lists under /manage/records/: to find, filter and take away; never to change a row."""

from __future__ import annotations

from typing import Any

from safety.admin import escalation, harm, people, trail, treatment
from safety.admin.base import RecordAdmin
from safety.admin.site import records


def record_list(name: str) -> RecordAdmin | None:
    """The record list of that name."""
    lists: Any = records._registry.values()
    return next((one for one in lists if one.name == name), None)


__all__ = [
    "RecordAdmin",
    "escalation",
    "harm",
    "people",
    "record_list",
    "records",
    "trail",
    "treatment",
]
