"""The eligibility section as a whole: fields and criteria that agree with each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

from pydantic import ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from cohorts.engine import eligibility as engine
from cohorts.engine.eligibility.fields import NOT_APPLICABLE, FieldKind
from cohorts.engine.eligibility.judging import GENERAL
from cohorts.protocol.eligibility.checks import (
    UNITS_A_DAY,
    CheckData,
    CriterionData,
    Place,
    build_leaf,
)
from cohorts.protocol.eligibility.entries import FieldData, Key
from cohorts.protocol.rules import Section

Fault = tuple[Place, str]


class EligibilityData(Section):
    """What is asked for and judged at screening.

    `groups`: short name to the disease of the document. `anchors`: reference dates, key to the
    words of a sentence.
    """

    groups: dict[str, str] = {}
    anchors: dict[Key, str] = {}
    fields: tuple[FieldData, ...] = ()
    criteria: tuple[CriterionData, ...] = ()

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        faults = list(_faults(self))
        if faults:
            details = [
                InitErrorDetails(
                    type=PydanticCustomError("eligibility", "{reason}", {"reason": reason}),
                    loc=loc,
                    input=None,
                )
                for loc, reason in faults
            ]
            raise ValidationError.from_exception_data("eligibility", details)
        return self

    def group_of(self, disease: str) -> str:
        """The short name of a disease's group; empty when it has none."""
        return next((name for name, each in self.groups.items() if each == disease), "")

    def asked_of(self, group: str) -> tuple[FieldData, ...]:
        """The fields asked of a group, in the order of the form."""
        return tuple(each for each in self.fields if not each.groups or group in each.groups)

    def field(self, key: str) -> FieldData | None:
        """The field of that key; None when there is none."""
        return next((each for each in self.fields if each.key == key), None)

    def rules(self) -> tuple[engine.Criterion, ...]:
        """What the engine judges by, in the order of the protocol."""
        entries = {each.key: each.entry() for each in self.fields}
        data = {each.id: each for each in self.criteria}
        built: dict[str, engine.Criterion] = {}

        def build(criterion_id: str) -> engine.Criterion:
            if criterion_id not in built:
                each = data[criterion_id]
                built[criterion_id] = engine.Criterion(
                    id=each.id,
                    group=each.group,
                    kind=each.kind,
                    text=each.text,
                    check=check(each.check),
                    allows_not_applicable=each.allows_not_applicable,
                )
            return built[criterion_id]

        def check(each: CheckData) -> engine.Check:
            if each.all_ is not None:
                return engine.AllOf(tuple(check(part) for part in each.all_))
            if each.any_ is not None:
                return engine.AnyOf(tuple(check(part) for part in each.any_))
            if each.criterion is not None:
                return engine.CriterionMet(build(each.criterion))
            return build_leaf(each, entries, self.anchors)

        return tuple(build(each.id) for each in self.criteria)


def _faults(data: EligibilityData) -> Iterator[Fault]:
    """Every disagreement, with its place."""
    yield from _faults_of_names(data)
    for at, field in enumerate(data.fields):
        for name in field.groups:
            if name not in data.groups:
                yield ("fields", at, "groups"), f"there is no group {name}"
    known = {each.id: each for each in data.criteria}
    for at, criterion in enumerate(data.criteria):
        place: Place = ("criteria", at)
        if criterion.group not in (GENERAL, *data.groups):
            yield (*place, "group"), f"there is no group {criterion.group}"
        for loc, check in criterion.check.walk((*place, "check")):
            if check.field is not None:
                yield from _faults_of_leaf(data, criterion, check, loc)
            if check.criterion is not None:
                yield from _faults_of_reference(known, criterion, check.criterion, loc)
        if criterion.heads and set(criterion.heads) != {name for _, name in criterion.references()}:
            yield (*place, "heads"), "its check reads each criterion it heads, and no other"
        if criterion.allows_not_applicable and not _asks_for_judgement(data, criterion):
            yield (*place, "allows_not_applicable"), "it asks for no judgement"


def _faults_of_names(data: EligibilityData) -> Iterator[Fault]:
    if GENERAL in data.groups:
        yield ("groups",), f"{GENERAL} is the group of everybody"
    named = {
        "fields": [field.key for field in data.fields],
        "criteria": [criterion.id for criterion in data.criteria],
    }
    for part, names in named.items():
        for at, name in enumerate(names):
            if name in names[:at]:
                yield (part, at), f"{name} is there twice"
    if len(set(data.groups.values())) < len(data.groups):
        yield ("groups",), "two groups of one disease"


def _faults_of_leaf(
    data: EligibilityData, criterion: CriterionData, check: CheckData, loc: Place
) -> Iterator[Fault]:
    """A comparison reads a field that exists, is asked of the same people, and fits its kind."""
    field = data.field(check.field or "")
    if field is None:
        yield (*loc, "field"), f"there is no field {check.field}"
        return
    if field.groups and criterion.group not in field.groups:
        yield (*loc, "field"), f"{field.key} is not asked of the group {criterion.group}"
    fitting = {FieldKind.NUMBER: check.number, FieldKind.DATE: check.period}
    if not fitting.get(field.kind, check.answers):
        yield loc, f"{field.key} is a {field.kind}: that comparison does not fit"
    if check.times_upper_limit and not field.has_upper_limit:
        yield (*loc, "times_upper_limit"), f"{field.key} has no upper limit"
    answers = set(field.entry().answers) - {NOT_APPLICABLE}
    for answer in check.answers if answers else ():
        if answer not in answers:
            yield loc, f"{answer} is no answer to {field.key}"
    yield from _faults_of_period(data, criterion, check, loc)


def _faults_of_period(
    data: EligibilityData, criterion: CriterionData, check: CheckData, loc: Place
) -> Iterator[Fault]:
    period = check.period
    if period is None:
        return
    if period.before not in data.anchors:
        yield loc, f"there is no reference date {period.before}"
    if period.half_life is None:
        return
    field = data.field(period.half_life)
    if field is None or field.kind is not FieldKind.NUMBER or field.unit not in UNITS_A_DAY:
        yield loc, f"{period.half_life} is no number of hours or days"
    elif field.lowest is None or field.lowest <= 0:
        yield loc, f"{period.half_life} may be 0: a half-life is longer"
    elif field.groups and criterion.group not in field.groups:
        yield loc, f"{field.key} is not asked of the group {criterion.group}"


def _faults_of_reference(
    known: dict[str, CriterionData], criterion: CriterionData, name: str, loc: Place
) -> Iterator[Fault]:
    """A criterion reads one that is judged for the same people, and never itself."""
    other = known.get(name)
    if other is None:
        yield (*loc, "criterion"), f"there is no criterion {name}"
        return
    if other.group not in (GENERAL, criterion.group):
        yield (*loc, "criterion"), f"{name} is not judged for the group {criterion.group}"
    reached, seen = [name], set[str]()
    while reached:
        each = reached.pop()
        if each == criterion.id:
            yield (*loc, "criterion"), f"{criterion.id} reads itself by way of {name}"
            return
        if each in known and each not in seen:
            seen.add(each)
            reached += [further for _, further in known[each].references()]


def _asks_for_judgement(data: EligibilityData, criterion: CriterionData) -> bool:
    named = (data.field(check.field) for _, check in criterion.check.walk() if check.field)
    return any(field is not None and field.kind is FieldKind.JUDGEMENT for field in named)
