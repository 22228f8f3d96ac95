"""What somebody typed for a screening: read, or refused field by field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from cohorts.engine.eligibility import (
    EntryError,
    Field,
    FieldKind,
    Value,
    read_upper_limit,
    read_value,
)
from cohorts.models import ScreeningResult
from cohorts.policies.screening import value_as_text
from cohorts.protocol.eligibility import EligibilityData, FieldData


@dataclass(frozen=True)
class Entry:
    """One field as typed; a number names its unit."""

    field: str
    value: str
    unit: str = ""
    measured_on: date | None = None
    upper_limit: str = ""
    comment: str = ""


@dataclass(frozen=True)
class Fault:
    """Why an entry is refused."""

    field: str
    code: str
    sentence: str


@dataclass(frozen=True)
class ReadEntry:
    """An entry that can be written. `is_correction`: it takes the place of another value that was
    not measured earlier."""

    entry: Entry
    value: str
    upper_limit: Decimal | None
    is_correction: bool


def read_entries(
    entries: Iterable[Entry],
    *,
    asked: EligibilityData,
    group: str,
    stored: Mapping[str, ScreeningResult],
    reason: str,
    today: date,
) -> tuple[list[ReadEntry], list[Fault]]:
    """What can be written, and every fault. What is stored like that already is left out."""
    read: list[ReadEntry] = []
    faults: list[Fault] = []
    seen: set[str] = set()
    for entry in entries:
        try:
            if entry.field in seen:
                raise EntryError("entered_twice", f"{entry.field} is entered twice.")
            seen.add(entry.field)
            field = _asked_field(asked, entry, group)
            one = _read(field, entry, stored.get(entry.field), reason=reason, today=today)
        except EntryError as error:
            faults.append(Fault(entry.field, error.code, error.sentence))
            continue
        if one is not None:
            read.append(one)
    return read, faults


def _asked_field(asked: EligibilityData, entry: Entry, group: str) -> FieldData:
    field = asked.field(entry.field)
    if field is None:
        raise EntryError("unknown_field", f"The protocol does not ask for {entry.field!r}.")
    if field.groups and group not in field.groups:
        groups = " or ".join(asked.groups[name] for name in field.groups)
        raise EntryError("other_disease", f"{field.label} is asked for in {groups} only.")
    return field


def _read(
    data: FieldData, entry: Entry, stored: ScreeningResult | None, *, reason: str, today: date
) -> ReadEntry | None:
    """None when the same is stored already."""
    field = data.entry()
    value = read_value(field, entry.value, entry.unit)
    upper_limit = _upper_limit(field, entry)
    _check_days(field, entry, value, today)
    if field.kind is FieldKind.JUDGEMENT and not entry.comment.strip():
        raise EntryError("comment_needed", f"{field.label}: a judgement needs a comment.")
    text = value_as_text(value)
    if stored is None:
        return ReadEntry(entry, text, upper_limit, is_correction=False)
    if _is_stored(stored, entry, text, upper_limit):
        return None
    is_correction = not _is_later(entry.measured_on, stored.measured_on)
    if is_correction and not reason.strip():
        sentence = f"{field.label} was entered before: say why it is corrected."
        raise EntryError("reason_needed", sentence)
    return ReadEntry(entry, text, upper_limit, is_correction)


def _upper_limit(field: Field, entry: Entry) -> Decimal | None:
    if entry.upper_limit.strip():
        return read_upper_limit(field, entry.upper_limit, entry.unit)
    if field.has_upper_limit:
        sentence = f"{field.label}: the laboratory's upper limit is needed."
        raise EntryError("upper_limit_needed", sentence)
    return None


def _check_days(field: Field, entry: Entry, value: Value, today: date) -> None:
    if field.valid_days is not None and entry.measured_on is None:
        raise EntryError("date_needed", f"{field.label}: the day it was measured is needed.")
    for day in (entry.measured_on, value):
        if isinstance(day, date) and day > today:
            raise EntryError("future_date", f"{field.label}: this day lies in the future.")


def _is_stored(
    stored: ScreeningResult, entry: Entry, value: str, upper_limit: Decimal | None
) -> bool:
    return (
        stored.value == value
        and stored.upper_limit == upper_limit
        and stored.measured_on == entry.measured_on
        and stored.comment == entry.comment.strip()
    )


def _is_later(day: date | None, than: date | None) -> bool:
    return day is not None and than is not None and day > than
