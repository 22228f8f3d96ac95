"""What is asked for at screening: fields, their units and plausible ranges."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import Field, field_validator, model_validator

from cohorts.engine import eligibility as engine
from cohorts.engine.eligibility.fields import NO, YES, FieldKind
from cohorts.protocol.rules import Section

Key = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class FieldData(Section):
    """Something entered at screening. `groups`: asked of these only; empty: of everybody.

    Numbers have a `unit`, `decimals` and a plausible range; `accepts` names other units, each with
    its factor. With `has_upper_limit` the laboratory's own upper limit of normal is entered beside
    the value. `may_be_never`: an event that may never have happened. `valid_days`: the result is
    out of date later than so many days after it was measured; none: never.
    """

    key: Key
    label: Annotated[str, Field(min_length=1)]
    kind: FieldKind
    unit: str = ""
    decimals: Annotated[int, Field(ge=0, le=6)] = 0
    lowest: Decimal | None = None
    highest: Decimal | None = None
    choices: tuple[str, ...] = ()
    accepts: dict[str, Annotated[Decimal, Field(gt=0)]] = {}
    has_upper_limit: bool = False
    upper_limit_lowest: Annotated[Decimal, Field(gt=0)] | None = None
    upper_limit_highest: Decimal | None = None
    may_be_never: bool = False
    valid_days: Annotated[int, Field(ge=0, le=3650)] | None = None
    groups: tuple[str, ...] = ()
    help: str = ""

    @model_validator(mode="after")
    def _has_what_its_kind_has(self) -> Self:
        is_number = self.kind is FieldKind.NUMBER
        numeric = {"unit", "decimals", "lowest", "highest", "accepts", "has_upper_limit"}
        given = self.model_fields_set
        if not is_number and given & numeric and any(getattr(self, name) for name in numeric):
            raise ValueError("only a number has a unit, decimals, a range or an upper limit")
        if is_number and not _rises(self.lowest, self.highest):
            raise ValueError("a number has a plausible range: lowest and highest")
        limits = (self.upper_limit_lowest, self.upper_limit_highest)
        if self.has_upper_limit != _rises(*limits) or (not self.has_upper_limit and any(limits)):
            raise ValueError("has_upper_limit comes with upper_limit_lowest and _highest")
        if self.unit in self.accepts:
            raise ValueError(f"{self.unit} is the field's own unit")
        if (self.kind is FieldKind.CHOICE) != (len(self.choices) > 1):
            raise ValueError("a choice, and only a choice, has two choices or more")
        if len({choice.casefold() for choice in self.choices}) < len(self.choices):
            raise ValueError("each choice is there once")
        if self.may_be_never and self.kind is not FieldKind.DATE:
            raise ValueError("only a date may be never")
        return self

    @field_validator("choices", mode="before")
    @classmethod
    def _words(cls, choices: Any) -> Any:
        return [as_word(choice) for choice in choices] if isinstance(choices, list) else choices

    def entry(self) -> engine.Field:
        """The engine's field."""
        names = set(engine.Field.__dataclass_fields__)
        return engine.Field(**{name: getattr(self, name) for name in names})


def as_word(answer: Any) -> Any:
    """YAML reads a bare yes or no as a truth value; here it is an answer."""
    return {True: YES, False: NO}[answer] if isinstance(answer, bool) else answer


def _rises(lowest: Decimal | None, highest: Decimal | None) -> bool:
    return lowest is not None and highest is not None and lowest < highest
