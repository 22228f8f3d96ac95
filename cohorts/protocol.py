"""The schema of a protocol document: everything a study's rules read, as validated data.

A value that is not public carries `illustrative: true` beside it. A bad document is refused with
file, line, field and reason.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cohorts.engine.design import (
    MINUS_ONE,
    Design,
    DesignError,
    ExpandOn,
    SecondDlt,
)
from cohorts.engine.evaluability import ExposureRules
from ntrust.errors import Refused
from ntrust.states import Role


class Section(BaseModel):
    """A part of the document; a field nobody knows is refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_enum_values=False)

    illustrative: bool = False


class LevelData(Section):
    """A rung of the ladder."""

    ordinal: int
    dose: Annotated[Decimal, Field(gt=0)]


class LadderData(Section):
    unit: str
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


class RegimenData(Section):
    """A lymphodepletion regimen; `days` counted from infusion 1."""

    key: str
    name: str
    days: Annotated[tuple[int, ...], Field(min_length=1)]


class InfusionsData(Section):
    """Planned days of the infusions; the first is Day 0."""

    days: Annotated[tuple[int, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _from_day_0_upwards(self) -> Self:
        if self.days[0] != 0 or list(self.days) != sorted(set(self.days)):
            raise ValueError("infusion days rise from 0")
        return self


class DltCriterionData(Section):
    """A criterion by which an event is dose-limiting, in the protocol's words.

    `clock_hours`: how long the event may take to resolve before it counts; none: at once.
    """

    id: str
    text: str
    clock_hours: Annotated[int, Field(gt=0)] | None = None


class NotificationData(Section):
    """Who is told of an event: roles, at all sites or at the event's own, urgent or not."""

    roles: tuple[Role, ...]
    scope: Literal["all", "site"] = "all"
    urgent: bool = False


class ReviewData(Section):
    """The committee's quorum, in members present."""

    quorum: Annotated[int, Field(ge=1)]


class ProtocolDocument(Section):
    """The whole protocol."""

    version: str
    title: str
    protocol_number: str
    registry_number: str
    product: str
    diseases: Annotated[tuple[str, ...], Field(min_length=1)]
    ladder: LadderData
    options: OptionsData
    window: WindowData
    evaluability: EvaluabilityData
    lymphodepletion: Annotated[tuple[RegimenData, ...], Field(min_length=1)]
    infusions: InfusionsData
    dlt_criteria: Annotated[tuple[DltCriterionData, ...], Field(min_length=1)]
    review: ReviewData
    notifications: dict[str, NotificationData] = {}

    @model_validator(mode="after")
    def _options_agree(self) -> Self:
        try:
            self.design()
        except DesignError as error:
            raise ValueError(str(error)) from error
        if self.evaluability.minimum_infusions > len(self.infusions.days):
            raise ValueError("evaluability asks for more infusions than are planned")
        return self

    def design(self) -> Design:
        """The engine's design: the ladder and its options."""
        ordinals = [level.ordinal for level in self.ladder.levels]
        return Design(
            doses=max(ordinals),
            min_n_at_mtd=self.options.min_n_at_mtd,
            allow_deescalation=self.options.allow_deescalation,
            confirm_top_dose=self.options.confirm_top_dose,
            second_dlt=self.options.second_dlt,
            level_minus_one=MINUS_ONE in ordinals,
            expand_on_first_dlt=self.options.expand_on_first_dlt,
            escalate_with_pending=self.options.escalate_with_pending,
        )

    def exposure_rules(self) -> ExposureRules:
        """What the engine's evaluability reads."""
        return ExposureRules(
            minimum_infusions=self.evaluability.minimum_infusions,
            required=frozenset(self.evaluability.required),
            minimum_fraction=Fraction(self.evaluability.minimum_fraction),
            upper_fraction=Fraction(self.evaluability.upper_fraction),
        )

    def criterion(self, criterion_id: str) -> DltCriterionData:
        """The DLT criterion of that id; refuses an unknown one."""
        for criterion in self.dlt_criteria:
            if criterion.id == criterion_id:
                return criterion
        raise Refused("unknown_criterion", f"The protocol has no DLT criterion {criterion_id}.")

    def regimen(self, key: str) -> RegimenData:
        """The lymphodepletion regimen of that key; refuses an unknown one."""
        for regimen in self.lymphodepletion:
            if regimen.key == key:
                return regimen
        raise Refused("unknown_regimen", f"The protocol has no lymphodepletion regimen {key}.")


def read_document(text: str, *, name: str) -> ProtocolDocument:
    """Read a YAML document; refuses (`bad_protocol`) with file, line, field and reason."""
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        problem = getattr(error, "problem", None) or "not YAML"
        raise Refused("bad_protocol", f"{name}, line {line}: {problem}.") from error
    return validate_document(data, name=name, tree=tree)


def validate_document(data: Any, *, name: str, tree: yaml.Node | None = None) -> ProtocolDocument:
    """Check plain data against the schema; refuses (`bad_protocol`) naming every bad field."""
    try:
        return ProtocolDocument.model_validate(data)
    except ValidationError as error:
        problems = [
            f"{name}{_line_of(tree, detail['loc'])}, "
            f"{'.'.join(map(str, detail['loc'])) or 'document'}: {detail['msg']}"
            for detail in error.errors()
        ]
        raise Refused("bad_protocol", "; ".join(problems) + ".") from error


def _line_of(tree: yaml.Node | None, loc: tuple[int | str, ...]) -> str:
    """ ", line 12" of the deepest part of the path that exists; nothing without a tree."""
    if tree is None:
        return ""
    node = tree
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            child = next((v for k, v in node.value if k.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            child = node.value[part] if part < len(node.value) else None
        else:
            child = None
        if child is None:
            break
        node = child
    return f", line {node.start_mark.line + 1}"
