"""From cells to values: every cell that is not what its column says is a fault of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from safety.takeover.columns import SHEETS, Column, Kind


@dataclass(frozen=True)
class Line:
    """A row of a sheet: its number as the spreadsheet shows it, and its cells as text."""

    row: int
    cells: Mapping[str, str]


Book = Mapping[str, Sequence[Line]]
_NUMBER_OF_SOMEBODY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def book_as_dict(book: Book) -> dict[str, Any]:
    """The book as plain data that can be kept."""
    return {
        name: [{"row": line.row, "cells": dict(line.cells)} for line in lines]
        for name, lines in book.items()
    }


def book_from_dict(data: Mapping[str, Any]) -> Book:
    """The book that `book_as_dict` made plain."""
    return {
        name: [Line(line["row"], line["cells"]) for line in lines] for name, lines in data.items()
    }


@dataclass(frozen=True)
class Fault:
    """Something that keeps the trial from being taken over. Row 1 is the sheet as a whole."""

    sheet: str
    row: int
    column: str
    sentence: str


@dataclass(frozen=True)
class Row:
    """A row with its values; a cell that is empty, or not what its column says, is None."""

    sheet: str
    row: int
    values: Mapping[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.values[column]

    def fault(self, column: str, sentence: str) -> Fault:
        """A fault in this row."""
        return Fault(self.sheet, self.row, column, sentence)


def read_rows(book: Book) -> tuple[dict[str, list[Row]], list[Fault]]:
    """The rows of every sheet, and what is wrong with single cells."""
    rows: dict[str, list[Row]] = {name: [] for name in SHEETS}
    faults = [Fault(name, 1, "", "There is no such sheet.") for name in book if name not in SHEETS]
    for name, columns in SHEETS.items():
        if name not in book:
            faults.append(Fault(name, 1, "", "This sheet is missing."))
        for line in book.get(name, ()):
            known = {column.name for column in columns}
            faults += [
                Fault(name, line.row, other, "There is no such column.")
                for other in sorted(set(line.cells) - known)
            ]
            values: dict[str, Any] = {}
            for column in columns:
                values[column.name], said = _read(line.cells.get(column.name, "").strip(), column)
                if said:
                    faults.append(Fault(name, line.row, column.name, said))
            rows[name].append(Row(name, line.row, values))
    return rows, faults


def _read(text: str, column: Column) -> tuple[Any, str]:
    """The value, or None and what is wrong with it."""
    if not text:
        return None, "This is needed." if column.is_needed else ""
    if len(text) > column.longest:
        return None, f"This is longer than {column.longest} characters."
    if column.is_number and not _NUMBER_OF_SOMEBODY.fullmatch(text):
        return None, f"{text!r} is no number of a participant: letters, digits, dot and dashes."
    if column.choices and text not in column.choices:
        return None, f"{text!r} is none of {', '.join(column.choices)}."
    try:
        value: Any = _READERS[column.kind](text)
    except (ValueError, OverflowError, InvalidOperation):
        return None, f"{text!r} is no {column.kind}."
    return value, ""


def _whole(text: str) -> int:
    value = Decimal(text)
    if not value.is_finite() or value != int(value) or abs(value) > 10_000:
        raise ValueError(text)
    return int(value)


def _number(text: str) -> Decimal:
    """As the database keeps it: four decimals and no more."""
    value = Decimal(text)
    if not value.is_finite() or abs(value) >= Decimal(10) ** 16:
        raise ValueError(text)
    if value != value.quantize(Decimal("0.0001")):
        raise ValueError(text)
    return value


def _moment(text: str) -> datetime:
    """A moment without a zone: which zone it is, the participant's site says."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is not None or len(text) == len("2026-01-31"):
        raise ValueError(text)
    return value


def _day(text: str) -> date:
    """A day; a spreadsheet gives midnight for one."""
    return date.fromisoformat(text.removesuffix(" 00:00:00").removesuffix("T00:00:00"))


_READERS: Mapping[Kind, Any] = {
    Kind.TEXT: str,
    Kind.DAY: _day,
    Kind.MOMENT: _moment,
    Kind.WHOLE: _whole,
    Kind.NUMBER: _number,
}
