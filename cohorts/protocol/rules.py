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


class BorderlineData(Section):
    """How close to a limit a call is borderline, so that the recommendation is tried without it.

    `exposure_margin`: parts of the assigned viable cells around the minimum exposure.
    `clearance_hours`: before the end of a criterion's clock. 0: no call is.
    """

    exposure_margin: Annotated[Decimal, Field(ge=0, lt=1)] = Decimal(0)
    clearance_hours: Annotated[int, Field(ge=0, le=24 * 365)] = 0


class ReplacementData(Section):
    """On which grounds one who is not evaluable is replaced; none named: any, with its reason.

    A participant with a DLT never is.
    """

    grounds: tuple[str, ...] = ()


class AcknowledgeData(Section):
    """One person of each role and site has so many `minutes` to say that they know. Then their
    deputy is told, and after as many minutes again the roles of `then`, one after the other."""

    minutes: Annotated[int, Field(ge=1, le=60 * 24 * 14)]
    then: tuple[Role, ...] = ()


class NotificationData(Section):
    """Who is told of an event: roles, at all sites or at the event's own, urgent or not.

    At once, or with the person's next digest, which is not for what is urgent or is awaited.
    `urgent_for`: what makes an urgent one so, a hold or a deadline; nothing else should.
    """

    roles: tuple[Role, ...]
    scope: Literal["all", "site"] = "all"
    urgent: bool = False
    urgent_for: Literal["hold", "deadline"] | None = None
    when: Literal["now", "digest"] = "now"
    acknowledge: AcknowledgeData | None = None

    @model_validator(mode="after")
    def _what_is_urgent_goes_now(self) -> Self:
        if self.when == "digest" and (self.urgent or self.acknowledge):
            raise ValueError("what is urgent, or has to be acknowledged, is sent now")
        return self


class DataProtectionData(Section):
    """What may leave the service unprotected. `mail`: whether participants' numbers may stand in
    mails, and in messages by other channels; nothing clinical ever does."""

    mail: Literal["none", "numbers"] = "none"


class MemberRole(Section):
    """What a member of the committee is there for, e.g. clinician; `required`: no quorum without
    so many of them."""

    key: Annotated[str, Field(min_length=1, max_length=40)]
    name: Annotated[str, Field(min_length=1, max_length=80)]
    required: Annotated[int, Field(ge=0)] = 0


class ReviewData(Section):
    """The committee's quorum, in members present, and which roles have to be among them.

    A member with a conflict of interest never votes; `conflicts_count`: whether they still count
    for the quorum. `shortest_reason`: letters of a reason of substance, for what is less safe than
    the rules recommend.
    """

    quorum: Annotated[int, Field(ge=1)]
    roles: tuple[MemberRole, ...] = ()
    conflicts_count: bool = False
    shortest_reason: Annotated[int, Field(ge=1, le=500)] = 20

    @model_validator(mode="after")
    def _roles_are_single(self) -> Self:
        keys = [role.key for role in self.roles]
        if len(keys) != len(set(keys)):
            raise ValueError("a role of the committee is there twice")
        return self

    def role_name(self, key: str) -> str:
        """A role in words; its key where this version does not name it."""
        return next((role.name for role in self.roles if role.key == key), key)


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


class DataReviewData(Section):
    """How soon a site answers a question about its data."""

    answer_query_days: Annotated[int, Field(ge=1)] = 10


class ReconsentData(Section):
    """Whether participants still on study have to consent again once this version is in force."""

    required: bool = False
