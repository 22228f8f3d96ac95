"""The schema of a protocol document: everything a study's rules read, as validated data.

A value that is not public carries `illustrative: true` beside it. A bad document is refused with
file, line, field and reason.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Annotated, Self

from pydantic import Field, model_validator

from cohorts.engine.design import MINUS_ONE, Design, DesignError
from cohorts.engine.evaluability import ExposureRules
from cohorts.protocol.conduct import (
    HoldsData,
    InfusionsData,
    LymphodepletionLimits,
    MeasurementData,
    MedicationRule,
    Part2Data,
    PlanData,
    RegimenData,
    SlotsData,
    StaggerData,
    VisitData,
)
from cohorts.protocol.eligibility import EligibilityData
from cohorts.protocol.pauses import PauseRule, check_pause_categories
from cohorts.protocol.reminding import RemindersData
from cohorts.protocol.reporting import SafetyReportingData
from cohorts.protocol.rules import (
    BorderlineData,
    DataProtectionData,
    DataReviewData,
    EvaluabilityData,
    LadderData,
    NotificationData,
    OptionsData,
    PoolingData,
    ReconsentData,
    ReplacementData,
    ReviewData,
    Section,
    WindowData,
)
from cohorts.protocol.toxicity import AdverseEventsData, DltCriterionData, check_predicates
from ntrust.errors import Refused


class ProtocolDocument(Section):
    """The whole protocol."""

    version: Annotated[str, Field(max_length=20, pattern=r"^\w[\w .-]*$")]
    title: Annotated[str, Field(max_length=300)]
    protocol_number: str
    registry_number: str
    product: str
    diseases: Annotated[tuple[str, ...], Field(min_length=1)]
    ladder: LadderData
    options: OptionsData
    window: WindowData
    evaluability: EvaluabilityData
    borderline: BorderlineData = BorderlineData()
    replacement: ReplacementData = ReplacementData()
    lymphodepletion: Annotated[tuple[RegimenData, ...], Field(min_length=1)]
    infusions: InfusionsData
    lymphodepletion_limits: LymphodepletionLimits = LymphodepletionLimits()
    dlt_criteria: Annotated[tuple[DltCriterionData, ...], Field(min_length=1)]
    adverse_events: AdverseEventsData = AdverseEventsData()
    safety_reporting: SafetyReportingData = SafetyReportingData()
    pause_rules: tuple[PauseRule, ...] = ()
    holds: HoldsData = HoldsData()
    stagger: StaggerData = StaggerData()
    slots: SlotsData = SlotsData()
    visits: tuple[VisitData, ...] = ()
    measurements: tuple[MeasurementData, ...] = ()
    medications: tuple[MedicationRule, ...] = ()
    eligibility: EligibilityData = EligibilityData()
    review: ReviewData
    part_2: Part2Data = Part2Data()
    plan: PlanData = PlanData()
    pooling: PoolingData = PoolingData()
    reconsent: ReconsentData = ReconsentData()
    data: DataReviewData = DataReviewData()
    data_protection: DataProtectionData = DataProtectionData()
    notifications: dict[str, NotificationData] = {}
    reminders: RemindersData = RemindersData()

    @model_validator(mode="after")
    def _options_agree(self) -> Self:
        try:
            self.design()
        except DesignError as error:
            raise ValueError(str(error)) from error
        if self.evaluability.minimum_infusions > len(self.infusions.days):
            raise ValueError("evaluability asks for more infusions than are planned")
        check_predicates(self.dlt_criteria, self.adverse_events)
        check_pause_categories(self.pause_rules, self.adverse_events)
        known = {one.key for one in self.adverse_events.categories}
        for one in self.safety_reporting.expected:
            if one.category not in known:
                raise ValueError(f"{one.category} is expected, and is no category")
        return self

    @model_validator(mode="after")
    def _keys_are_single(self) -> Self:
        keys = {
            "DLT criterion": [criterion.id for criterion in self.dlt_criteria],
            "regimen": [regimen.key for regimen in self.lymphodepletion],
            "pause rule": [rule.id for rule in self.pause_rules],
            "visit": [visit.key for visit in self.visits],
            "measurement": [measurement.key for measurement in self.measurements],
            "medication rule": [rule.key for rule in self.medications],
        }
        for what, named in keys.items():
            twice = _first_double(named)
            if twice:
                raise ValueError(f"{what} {twice} is there twice")
        return self

    @model_validator(mode="after")
    def _names_lead_somewhere(self) -> Self:
        measured = {measurement.key for measurement in self.measurements}
        for regimen in self.lymphodepletion:
            named = {limit.field for limit in regimen.requires_any}
            named |= {drug.reduced_by for drug in regimen.drugs if drug.reduced_by}
            for unknown in sorted(named - measured):
                raise ValueError(f"regimen {regimen.key} reads {unknown}, which is not measured")
        grouped = set(self.eligibility.groups.values())
        if (grouped or self.eligibility.criteria) and grouped != set(self.diseases):
            raise ValueError("eligibility names one group for each disease")
        numbers = range(1, len(self.infusions.days) + 1)
        if not set(self.evaluability.required) <= set(numbers):
            raise ValueError("evaluability requires an infusion that is not planned")
        if self.pooling.versions and self.version not in self.pooling.versions:
            raise ValueError("pooling leaves out this version's own participants")
        opened = {one.disease for one in self.part_2.cohorts if one.seats is not None}
        unknown_disease = opened - set(self.diseases)
        if unknown_disease:
            raise ValueError(f"part 2 has a cohort of {min(unknown_disease)}, no disease of this")
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

    def measurement(self, key: str) -> MeasurementData:
        """The measurement of that key; refuses an unknown one."""
        for measurement in self.measurements:
            if measurement.key == key:
                return measurement
        raise Refused("unknown_measurement", f"The protocol does not measure {key}.")

    def visit(self, key: str) -> VisitData:
        """The visit of that key; refuses an unknown one."""
        for visit in self.visits:
            if visit.key == key:
                return visit
        raise Refused("unknown_visit", f"The protocol has no visit {key}.")

    def recognise(self, name: str, *, is_systemic: bool) -> tuple[MedicationRule, ...]:
        """What the protocol says of a medicine; nothing for most."""
        return tuple(
            rule for rule in self.medications if rule.concerns(name, is_systemic=is_systemic)
        )


def _first_double(names: Iterable[str]) -> str:
    """The first name that came before; empty when each is single."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""
