"""A dataset: named variables and records of them, as SDTM has it. Nothing is read here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, Literal

Kind = Literal["string", "integer", "decimal", "date", "datetime"]
Value = str | int | Decimal | None
Record = Mapping[str, Value]
TEXT: Final[Kind] = "string"


@dataclass(frozen=True)
class Variable:
    """A column: its name (at most 8 characters), its label (at most 40), and its kind."""

    name: str
    label: str
    kind: Kind = TEXT


@dataclass(frozen=True)
class Dataset:
    """A domain: `records` have every variable; what is not known is None, or "" for a text."""

    name: str
    label: str
    variables: tuple[Variable, ...]
    records: tuple[Record, ...]
    is_reference: bool = False


def make_dataset(
    name: str,
    label: str,
    variables: Iterable[Variable],
    records: Iterable[Record],
    *,
    is_reference: bool = False,
) -> Dataset:
    """A dataset whose records have exactly its variables. Refuses (`ValueError`) an unknown one."""
    variables = tuple(variables)
    known = [one.name for one in variables]
    made = []
    for record in records:
        unknown = set(record) - set(known)
        if unknown:
            raise ValueError(f"{name} has no variable {', '.join(sorted(unknown))}")
        made.append({one.name: _value(record.get(one.name), one) for one in variables})
    return Dataset(name, label, variables, tuple(made), is_reference)


def _value(value: Any, variable: Variable) -> Value:
    if value is None:
        return "" if variable.kind == TEXT else None
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if variable.kind == TEXT else value


def yes_no(value: bool | None) -> str:
    """Y, N, or nothing where it is not known."""
    return "" if value is None else "Y" if value else "N"
