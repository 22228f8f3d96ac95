"""How many milligrams: body surface, reductions, planned doses. Exact decimal arithmetic.

Rounded half up, twice and nowhere else: body surface to 0.01 m2, and from that rounded surface the
planned dose to 0.1 mg. Sources: Mosteller, N Engl J Med 1987;317:1098; the protocol's
"Lymphodepletion" section, whose numbers come in as `RegimenData` and `LymphodepletionLimits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from cohorts.protocol import ProtocolDocument
from cohorts.protocol.conduct import DrugData, RegimenData, SizeLimits
from ntrust.errors import Refused

_SURFACE_STEP = Decimal("0.01")
_DOSE_STEP = Decimal("0.1")


@dataclass(frozen=True)
class Size:
    """Height and weight; `is_confirmed`: measured again because they are unusual together."""

    height_cm: Decimal
    weight_kg: Decimal
    is_confirmed: bool = False

    @property
    def bmi(self) -> Decimal:
        """Body mass index in kg per m2, unrounded."""
        return self.weight_kg / (self.height_cm / 100) ** 2


@dataclass(frozen=True)
class Reading:
    """A recorded measurement, by its key in the protocol, with the day it was taken."""

    key: str
    value: Decimal
    taken_on: date

    def as_row(self, unit: str) -> dict[str, Any]:
        """What is stored with the course."""
        return {
            "key": self.key,
            "value": str(self.value),
            "unit": unit,
            "taken_on": self.taken_on.isoformat(),
        }


@dataclass(frozen=True)
class Preparation:
    """What the doses of a course rest on, and why this regimen."""

    size: Size
    readings: tuple[Reading, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class PlannedDose:
    """One drug on one day, counted from infusion 1. `mg_per_m2` is after the reduction."""

    drug: str
    day: int
    mg_per_m2: Decimal
    mg: Decimal


def body_surface(size: Size) -> Decimal:
    """Mosteller: the square root of cm times kg over 3600, in m2 to 0.01."""
    exact = (size.height_cm * size.weight_kg / 3600).sqrt()
    return exact.quantize(_SURFACE_STEP, ROUND_HALF_UP)


def band_fraction(drug: DrugData, readings: Mapping[str, Reading]) -> Decimal:
    """The part of the dose that the highest band reached allows; all of it without bands.

    Refuses (`readings_needed`) without its reading, and (`below_lowest_band`) under every band.
    """
    if not drug.reduced_by:
        return Decimal(1)
    reading = readings.get(drug.reduced_by)
    if reading is None:
        raise Refused(
            "readings_needed", f"The dose of {drug.drug} needs the {drug.reduced_by} and its date."
        )
    for band in drug.bands:
        if reading.value >= band.at_least:
            return band.fraction
    raise Refused(
        "below_lowest_band",
        f"{drug.drug.capitalize()} is not given with {drug.reduced_by} {reading.value}, "
        f"below {drug.bands[-1].at_least}.",
    )


def plan_doses(
    protocol: ProtocolDocument, regimen: RegimenData, prepared: Preparation, *, on: date
) -> list[PlannedDose]:
    """Every planned dose of a regimen begun on a day at the site, in the order of days.

    Refuses sizes, readings and counts that the protocol does not let a dose rest on.
    """
    check_size(prepared.size, protocol.lymphodepletion_limits.size)
    readings = check_readings(protocol, regimen, prepared.readings, on=on)
    check_counts(protocol, regimen, readings)
    surface = body_surface(prepared.size)
    planned = []
    for drug in regimen.drugs:
        per_m2 = drug.mg_per_m2 * band_fraction(drug, readings)
        mg = (per_m2 * surface).quantize(_DOSE_STEP, ROUND_HALF_UP)
        planned += [PlannedDose(drug.drug, day, per_m2, mg) for day in drug.days]
    return sorted(planned, key=lambda dose: dose.day)


def check_size(size: Size, limits: SizeLimits) -> None:
    """Refuse (`implausible_size`) what no adult is, and (`check_size`) an unusual body mass index
    until it is confirmed: most are pounds or inches."""
    for what, value, (low, high), unit in (
        ("height", size.height_cm, limits.height_cm, "cm"),
        ("weight", size.weight_kg, limits.weight_kg, "kg"),
    ):
        if not low <= value <= high:
            raise Refused(
                "implausible_size",
                f"A {what} of {value} {unit} lies outside {low} to {high} {unit}: "
                "enter centimetres and kilograms, not inches or pounds.",
            )
    low, high = limits.bmi
    if not low <= size.bmi <= high and not size.is_confirmed:
        raise Refused(
            "check_size",
            f"{size.height_cm} cm and {size.weight_kg} kg make a body mass index of "
            f"{size.bmi:.1f}, outside {low} to {high}: is the weight in pounds? Measure again, "
            "and confirm if it is right.",
        )


def check_readings(
    protocol: ProtocolDocument, regimen: RegimenData, readings: Iterable[Reading], *, on: date
) -> dict[str, Reading]:
    """Readings by their key. Refuses one the protocol does not measure, implausible ones
    (`implausible_value`), ones later than the day (`impossible_order`) and too old (`too_old`)."""
    for reading in readings:
        measured = protocol.measurement(reading.key)
        said = f"{measured.name} of {reading.value} {measured.unit}"
        if not measured.lowest <= reading.value <= measured.highest:
            raise Refused(
                "implausible_value",
                f"A {said} lies outside {measured.lowest} to {measured.highest}: check the unit.",
            )
        if reading.taken_on > on:
            raise Refused("impossible_order", f"The {said} was taken after the start.")
        age = (on - reading.taken_on).days
        if age > regimen.counts_valid_days:
            raise Refused(
                "too_old",
                f"The {said} was taken {age} days before the start: at most "
                f"{regimen.counts_valid_days} are allowed.",
            )
    return {reading.key: reading for reading in readings}


def check_counts(
    protocol: ProtocolDocument, regimen: RegimenData, readings: Mapping[str, Reading]
) -> None:
    """A regimen for low counts needs one of its counts below its limit.

    Refuses (`counts_needed`) when none is entered, (`counts_do_not_allow`) when none is low enough.
    """
    if not regimen.requires_any:
        return
    limits = []
    for limit in regimen.requires_any:
        measured = protocol.measurement(limit.field)
        limits.append(f"{measured.name} below {limit.below} {measured.unit}")
    allowed = f"{regimen.name.capitalize()} is for {' or '.join(limits)}"
    found = [readings[each.field] for each in regimen.requires_any if each.field in readings]
    if not found:
        raise Refused("counts_needed", f"{allowed}: enter the counts and their dates.")
    if not any(
        readings[x.field].value < x.below for x in regimen.requires_any if x.field in readings
    ):
        values = ", ".join(f"{protocol.measurement(x.key).name} {x.value}" for x in found)
        raise Refused("counts_do_not_allow", f"{allowed}; recorded: {values}.")


def is_off_plan(planned_mg: Decimal, given_mg: Decimal, tolerance: Decimal) -> bool:
    """Whether a given dose differs from the planned one by more than that part of it."""
    return abs(given_mg - planned_mg) > tolerance * planned_mg
