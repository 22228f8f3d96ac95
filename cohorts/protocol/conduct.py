"""Sections of a protocol document that conduct reads: stagger, seats, lymphodepletion, infusions,
measurements, medication."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cohorts.protocol.rules import Section
from ntrust.errors import Refused

Days = Annotated[int, Field(ge=0, le=3650)]
Hours = Annotated[int, Field(gt=0, le=24 * 365)]


class StaggerData(Section):
    """Days between one participant's infusion 1 and the next one's at the same level; 0: none."""

    days: Days = 0


class SlotsData(Section):
    """How seats are given out.

    `order`: who is next, by time of request or by the site that was served least. `site_cap`: most
    seats of one site in a cohort. A reservation not confirmed in `reservation_hours` expires.
    `committee_lead_days`: from a full answer to an opened level, for forecasts.
    """

    order: Literal["first_come", "round_robin"] = "first_come"
    site_cap: Annotated[int, Field(ge=1)] | None = None
    reservation_hours: Hours = 72
    committee_lead_days: Days = 7


class CountLimit(Section):
    """A blood count under a limit: `field` is a measurement's key, `below` in its unit."""

    field: str
    below: Decimal


class DoseBand(Section):
    """From this value of the measurement upwards, this fraction of the dose."""

    at_least: Decimal
    fraction: Annotated[Decimal, Field(gt=0, le=1)]


class DrugData(Section):
    """A drug of a regimen: mg per m2 and day, on `days` counted from infusion 1.

    With `reduced_by` (a measurement's key) the highest band reached sets the fraction; below the
    lowest band the drug may not be given.
    """

    drug: str
    mg_per_m2: Annotated[Decimal, Field(gt=0)]
    days: Annotated[tuple[int, ...], Field(min_length=1)]
    reduced_by: str = ""
    bands: tuple[DoseBand, ...] = ()

    @model_validator(mode="after")
    def _bands_belong_to_a_measurement(self) -> Self:
        if bool(self.reduced_by) != bool(self.bands):
            raise ValueError("a reduction names its measurement and its bands")
        limits = [band.at_least for band in self.bands]
        if limits != sorted(set(limits), reverse=True):
            raise ValueError("bands fall from the highest to the lowest")
        return self


class RegimenData(Section):
    """A lymphodepletion regimen; `days` counted from infusion 1.

    `requires_any`: counts that allow it, one of which must be met by recorded counts not older
    than `counts_valid_days`; empty: allowed to everybody.
    """

    key: str
    name: str
    days: Annotated[tuple[int, ...], Field(min_length=1)]
    drugs: tuple[DrugData, ...] = ()
    requires_any: tuple[CountLimit, ...] = ()
    counts_valid_days: Days = 7

    @model_validator(mode="after")
    def _drugs_on_its_days(self) -> Self:
        for drug in self.drugs:
            if not set(drug.days) <= set(self.days):
                raise ValueError(f"{drug.drug} is given on days of the regimen")
        return self


class SizeLimits(Section):
    """Height and weight that an adult can have, to catch inches and pounds: outside them nothing
    is planned. A body mass index outside its limits needs a second measurement."""

    height_cm: tuple[Decimal, Decimal] = (Decimal(120), Decimal(230))
    weight_kg: tuple[Decimal, Decimal] = (Decimal(30), Decimal(250))
    bmi: tuple[Decimal, Decimal] = (Decimal(15), Decimal(40))

    @model_validator(mode="after")
    def _from_low_to_high(self) -> Self:
        for low, high in (self.height_cm, self.weight_kg, self.bmi):
            if not 0 < low < high:
                raise ValueError("a range goes from its lower to its higher end")
        return self


class LymphodepletionLimits(Section):
    """`oldest_days`: lymphodepletion begun longer ago needs the medical monitor's call before
    infusion 1; none: no limit. `call_hours`: how soon the monitor answers a call about a
    conditioned participant. `dose_tolerance`: the part of the planned mg by which a dose may differ
    without a deviation.
    """

    oldest_days: Annotated[int, Field(ge=1)] | None = None
    call_hours: Hours = 24
    dose_tolerance: Annotated[Decimal, Field(ge=0, lt=1)] = Decimal(0)
    size: SizeLimits = SizeLimits()


class VisitWindow(Section):
    """Days early and late that an infusion may be without a deviation."""

    early: Days = 0
    late: Days = 0


class Question(Section):
    """A yes-or-no question of a checklist; only yes lets the dose go on."""

    id: str
    text: str


class InfusionsData(Section):
    """Planned days of the infusions; the first is Day 0.

    `windows`: one a day, or none when any day is inside. `lot_required`: an infusion names a
    released, unexpired product lot. `safety_check`: asked before each infusion but the first.
    `implausible_factor`: cells this many times more or fewer than assigned are a typing error.
    """

    days: Annotated[tuple[int, ...], Field(min_length=1)]
    windows: tuple[VisitWindow, ...] = ()
    lot_required: bool = False
    safety_check: tuple[Question, ...] = ()
    implausible_factor: Annotated[Decimal, Field(gt=1)] | None = None

    @model_validator(mode="after")
    def _from_day_0_upwards(self) -> Self:
        if self.days[0] != 0 or list(self.days) != sorted(set(self.days)):
            raise ValueError("infusion days rise from 0")
        if self.windows and len(self.windows) != len(self.days):
            raise ValueError("one visit window an infusion, or none at all")
        return self


class VisitData(Section):
    """A planned visit at which measurements are taken; `day` from infusion 1."""

    key: str
    name: str
    day: int


class MeasurementData(Section):
    """A measurement: its unit, the plausible range, the reference range, and units that are
    converted (`accepts`: unit to factor)."""

    key: str
    name: str
    unit: str
    decimals: Annotated[int, Field(ge=0, le=6)] = 2
    lowest: Decimal = Decimal(0)
    highest: Decimal
    reference_low: Decimal | None = None
    reference_high: Decimal | None = None
    accepts: dict[str, Annotated[Decimal, Field(gt=0)]] = {}

    @model_validator(mode="after")
    def _range_is_one(self) -> Self:
        if self.lowest >= self.highest:
            raise ValueError("the plausible range has a lower and a higher end")
        return self

    def in_unit(self, value: Decimal, unit: str) -> Decimal:
        """The value in the protocol's unit. Refuses (`wrong_unit`) a unit nobody converts, and
        (`implausible`) a value outside the plausible range, in words."""
        factors = {_same_unit(self.unit): Decimal(1)}
        factors |= {_same_unit(name): factor for name, factor in self.accepts.items()}
        factor = factors.get(_same_unit(unit))
        if factor is None:
            units = " or ".join([self.unit, *self.accepts])
            raise Refused("wrong_unit", f"{self.name} is given in {units}, not in {unit or '?'}.")
        if not value.is_finite() or not self.lowest <= value * factor <= self.highest:
            raise Refused(
                "implausible",
                f"{self.name} of {value} {unit} is not plausible: it lies outside "
                f"{self.lowest} to {self.highest} {self.unit}. Check the value and the unit.",
            )
        return value * factor


def _same_unit(unit: str) -> str:
    """Letters of either case, the two signs for micro, and spaces make no difference."""
    return unit.casefold().replace("μ", "u").replace(" ", "")


class MedicationRule(Section):
    """Medicines the protocol speaks of, found by `names` (part of the entered name, any case).

    `prohibited` ones given in the DLT window propose the participant as not evaluable; the other
    kinds are shown beside the DLT criteria that ask for them. `systemic_only`: not what is put on
    the skin, in the eye or inhaled.
    """

    key: str
    name: str
    kind: Literal["prohibited", "steroid", "anticytokine", "antipyretic"]
    names: Annotated[tuple[Annotated[str, Field(min_length=3)], ...], Field(min_length=1)]
    systemic_only: bool = False

    def concerns(self, name: str, *, is_systemic: bool) -> bool:
        """Whether a medicine of this name, given so, is one of these."""
        entered = name.casefold()
        is_named = any(part.casefold() in entered for part in self.names)
        return is_named and (is_systemic or not self.systemic_only)


class HoldsData(Section):
    """How holds end, and how soon sites answer for what was in flight when one landed.

    `committee_for`: rules whose holds are lifted only with the committee's verdict and a reference
    to its minutes; a word stands for every rule that begins with it. `answer_hours`: from the hold,
    or a reported DLT, to the site's answer for each planned infusion.
    """

    committee_for: tuple[str, ...] = ("PAUSE",)
    answer_hours: Hours = 4

    def needs_committee(self, rule: str) -> bool:
        """Whether a hold of this rule is lifted only with the committee's verdict."""
        return any(rule == word or rule.startswith(f"{word}_") for word in self.committee_for)


class BoundaryData(Section):
    """The toxicity boundary of the Part 2 expansion: the numbers of its rule."""

    rule: Literal["pocock", "beta"]
    most_participants: Annotated[int, Field(ge=1, le=500)]
    p0: Decimal | None = None
    alpha: Decimal | None = None
    prior: tuple[Decimal, Decimal] | None = None
    theta0: Decimal | None = None
    tau: Decimal | None = None

    @model_validator(mode="after")
    def _has_its_numbers(self) -> Self:
        needed = (
            (self.p0, self.alpha) if self.rule == "pocock" else (self.prior, self.theta0, self.tau)
        )
        if None in needed:
            raise ValueError("pocock needs p0 and alpha; beta needs prior, theta0 and tau")
        for name in ("p0", "alpha", "theta0", "tau"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise ValueError(f"{name} lies between 0 and 1, not {value}")
        if self.prior is not None and not all(number > 0 for number in self.prior):
            raise ValueError("the prior is two positive numbers")
        return self


class ExpansionCohortData(Section):
    """An expansion cohort: its disease and its seats; none stated, and it cannot be opened."""

    disease: Annotated[str, Field(min_length=1, max_length=40)]
    seats: Annotated[int, Field(ge=1, le=500)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_its_disease(cls, value: object) -> object:
        """A disease alone is a cohort whose seats are not stated."""
        return {"disease": value} if isinstance(value, str) else value


class Part2Data(Section):
    """The Part 2 expansion cohorts at the RDE.

    `monitoring`: one boundary for all cohorts together, or one for each. `counts_part_1`: whether
    participants of Part 1 who were treated at the RDE count against the boundary too.
    """

    cohorts: tuple[ExpansionCohortData, ...] = ()
    monitoring: Literal["pooled", "per_cohort"] = "pooled"
    counts_part_1: bool = False
    boundary: BoundaryData | None = None

    @model_validator(mode="after")
    def _boundary_is_long_enough(self) -> Self:
        diseases = [cohort.disease for cohort in self.cohorts]
        if len(set(diseases)) != len(diseases):
            raise ValueError("each disease has one expansion cohort")
        seats = [cohort.seats or 0 for cohort in self.cohorts]
        most = sum(seats) if self.monitoring == "pooled" else max(seats, default=0)
        if self.boundary is not None and most > self.boundary.most_participants:
            raise ValueError(
                f"the boundary ends at {self.boundary.most_participants} participants; "
                f"{most} are planned"
            )
        return self


class PlanSplit(Section):
    """How the planned participants divide: by disease, and how many a site is to bring."""

    by_disease: dict[str, Annotated[int, Field(ge=0)]] = {}
    per_site: Annotated[int, Field(ge=1)] | None = None


class ScenarioData(Section):
    """True DLT rates by level that somebody may suppose, to see what the design would do."""

    key: str
    name: str
    rates: dict[int, Annotated[Decimal, Field(ge=0, le=1)]]


class PlanData(Section):
    """The size and phase the registry names."""

    phase: str = ""
    participants: Annotated[int, Field(ge=1)] | None = None
    split: PlanSplit = PlanSplit()
    scenarios: tuple[ScenarioData, ...] = ()
