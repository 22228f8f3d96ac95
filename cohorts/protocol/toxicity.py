"""Sections of a protocol document on adverse events: how they are graded and called, and the DLT
criteria as predicates over them."""

from __future__ import annotations

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from cohorts.engine.toxicity import Criterion, Feature, Predicate, ToxicityError
from cohorts.protocol.rules import Section
from ntrust.errors import Refused

Grade = Annotated[int, Field(ge=1, le=5)]
Relation = Literal["UNRELATED", "UNLIKELY", "POSSIBLE", "PROBABLE", "DEFINITE"]
Kind = Literal["general", "crs", "icans", "iec_hs", "gvhd", "infusion_reaction"]
Medicine = Literal["steroid", "anticytokine", "antipyretic"]
DEATH: Final = 5


class FindingData(Section):
    """An answer about a feature, and the grade it makes; 0: none."""

    key: str
    text: str
    grade: Annotated[int, Field(ge=0, le=5)]


class FeatureData(Section):
    """A feature of a grading system; the worst one makes the grade.

    `is_needed`: without it there is no such event, unless a medicine of a kind in `masked_by` was
    given before.
    """

    key: str
    text: str
    findings: Annotated[tuple[FindingData, ...], Field(min_length=2)]
    is_needed: bool = False
    masked_by: tuple[Medicine, ...] = ()

    @model_validator(mode="after")
    def _findings_are_single(self) -> Self:
        if len({finding.key for finding in self.findings}) != len(self.findings):
            raise ValueError("each finding is there once")
        return self

    def said(self, key: str) -> str:
        """An answer in the protocol's words."""
        return next((one.text for one in self.findings if one.key == key), key)

    def feature(self) -> Feature:
        """As the engine reads it."""
        return Feature(
            key=self.key,
            grades={finding.key: finding.grade for finding in self.findings},
            is_needed=self.is_needed,
            masked_by=frozenset(self.masked_by),
        )


class GradeData(Section):
    """A grade in the system's own words; `label`: as it is written there, such as III."""

    grade: Grade
    text: str
    label: str = ""


class GradingSystemData(Section):
    """A grading system with its version. `key` is what an event keeps, such as CTCAE v5.0;
    `category`: what everything graded by it is, or empty where that is a question of its own."""

    key: Annotated[str, Field(min_length=1, max_length=40)]
    name: str
    version: Annotated[str, Field(min_length=1, max_length=20)]
    kind: Kind
    category: str = ""
    grades: Annotated[tuple[GradeData, ...], Field(min_length=1)]
    features: tuple[FeatureData, ...] = ()

    @model_validator(mode="after")
    def _grades_rise(self) -> Self:
        grades = [each.grade for each in self.grades]
        if grades != sorted(set(grades)):
            raise ValueError("grades rise from each to the next")
        if len({feature.key for feature in self.features}) != len(self.features):
            raise ValueError("each feature is there once")
        return self

    def label(self, grade: int) -> str:
        """A grade as the system writes it."""
        return next((one.label for one in self.grades if one.grade == grade), "") or str(grade)

    def has(self, grade: int) -> bool:
        """Whether the system knows the grade; a death has one in every system."""
        return grade == DEATH or any(one.grade == grade for one in self.grades)


class ComponentData(Section):
    """Something an event may be related to; one of them is the product."""

    key: str
    name: str
    is_product: bool = False


class CategoryData(Section):
    """What an event may be, where criteria ask for it."""

    key: str
    name: str


class AdverseEventsData(Section):
    """How adverse events are entered. No systems: any may be named, and none is known.

    `completion_hours`: how soon after the alert everything else is due.
    """

    systems: tuple[GradingSystemData, ...] = ()
    components: tuple[ComponentData, ...] = ()
    categories: tuple[CategoryData, ...] = ()
    completion_hours: Annotated[int, Field(gt=0, le=24 * 365)] | None = None

    @model_validator(mode="after")
    def _keys_are_single(self) -> Self:
        named = {
            "grading system": [system.key for system in self.systems],
            "component": [component.key for component in self.components],
            "category": [category.key for category in self.categories],
        }
        for what, keys in named.items():
            if len(set(keys)) != len(keys):
                raise ValueError(f"each {what} is there once")
        return self

    @model_validator(mode="after")
    def _names_lead_somewhere(self) -> Self:
        products = [component for component in self.components if component.is_product]
        if self.components and len(products) != 1:
            raise ValueError("one component is the product")
        known = {category.key for category in self.categories}
        for system in self.systems:
            if system.category and system.category not in known:
                raise ValueError(f"{system.key} grades {system.category}, which is no category")
        return self

    def system(self, key: str) -> GradingSystemData | None:
        """The grading system of that key; None for one that the protocol does not name."""
        return next((system for system in self.systems if system.key == key), None)

    def require_system(self, key: str) -> GradingSystemData | None:
        """The system; refuses (`unknown_grading`) one not among those the protocol names."""
        system = self.system(key)
        if system is None and self.systems:
            names = ", ".join(one.key for one in self.systems)
            raise Refused("unknown_grading", f"The protocol grades by {names}; not by {key}.")
        return system

    @property
    def others(self) -> tuple[ComponentData, ...]:
        """The components besides the product."""
        return tuple(component for component in self.components if not component.is_product)


class PredicateData(Section):
    """What of a criterion is read from an event; see `cohorts.engine.toxicity.Predicate`."""

    categories: tuple[str, ...] = ()
    except_categories: tuple[str, ...] = ()
    is_death: bool = False
    related_at_least: Relation | None = None
    from_grade: Grade = 1
    by_day: Annotated[int, Field(ge=0, le=3650)] | None = None
    down_to: Annotated[int, Field(ge=0, le=4)] = 0
    treated_with: Medicine | None = None
    treated_from: Grade | None = None


class DltCriterionData(Section):
    """A criterion by which an event is dose-limiting, in the protocol's words.

    `clock_hours`: how long the event may take to resolve before it counts; none: at once. From
    grade `at_once_from` on it counts at once all the same. `reads`: what of it the service reads;
    without it people alone do.
    """

    id: str
    text: str
    clock_hours: Annotated[int, Field(gt=0)] | None = None
    at_once_from: Annotated[int, Field(ge=1, le=5)] | None = None
    reads: PredicateData | None = None

    @model_validator(mode="after")
    def _at_once_instead_of_a_clock(self) -> Self:
        if self.at_once_from is not None and self.clock_hours is None:
            raise ValueError("without a clock every grade counts at once")
        try:
            self.criterion()
        except ToxicityError as error:
            raise ValueError(str(error)) from error
        return self

    def criterion(self) -> Criterion:
        """As the engine reads it. Words alone keep their clock, which runs from the onset."""
        reads = self.reads
        if reads is None:
            return Criterion(self.id, None)
        return Criterion(
            self.id,
            Predicate(
                categories=frozenset(reads.categories),
                except_categories=frozenset(reads.except_categories),
                is_death=reads.is_death,
                related_at_least=reads.related_at_least,
                from_grade=reads.from_grade,
                at_once_from=self.at_once_from,
                clock_hours=self.clock_hours,
                by_day=reads.by_day,
                down_to=reads.down_to,
                treated_with=reads.treated_with,
                treated_from=reads.treated_from,
            ),
        )


def check_predicates(criteria: tuple[DltCriterionData, ...], events: AdverseEventsData) -> None:
    """Raise ValueError where a predicate reads what cannot be entered, or one of several criteria
    has none: it would never be raised."""
    read = [criterion for criterion in criteria if criterion.reads is not None]
    if read and len(read) != len(criteria):
        silent = next(criterion.id for criterion in criteria if criterion.reads is None)
        raise ValueError(f"DLT criterion {silent} has no predicate, and others have")
    known = {category.key for category in events.categories}
    for criterion in read:
        assert criterion.reads is not None
        named = {*criterion.reads.categories, *criterion.reads.except_categories}
        for unknown in sorted(named - known):
            raise ValueError(f"DLT criterion {criterion.id} reads {unknown}, which is no category")
