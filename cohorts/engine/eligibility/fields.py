"""What is entered for eligibility: fields, results, and reading what somebody typed.

A value is a Decimal in the field's own unit, a date (or NEVER), or one of the field's answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

YES = "yes"
NO = "no"
NOT_APPLICABLE = "not applicable"
NEVER = "never"

Value = Decimal | date | str

EARLIEST_YEAR = 1900
"""No participant remembers an earlier one: 0206-01-06 is a slip for 2026."""

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_NUMBER = re.compile(r"[+-]?[0-9]{1,12}(\.[0-9]{1,12})?")
_ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_WORD_DATE = re.compile(r"([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})")


class FieldKind(StrEnum):
    """What a field holds."""

    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"
    YES_NO = "yes_no"
    """A fact."""
    JUDGEMENT = "judgement"
    """A person's yes, no or not applicable, with a comment."""


class EntryError(ValueError):
    """What was typed is not a value of its field: a code and a sentence."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence


@dataclass(frozen=True, slots=True)
class Field:
    """One thing asked for. `accepts`: other units, each with the factor to `unit`.

    Numbers have `decimals` after conversion and lie in `lowest` … `highest`. With
    `has_upper_limit` the laboratory's own upper limit of normal is entered beside the value and
    lies in `upper_limit_lowest` … `upper_limit_highest`. `valid_days`: a result may be read up to
    so many days after it was measured; None: always.
    """

    key: str
    label: str
    kind: FieldKind
    unit: str = ""
    decimals: int = 0
    lowest: Decimal | None = None
    highest: Decimal | None = None
    choices: tuple[str, ...] = ()
    accepts: Mapping[str, Decimal] = field(default_factory=dict)
    has_upper_limit: bool = False
    upper_limit_lowest: Decimal | None = None
    upper_limit_highest: Decimal | None = None
    may_be_never: bool = False
    valid_days: int | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        """The answers of a field that holds neither a number nor a date."""
        if self.kind is FieldKind.CHOICE:
            return self.choices
        if self.kind is FieldKind.YES_NO:
            return (YES, NO)
        return (YES, NO, NOT_APPLICABLE) if self.kind is FieldKind.JUDGEMENT else ()

    def takes(self, value: Value) -> bool:
        """Whether this is a value of the field: its kind, and in the plausible range."""
        if self.kind is FieldKind.NUMBER:
            return isinstance(value, Decimal) and _lies_in(value, self.lowest, self.highest)
        if self.kind is FieldKind.DATE:
            if isinstance(value, date) and not isinstance(value, datetime):
                return value.year >= EARLIEST_YEAR
            return self.may_be_never and value == NEVER
        return value in self.answers

    def takes_upper_limit(self, value: object) -> bool:
        """Whether this can be an upper limit of normal of the field."""
        if not isinstance(value, Decimal):
            return False
        return _lies_in(value, self.upper_limit_lowest, self.upper_limit_highest) and value > 0


@dataclass(frozen=True, slots=True)
class Result:
    """What was entered for a field, in the field's own unit.

    `measured_on`: the day it was measured or asked. `comment` belongs to every judgement.
    """

    value: Value
    measured_on: date | None = None
    upper_limit: Decimal | None = None
    comment: str = ""


def read_value(entry: Field, text: str, unit: str = "") -> Value:
    """The value somebody typed, in the field's own unit.

    A number names its unit. Raises EntryError: wrong_unit, not_a_number, implausible,
    too_many_decimals, unknown_choice, bad_date, empty. Whether a date lies in the future is for
    the caller, who has the clock.
    """
    typed = text.strip()
    if not typed:
        raise EntryError("empty", f"{entry.label} is empty.")
    if entry.kind is FieldKind.NUMBER:
        return _read_number(entry, typed, unit, what=entry.label)
    if unit.strip():
        raise EntryError("wrong_unit", f"{entry.label} has no unit.")
    if entry.kind is FieldKind.DATE:
        day = _read_date(entry, typed)
        if not entry.takes(day):
            raise EntryError("implausible", f"{entry.label}: {typed} is too long ago.")
        return day
    for answer in entry.answers:
        if answer.casefold() == typed.casefold():
            return answer
    known = ", ".join(entry.answers)
    raise EntryError("unknown_choice", f"{entry.label} is one of: {known}; not {typed!r}.")


def read_upper_limit(entry: Field, text: str, unit: str = "") -> Decimal:
    """The laboratory's upper limit of normal, in the field's own unit; refuses like read_value."""
    what = f"The upper limit of {entry.label}"
    if not entry.has_upper_limit:
        raise EntryError("no_upper_limit", f"{entry.label} is not read against an upper limit.")
    value = _convert(entry, text.strip(), unit, what=what)
    if not entry.takes_upper_limit(value):
        ends = _range(entry.upper_limit_lowest, entry.upper_limit_highest, entry.unit)
        sentence = f"{what}: {show_number(value, entry.unit)} is not plausible ({ends})."
        raise EntryError("implausible", sentence)
    return value


def show_number(value: Decimal, unit: str = "") -> str:
    """1.50 g/g as 1.5 g/g, 100000 /mm3 as 100,000 /mm3."""
    plain = value.normalize() if value else Decimal(0)
    return f"{plain:,f} {unit}".strip()


def show_date(day: date) -> str:
    """03-Mar-2026, whatever the locale."""
    return f"{day.day:02}-{MONTHS[day.month - 1]}-{day.year}"


def _read_number(entry: Field, typed: str, unit: str, *, what: str) -> Decimal:
    value = _convert(entry, typed, unit, what=what)
    if not entry.takes(value):
        ends = _range(entry.lowest, entry.highest, entry.unit)
        sentence = f"{what}: {show_number(value, entry.unit)} is not plausible ({ends})."
        raise EntryError("implausible", sentence)
    if _decimals(value) > entry.decimals:
        sentence = (
            f"{what} has at most {entry.decimals} decimals in {entry.unit or 'whole numbers'}; "
            f"{show_number(value, entry.unit)} has more."
        )
        raise EntryError("too_many_decimals", sentence)
    return value


def _convert(entry: Field, typed: str, unit: str, *, what: str) -> Decimal:
    """The typed number in the field's own unit. Exact: nothing is rounded over a bound."""
    if not _NUMBER.fullmatch(typed):
        sentence = f"{what} is a number such as 1.5, with a point and no separators; not {typed!r}."
        raise EntryError("not_a_number", sentence)
    named = unit.strip()
    if named == entry.unit:
        return Decimal(typed)
    if named not in entry.accepts:
        converted = ", ".join(entry.accepts)
        sentence = f"{what} is entered in {entry.unit or 'a plain number'}"
        sentence += f"; converted from: {converted}" if converted else ""
        raise EntryError("wrong_unit", f"{sentence}; not in {named or 'a number without unit'}.")
    return Decimal(typed) * entry.accepts[named]


def _read_date(entry: Field, typed: str) -> date | str:
    if typed.casefold() == NEVER:
        if entry.may_be_never:
            return NEVER
        raise EntryError("bad_date", f"{entry.label} is a date; never is no answer to it.")
    iso, word = _ISO_DATE.fullmatch(typed), _WORD_DATE.fullmatch(typed)
    try:
        if iso:
            return date(int(iso[1]), int(iso[2]), int(iso[3]))
        if word:
            return date(int(word[3]), MONTHS.index(word[2].capitalize()) + 1, int(word[1]))
    except ValueError:
        pass
    never = ", or never" if entry.may_be_never else ""
    sentence = f"{entry.label} is a date such as 2026-03-03 or 03-Mar-2026{never}; not {typed!r}."
    raise EntryError("bad_date", sentence)


def _lies_in(value: Decimal, lowest: Decimal | None, highest: Decimal | None) -> bool:
    if not value.is_finite():
        return False
    return (lowest is None or value >= lowest) and (highest is None or value <= highest)


def _range(lowest: Decimal | None, highest: Decimal | None, unit: str) -> str:
    low = "anything" if lowest is None else show_number(lowest)
    high = "anything" if highest is None else show_number(highest)
    return f"{low} to {high} {unit}".strip()


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
