"""Sections of a protocol document that the 3+3 rules read: ladder, options, window, criteria."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cohorts.engine.design import MINUS_ONE, ExpandOn, SecondDlt
from ntrust.states import Role


class Section(BaseModel):
    """A part of the document; a field nobody knows is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=False)

    illustrative: bool = False


class LevelData(Section):
    """A rung of the ladder."""

    ordinal: Annotated[int, Field(ge=MINUS_ONE, le=20)]
    dose: Annotated[Decimal, Field(gt=0, max_digits=20, decimal_places=4)]


class LadderData(Section):
    unit: Annotated[str, Field(min_length=1, max_length=40)]
    levels: Annotated[tuple[LevelData, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _ascending_without_gaps(self) -> Self:
        ordinals = [level.ordinal for level in self.levels]
        main = [ordinal for ordinal in ordinals if ordinal != MINUS_ONE]
        if main != list(range(1, len(main) + 1)) or ordinals[: -len(main)] not in ([], [MINUS_ONE]):
            raise ValueError("levels are 1, 2, 3 … in order, with -1, if planned, first")
        doses = [level.dose for level in self.levels]
        if doses != sorted(set(doses)):
            raise ValueError("doses rise from each level to the next")
        return self


class OptionsData(Section):
    """The named options of the 3+3 design. None has a default."""

    min_n_at_mtd: Literal[3, 6]
    allow_deescalation: bool
    confirm_top_dose: bool
    second_dlt: SecondDlt
    expand_on_first_dlt: ExpandOn
    escalate_with_pending: bool


class WindowData(Section):
    """The DLT window: `days` after the anchor day, closing at 24:00 site time."""

    days: Annotated[int, Field(gt=0, le=365)]
    anchor: Literal["first_infusion", "last_infusion"]


class EvaluabilityData(Section):
    """Minimum exposure to count without a DLT: so many infusions, those `required` among them.

    Fractions are of the assigned viable cells.
    """

    minimum_infusions: Annotated[int, Field(ge=1)]
    required: tuple[int, ...] = ()
    minimum_fraction: Annotated[Decimal, Field(gt=0, le=1)]
    upper_fraction: Annotated[Decimal, Field(ge=1)]


class ReplacementData(Section):
    """On which grounds one who is not evaluable is replaced; none named: any, with its reason.

    A participant with a DLT never is.
    """

    grounds: tuple[str, ...] = ()


class DltCriterionData(Section):
    """A criterion by which an event is dose-limiting, in the protocol's words.

    `clock_hours`: how long the event may take to resolve before it counts; none: at once. From
    grade `at_once_from` on it counts at once all the same.
    """

    id: str
    text: str
    clock_hours: Annotated[int, Field(gt=0)] | None = None
    at_once_from: Annotated[int, Field(ge=1, le=5)] | None = None

    @model_validator(mode="after")
    def _at_once_instead_of_a_clock(self) -> Self:
        if self.at_once_from is not None and self.clock_hours is None:
            raise ValueError("without a clock every grade counts at once")
        return self


class NotificationData(Section):
    """Who is told of an event: roles, at all sites or at the event's own, urgent or not."""

    roles: tuple[Role, ...]
    scope: Literal["all", "site"] = "all"
    urgent: bool = False


class ReviewData(Section):
    """The committee's quorum, in members present."""

    quorum: Annotated[int, Field(ge=1)]


class PoolingData(Section):
    """Whose participants count together in the rules: those enrolled under these versions, and
    conditioned with these regimens; empty: all. One whose regimen is not yet known counts."""

    versions: tuple[str, ...] = ()
    regimens: tuple[str, ...] = ()

    def why_not(self, *, version: str, regimen: str) -> str:
        """Why a participant does not count with the others; empty when they do."""
        if self.versions and version not in self.versions:
            return f"enrolled under version {version}, which is not pooled"
        if self.regimens and regimen and regimen not in self.regimens:
            return f"conditioned with {regimen}, which is not pooled"
        return ""


class ReconsentData(Section):
    """Whether participants still on study have to consent again once this version is in force."""

    required: bool = False
