"""A change of a field in the field's own words."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import models

from cohorts.queries.viewers import Mask


@dataclass(frozen=True)
class FieldChange:
    """A field, and what it said before and after; empty for nothing."""

    field: str
    name: str
    old: str
    new: str


def name_changes(  # noqa: PLR0913 - a version, and who reads it
    live: type[models.Model],
    action: str,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    names: Mapping[tuple[type[models.Model], int], str],
    mask: Mask,
) -> tuple[FieldChange, ...]:
    """What a version changed: all that was entered, all that was removed, or what differs."""
    before, after = _sides(action, old, new)
    changes = []
    for field in live._meta.concrete_fields:
        column = str(field.column)
        if field.primary_key or (column not in before and column not in after):
            continue
        was, now = before.get(column), after.get(column)
        if was != now:
            said = [mask.cover(name_value(field, value, names)) for value in (was, now)]
            if said[0] or said[1]:
                changes.append(FieldChange(field.name, str(field.verbose_name), *said))
    return tuple(changes)


def _sides(
    action: str, old: Mapping[str, Any], new: Mapping[str, Any]
) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    if action == "insert":
        return {}, new
    if action == "delete":
        return new, {}
    return old, new


def name_value(
    field: models.Field,  # type: ignore[type-arg]
    value: Any,
    names: Mapping[tuple[type[models.Model], int], str],
) -> str:
    """A value as people read it: labels, numbers of participants, times with their offset."""
    target = field.related_model
    if value is None or value == "":
        return ""
    if isinstance(target, type):
        return names.get((target, value), f"{target._meta.verbose_name} {value}")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if field.choices:
        return str(dict(field.flatchoices).get(value, value))
    if isinstance(field, models.DateTimeField):
        return name_time(datetime.fromisoformat(value))
    if isinstance(value, dict | list):
        return json.dumps(value, sort_keys=True, ensure_ascii=False)
    return str(value)


def name_time(moment: datetime) -> str:
    """A moment in UTC, with its offset."""
    return f"{moment.astimezone(UTC):%d-%b-%Y %H:%M:%S} UTC (+00:00)"
