"""Criteria and their checks, written as a clinician reads them: `{field: egfr, below: 45}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from cohorts.engine import eligibility as engine
from cohorts.engine.eligibility.checks import Bound, Leaf
from cohorts.protocol.eligibility.entries import as_word
from cohorts.protocol.rules import Section

Count = Annotated[int, Field(gt=0, le=10_000)]
Place = tuple[str | int, ...]
UNITS = ("days", "weeks", "months", "years")
UNITS_A_DAY = {"hours": 24, "days": 1}


class PeriodData(Section):
    """A duration before a reference date: one of days, weeks, months (calendar) or years.

    `half_lives` of the field `half_life`: the shorter of the two.
    """

    days: Count | None = None
    weeks: Count | None = None
    months: Count | None = None
    years: Count | None = None
    half_lives: Count | None = None
    half_life: str | None = None
    whichever_is: Literal["shorter"] | None = None
    before: str

    @model_validator(mode="after")
    def _is_one_duration(self) -> Self:
        if sum(getattr(self, unit) is not None for unit in UNITS) != 1:
            raise ValueError("one of days, weeks, months and years")
        parts = {self.half_lives is None, self.half_life is None, self.whichever_is is None}
        if len(parts) != 1:
            raise ValueError("half_lives, half_life and whichever_is: shorter go together")
        return self

    @model_serializer(mode="wrap")
    def _without_blanks(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return _compact(handler(self))

    def duration(self) -> engine.Duration:
        """The engine's duration."""
        unit = next(unit for unit in UNITS if getattr(self, unit) is not None)
        return engine.Duration(getattr(self, unit), unit)


class CheckData(Section):
    """Exactly one of: a field with one comparison; `all` or `any` of checks; a `criterion`.

    `if_missing`: met or not met while nothing was ever entered; without it that is missing.
    """

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    field: str | None = None
    at_least: Decimal | None = None
    above: Decimal | None = None
    at_most: Decimal | None = None
    below: Decimal | None = None
    times_upper_limit: bool = False
    is_: Annotated[str | None, Field(alias="is")] = None
    in_: Annotated[tuple[str, ...] | None, Field(alias="in", min_length=1)] = None
    within: PeriodData | None = None
    at_least_before: PeriodData | None = None
    if_missing: Literal["met", "not met"] | None = None
    all_: Annotated[tuple[CheckData, ...] | None, Field(alias="all", min_length=1)] = None
    any_: Annotated[tuple[CheckData, ...] | None, Field(alias="any", min_length=1)] = None
    criterion: str | None = None

    @field_validator("is_", mode="before")
    @classmethod
    def _word(cls, answer: Any) -> Any:
        return as_word(answer)

    @field_validator("in_", mode="before")
    @classmethod
    def _words(cls, answers: Any) -> Any:
        return [as_word(answer) for answer in answers] if isinstance(answers, list) else answers

    @model_validator(mode="after")
    def _is_one_check(self) -> Self:
        shapes = (self.field, self.all_, self.any_, self.criterion)
        if sum(shape is not None for shape in shapes) != 1:
            raise ValueError("a check is one of: a field, all, any, a criterion")
        if (self.field is not None) != (len(self.comparisons) == 1) or len(self.comparisons) > 1:
            raise ValueError("a field, and only a field, has one comparison")
        if self.times_upper_limit and self.number is None:
            raise ValueError("times_upper_limit belongs to the bound of a number")
        if self.if_missing and self.field is None:
            raise ValueError("if_missing belongs to a field")
        if self.at_least_before and self.at_least_before.half_lives:
            raise ValueError("half-lives belong to within")
        return self

    @model_serializer(mode="wrap")
    def _without_blanks(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name.removesuffix("_"): value for name, value in _compact(handler(self)).items()}

    @property
    def comparisons(self) -> list[str]:
        """The names of the comparisons given."""
        values = {
            "at_least": self.at_least,
            "above": self.above,
            "at_most": self.at_most,
            "below": self.below,
            "is": self.is_,
            "in": self.in_,
            "within": self.within,
            "at_least_before": self.at_least_before,
        }
        return [name for name, value in values.items() if value is not None]

    @property
    def number(self) -> tuple[Bound, Decimal] | None:
        """The bound of a number; None for any other check."""
        bounds = {
            Bound.AT_LEAST: self.at_least,
            Bound.ABOVE: self.above,
            Bound.AT_MOST: self.at_most,
            Bound.BELOW: self.below,
        }
        return next(((bound, x) for bound, x in bounds.items() if x is not None), None)

    @property
    def answers(self) -> tuple[str, ...]:
        """The answers asked for; empty for any other check."""
        return (self.is_,) if self.is_ is not None else self.in_ or ()

    @property
    def period(self) -> PeriodData | None:
        """The period of a date; None for any other check."""
        return self.within or self.at_least_before

    def walk(self, loc: Place = ()) -> Iterator[tuple[Place, CheckData]]:
        """Every check in it with its place, itself first."""
        yield loc, self
        for name, parts in (("all", self.all_), ("any", self.any_)):
            for at, part in enumerate(parts or ()):
                yield from part.walk((*loc, name, at))


class CriterionData(Section):
    """An eligibility criterion in the record's words, with its check.

    `group`: general, or a name of `groups`. `heads`: the criteria of the list it introduces; its
    check reads each of them. `allows_not_applicable`: a judgement in it may be not applicable.
    """

    id: Annotated[str, Field(pattern=r"^[A-Z]+[0-9]+$")]
    group: str
    kind: engine.Kind
    text: Annotated[str, Field(min_length=1)]
    check: CheckData
    allows_not_applicable: bool = False
    heads: tuple[str, ...] = ()

    def references(self) -> list[tuple[Place, str]]:
        """The criteria its check reads, with their places."""
        return [(loc, each.criterion) for loc, each in self.check.walk() if each.criterion]


def build_leaf(
    check: CheckData, entries: Mapping[str, engine.Field], anchors: Mapping[str, str]
) -> Leaf:
    """The engine's comparison of one field."""
    entry = entries[check.field or ""]
    missing = {None: None, "met": True, "not met": False}[check.if_missing]
    if check.number:
        bound, limit = check.number
        return engine.Comparison(entry, bound, limit, check.times_upper_limit, missing)
    period = check.period
    if period is None:
        return engine.IsOneOf(entry, check.answers, missing)
    anchor = engine.Anchor(period.before, anchors[period.before])
    if check.at_least_before:
        return engine.AtLeastBefore(entry, period.duration(), anchor, missing)
    half_lives = None
    if period.half_lives and period.half_life:
        one = entries[period.half_life]
        half_lives = engine.HalfLives(period.half_lives, one, UNITS_A_DAY[one.unit])
    return engine.Within(entry, period.duration(), anchor, half_lives, missing)


def _compact(values: dict[str, Any]) -> dict[str, Any]:
    """Without what was left out, so that a stored check reads like the written one."""
    return {name: value for name, value in values.items() if not (value is None or value is False)}
