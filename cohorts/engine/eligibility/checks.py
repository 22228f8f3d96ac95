"""Checks of a criterion: comparisons of one field, and how they are put together.

Three-valued: True, False, or None when what was entered does not decide it. An `any` is True as
soon as one part is, an `all` is False as soon as one part is, whatever else is missing.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from math import ceil

from cohorts.engine.eligibility.fields import (
    NEVER,
    NOT_APPLICABLE,
    Field,
    FieldKind,
    Result,
    show_date,
    show_number,
)


class Kind(StrEnum):
    """What it means that a criterion is met."""

    INCLUSION = "inclusion"
    EXCLUSION = "exclusion"


class Bound(StrEnum):
    """How a number is compared; the words are those of the sentence."""

    AT_LEAST = "at least"
    ABOVE = "above"
    AT_MOST = "at most"
    BELOW = "below"

    def holds(self, value: Decimal, limit: Decimal) -> bool:
        """Whether the value keeps to the bound."""
        if self is Bound.AT_LEAST:
            return value >= limit
        if self is Bound.ABOVE:
            return value > limit
        return value <= limit if self is Bound.AT_MOST else value < limit


@dataclass(frozen=True, slots=True)
class Anchor:
    """A reference date: its key and how a sentence speaks of it."""

    key: str
    words: str


@dataclass(frozen=True, slots=True)
class Duration:
    """So many days, weeks, calendar months or years."""

    count: int
    unit: str

    def before(self, day: date) -> date:
        """The day this long before; the last of the month where the day does not exist."""
        if self.unit in ("days", "weeks"):
            return day - timedelta(days=self.count * (7 if self.unit == "weeks" else 1))
        months = day.year * 12 + day.month - 1 - self.count * (12 if self.unit == "years" else 1)
        year, month = divmod(months, 12)
        last = calendar.monthrange(year, month + 1)[1]
        return date(year, month + 1, min(day.day, last))

    @property
    def words(self) -> str:
        return f"{self.count} {self.unit[:-1] if self.count == 1 else self.unit}"


@dataclass(frozen=True, slots=True)
class HalfLives:
    """So many half-lives; `field` holds one, `per_day` of its unit make a day."""

    count: int
    field: Field
    per_day: int

    def days(self, half_life: Decimal) -> int:
        """Whole days, rounded up: dates carry no hour, so a part of a day counts as one."""
        return ceil(Fraction(half_life) * self.count / self.per_day)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A number against a bound, or against so many times the laboratory's upper limit.

    `if_missing`: what a field in which nothing was ever entered counts as; None: missing.
    """

    field: Field
    bound: Bound
    limit: Decimal
    times_upper_limit: bool = False
    if_missing: bool | None = None


@dataclass(frozen=True, slots=True)
class IsOneOf:
    """The answer is one of these."""

    field: Field
    answers: tuple[str, ...]
    if_missing: bool | None = None


@dataclass(frozen=True, slots=True)
class Within:
    """Not longer ago than the duration before the anchor; that day and any later one count.

    With `half_lives` the shorter of the two. What never happened is not within.
    """

    field: Field
    duration: Duration
    anchor: Anchor
    half_lives: HalfLives | None = None
    if_missing: bool | None = None


@dataclass(frozen=True, slots=True)
class AtLeastBefore:
    """At least the duration before the anchor; that day counts. Never is not."""

    field: Field
    duration: Duration
    anchor: Anchor
    if_missing: bool | None = None


@dataclass(frozen=True, slots=True)
class AllOf:
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class CriterionMet:
    """Another criterion is met."""

    criterion: Criterion


Leaf = Comparison | IsOneOf | Within | AtLeastBefore
Check = Leaf | AllOf | AnyOf | CriterionMet


@dataclass(frozen=True, slots=True)
class Criterion:
    """An eligibility criterion. `allows_not_applicable`: a judgement may be not applicable; the
    criterion then does not stand in the way."""

    id: str
    group: str
    kind: Kind
    text: str
    check: Check
    allows_not_applicable: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What was entered, the reference dates known, and today."""

    results: Mapping[str, Result]
    anchors: Mapping[str, date]
    today: date


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check came to. Unknown: `missing`, `expired` (among the missing) and
    `missing_anchors` say why. Known: `expires_on` is the first day it may no longer hold."""

    truth: bool | None
    sentences: tuple[str, ...]
    missing: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    missing_anchors: tuple[str, ...] = ()
    expires_on: date | None = None


def evaluate(criterion: Criterion, facts: Facts) -> Finding:
    """Whether the criterion's text is true of somebody."""
    return _evaluate(criterion.check, criterion, facts)


def _evaluate(check: Check, criterion: Criterion, facts: Facts) -> Finding:
    if isinstance(check, AllOf | AnyOf):
        parts = [_evaluate(each, criterion, facts) for each in check.checks]
        return _combine(parts, decisive=isinstance(check, AnyOf))
    if isinstance(check, CriterionMet):
        return _refer(check.criterion, facts)
    if check.if_missing is not None and check.field.key not in facts.results:
        return Finding(check.if_missing, (f"{check.field.label} was not measured",))
    found = _result(check.field, facts)
    if isinstance(found, Finding):
        return found
    if isinstance(check, Comparison):
        return _compare(check, found, criterion.kind)
    if isinstance(check, IsOneOf):
        return _answer(check, found, criterion)
    return _place_in_time(check, found, facts)


def _combine(parts: list[Finding], *, decisive: bool) -> Finding:
    """Kleene's any (decisive True) or all (decisive False)."""
    deciding = [part for part in parts if part.truth is decisive]
    if deciding:
        ends = [part.expires_on for part in deciding]
        last = None if None in ends else max(end for end in ends if end)
        return Finding(decisive, _sentences(deciding), expires_on=last)
    unknown = [part for part in parts if part.truth is None]
    if unknown:
        return Finding(
            None,
            _sentences(unknown),
            missing=_once(key for part in unknown for key in part.missing),
            expired=_once(key for part in unknown for key in part.expired),
            missing_anchors=_once(key for part in unknown for key in part.missing_anchors),
        )
    return Finding(not decisive, _sentences(parts), expires_on=_first(*parts))


def _refer(criterion: Criterion, facts: Facts) -> Finding:
    found = evaluate(criterion, facts)
    state = {True: "is met", False: "is not met", None: "is missing"}[found.truth]
    return Finding(
        found.truth,
        (f"{criterion.id} {state}",),
        found.missing,
        found.expired,
        found.missing_anchors,
        found.expires_on,
    )


def _result(field: Field, facts: Facts) -> Result | Finding:
    """The result of a field, or why it cannot be read today."""
    result = facts.results.get(field.key)
    if result is None:
        return _missing(field, f"{field.label} is missing")
    if not field.takes(result.value):
        return _missing(field, f"{field.label}: what was entered cannot be read")
    if field.kind is FieldKind.JUDGEMENT and not result.comment.strip():
        return _missing(field, f"{field.label} has no comment")
    dates = [result.measured_on, result.value]
    if any(isinstance(day, date) and day > facts.today for day in dates):
        return _missing(field, f"{field.label} is dated after today")
    if field.valid_days is not None and result.measured_on is None:
        return _missing(field, f"{field.label} has no date")
    end = _expires_on(field, result)
    if end is not None and end <= facts.today:
        return _missing(field, f"{field.label} is out of date since {show_date(end)}", expired=True)
    return result


def _compare(check: Comparison, result: Result, kind: Kind) -> Finding:
    field, value = check.field, result.value
    assert isinstance(value, Decimal)
    limit, bound = check.limit, show_number(check.limit, field.unit)
    if check.times_upper_limit:
        upper = result.upper_limit
        if upper is None or not field.takes_upper_limit(upper):
            return _missing(field, f"The upper limit of {field.label} is missing")
        limit = check.limit * upper
        times = f"{show_number(check.limit)} times the upper limit of"
        bound = f"{times} {show_number(upper, field.unit)}"
    verb = "needs" if kind is Kind.INCLUSION else "excludes"
    sentence = f"{field.label} {show_number(value, field.unit)}; {verb} {check.bound} {bound}"
    return Finding(
        check.bound.holds(value, limit), (sentence,), expires_on=_expires_on(field, result)
    )


def _answer(check: IsOneOf, result: Result, criterion: Criterion) -> Finding:
    field = check.field
    end = _expires_on(field, result)
    is_inclusion = criterion.kind is Kind.INCLUSION
    if field.kind is FieldKind.JUDGEMENT and result.value == NOT_APPLICABLE:
        if not criterion.allows_not_applicable:
            return _missing(field, f"{field.label}: not applicable is no answer to it")
        return Finding(is_inclusion, (f"{field.label}: not applicable",), expires_on=end)
    verb = "needs" if is_inclusion else "excludes"
    sentence = f"{field.label}: {result.value}; {verb} {' or '.join(check.answers)}"
    return Finding(result.value in check.answers, (sentence,), expires_on=end)


def _place_in_time(check: Within | AtLeastBefore, result: Result, facts: Facts) -> Finding:
    field, end = check.field, _expires_on(check.field, result)
    if result.value == NEVER:
        return Finding(False, (f"{field.label}: never",), expires_on=end)
    anchor = facts.anchors.get(check.anchor.key)
    if anchor is None:
        sentence = f"The date of {check.anchor.words} is not known"
        return Finding(None, (sentence,), missing_anchors=(check.anchor.key,))
    day = result.value
    assert isinstance(day, date)
    where = f"before {check.anchor.words} on {show_date(anchor)}"
    shown = f"{field.label} {show_date(day)}"
    if isinstance(check, AtLeastBefore):
        truth = day <= check.duration.before(anchor)
        words = "at least" if truth else "not at least"
        return Finding(truth, (f"{shown}, {words} {check.duration.words} {where}",), expires_on=end)
    truth = day >= check.duration.before(anchor)
    length = check.duration.words
    if check.half_lives and truth and day < anchor:
        return _within_half_lives(check, check.half_lives, result, facts)
    words = "within" if truth else "not within"
    return Finding(truth, (f"{shown}, {words} {length} {where}",), expires_on=end)


def _within_half_lives(check: Within, rule: HalfLives, result: Result, facts: Facts) -> Finding:
    """Inside the duration, so the half-lives decide: only the shorter of the two excludes."""
    found = _result(rule.field, facts)
    if isinstance(found, Finding):
        return found
    assert isinstance(found.value, Decimal)
    assert isinstance(result.value, date)
    anchor = facts.anchors[check.anchor.key]
    truth = result.value >= anchor - timedelta(days=rule.days(found.value))
    sentence = (
        f"{check.field.label} {show_date(result.value)}, {'within' if truth else 'not within'} "
        f"{check.duration.words} or {rule.count} half-lives of "
        f"{show_number(found.value, rule.field.unit)}, whichever is shorter, before "
        f"{check.anchor.words} on {show_date(anchor)}"
    )
    ends = [_expires_on(check.field, result), _expires_on(rule.field, found)]
    return Finding(truth, (sentence,), expires_on=min((e for e in ends if e), default=None))


def _expires_on(field: Field, result: Result) -> date | None:
    """The first day on which the result is out of date; None: never, or it has no date."""
    if field.valid_days is None or result.measured_on is None:
        return None
    return result.measured_on + timedelta(days=field.valid_days + 1)


def _missing(field: Field, sentence: str, *, expired: bool = False) -> Finding:
    keys = (field.key,)
    return Finding(None, (sentence,), missing=keys, expired=keys if expired else ())


def _sentences(parts: Iterable[Finding]) -> tuple[str, ...]:
    return _once(sentence for part in parts for sentence in part.sentences)


def _first(*parts: Finding) -> date | None:
    return min((part.expires_on for part in parts if part.expires_on), default=None)


def _once(items: Iterable[str]) -> tuple[str, ...]:
    """In order, each once."""
    return tuple(dict.fromkeys(items))
