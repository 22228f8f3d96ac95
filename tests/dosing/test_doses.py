"""Milligrams: worked by hand, at each limit, and refused where no dose may rest on what is entered.

Written out: 170 cm and 70 kg: 170 x 70 / 3600 = 3.30556, its root 1.81812, so 1.82 m2.
"""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from cohorts.protocol import ProtocolDocument, read_document
from dosing.doses import (
    PlannedDose,
    Preparation,
    Reading,
    Size,
    body_surface,
    is_off_plan,
    plan_doses,
)
from ntrust.errors import Refused

SHIPPED = Path(__file__).parents[2] / "cohorts" / "protocols" / "ntrust-1.yaml"
START = date(2026, 3, 9)
USUAL = Size(Decimal(170), Decimal(70))


@pytest.fixture(scope="module")
def protocol() -> ProtocolDocument:
    return read_document(SHIPPED.read_text(encoding="utf-8"), name=SHIPPED.name)


def plan(
    protocol: ProtocolDocument, regimen: str, size: Size = USUAL, age: int = 1, **readings: str
) -> list[PlannedDose]:
    """Planned from readings of so many days before the start."""
    taken = tuple(
        Reading(key, Decimal(value), START - timedelta(days=age)) for key, value in readings.items()
    )
    prepared = Preparation(size, taken, "cytopenia")
    return plan_doses(protocol, protocol.regimen(regimen), prepared, on=START)


def refusal(protocol: ProtocolDocument, *args: object, **named: object) -> Refused:
    with pytest.raises(Refused) as caught:
        plan(protocol, *args, **named)  # type: ignore[arg-type]
    return caught.value


@pytest.mark.parametrize(
    ("height", "weight", "surface"),
    [
        ("170", "70", "1.82"),
        ("180", "80", "2.00"),
        ("150", "45", "1.37"),
        ("165.5", "62.3", "1.69"),
        ("160", "90", "2.00"),
        # 1.845 exactly is a half: it goes up.
        ("136.161", "90", "1.85"),
    ],
)
def test_surface_is_mostellers_to_two_decimals(height: str, weight: str, surface: str) -> None:
    assert body_surface(Size(Decimal(height), Decimal(weight))) == Decimal(surface)


def test_full_doses_on_each_day(protocol: ProtocolDocument) -> None:
    flu, cy = ("fludarabine", Decimal(30), "54.6"), ("cyclophosphamide", Decimal(500), "910.0")

    planned = plan(protocol, "flu_cy", egfr="92")

    assert [(d.drug, d.mg_per_m2, str(d.mg)) for d in planned] == [flu, cy] * 3
    assert [dose.day for dose in planned] == [-5, -5, -4, -4, -3, -3]


@pytest.mark.parametrize(
    ("egfr", "per_m2", "mg"),
    [
        ("200", "30", "54.6"),
        ("70", "30", "54.6"),
        ("69.9", "24", "43.7"),
        ("45", "24", "43.7"),
    ],
)
def test_fludarabine_follows_the_band_of_the_egfr(
    protocol: ProtocolDocument, egfr: str, per_m2: str, mg: str
) -> None:
    """30 x 0.8 x 1.82 = 43.68."""
    planned = plan(protocol, "flu_cy", egfr=egfr)

    fludarabine = {(d.mg_per_m2, d.mg) for d in planned if d.drug == "fludarabine"}
    others = {d.mg for d in planned if d.drug != "fludarabine"}
    assert fludarabine == {(Decimal(per_m2), Decimal(mg))}
    assert others == {Decimal("910.0")}


def test_fludarabine_is_not_given_below_every_band(protocol: ProtocolDocument) -> None:
    said = refusal(protocol, "flu_cy", egfr="44.9")

    assert said.code == "below_lowest_band"
    assert "44.9, below 45" in said.sentence


def test_reduced_drug_needs_its_reading(protocol: ProtocolDocument) -> None:
    assert refusal(protocol, "flu_cy").code == "readings_needed"
    assert refusal(protocol, "flu_cy", platelets="50").code == "readings_needed"


def test_dose_is_rounded_half_up_to_a_tenth(protocol: ProtocolDocument) -> None:
    """30 x 1.75 = 52.5; 24 x 1.75 = 42.0; 24 x 1.69 = 40.56; 1000 x 1.37 = 1370."""
    small = Size(Decimal(150), Decimal(45))

    assert plan(protocol, "flu_cy", Size(Decimal("165.5"), Decimal("62.3")), egfr="50")[
        0
    ].mg == Decimal("40.6")
    assert plan(protocol, "cy", small, platelets="99")[0].mg == Decimal("1370.0")


@pytest.mark.parametrize(
    ("neutrophils", "platelets"),
    [("2.49", "400"), ("60", "149"), ("2.49", "149"), ("0", "400")],
)
def test_one_low_count_allows_cyclophosphamide_alone(
    protocol: ProtocolDocument, neutrophils: str, platelets: str
) -> None:
    planned = plan(protocol, "cy", neutrophils=neutrophils, platelets=platelets)

    assert [(d.drug, d.day, d.mg) for d in planned] == [("cyclophosphamide", -3, Decimal(1820))]


def test_counts_that_are_not_low_do_not_allow_it(protocol: ProtocolDocument) -> None:
    said = refusal(protocol, "cy", neutrophils="2.5", platelets="150")

    assert said.code == "counts_do_not_allow"
    assert "Neutrophils below 2.5 10^9/L or Platelets below 150 10^9/L" in said.sentence
    assert "recorded: Neutrophils 2.5, Platelets 150" in said.sentence


def test_counts_are_needed_for_it(protocol: ProtocolDocument) -> None:
    assert refusal(protocol, "cy").code == "counts_needed"
    assert refusal(protocol, "cy", egfr="92").code == "counts_needed"


def test_reading_is_seven_days_old_at_most(protocol: ProtocolDocument) -> None:
    assert plan(protocol, "cy", age=7, platelets="99")
    assert plan(protocol, "cy", age=0, platelets="99")

    said = refusal(protocol, "cy", age=8, platelets="99")
    assert said.code == "too_old"
    assert "8 days before the start: at most 7" in said.sentence
    assert refusal(protocol, "flu_cy", age=8, egfr="92").code == "too_old"


def test_reading_is_of_before_the_start(protocol: ProtocolDocument) -> None:
    assert refusal(protocol, "cy", age=-1, platelets="99").code == "impossible_order"


@pytest.mark.parametrize(
    ("key", "value", "code"),
    [
        ("neutrophils", "1600", "implausible_value"),
        ("platelets", "-1", "implausible_value"),
        ("egfr", "201", "implausible_value"),
        ("potassium", "4", "unknown_measurement"),
    ],
)
def test_reading_is_one_the_protocol_knows_in_its_unit(
    protocol: ProtocolDocument, key: str, value: str, code: str
) -> None:
    assert refusal(protocol, "cy", **{key: value}).code == code


@pytest.mark.parametrize(
    ("height", "weight", "code"),
    [
        ("67", "70", "implausible_size"),  # inches
        ("1.70", "70", "implausible_size"),  # metres
        ("70", "170", "implausible_size"),  # the other way round
        ("119.9", "70", "implausible_size"),
        ("230.1", "120", "implausible_size"),
        ("170", "29.9", "implausible_size"),
        ("170", "250.1", "implausible_size"),
        ("170", "154", "check_size"),  # 70 kg in pounds
        ("200", "59.9", "check_size"),
    ],
)
def test_size_in_other_units_is_caught(
    protocol: ProtocolDocument, height: str, weight: str, code: str
) -> None:
    size = Size(Decimal(height), Decimal(weight))

    assert refusal(protocol, "flu_cy", size, egfr="92").code == code


@pytest.mark.parametrize(("height", "weight"), [("200", "60"), ("200", "160")])
def test_body_mass_index_may_be_at_its_limits(
    protocol: ProtocolDocument, height: str, weight: str
) -> None:
    assert plan(protocol, "flu_cy", Size(Decimal(height), Decimal(weight)), egfr="92")


def test_unusual_size_stands_once_confirmed_and_an_impossible_one_never(
    protocol: ProtocolDocument,
) -> None:
    heavy = Size(Decimal(170), Decimal(154), is_confirmed=True)

    assert plan(protocol, "flu_cy", heavy, egfr="92")
    inches = Size(Decimal(67), Decimal(70), is_confirmed=True)
    assert refusal(protocol, "flu_cy", inches, egfr="92").code == "implausible_size"


@pytest.mark.parametrize(
    ("given", "is_off"), [("90", False), ("89.9", True), ("110", False), ("110.1", True)]
)
def test_tolerance_is_a_part_of_the_planned_dose(given: str, is_off: bool) -> None:
    assert is_off_plan(Decimal(100), Decimal(given), Decimal("0.1")) is is_off


def test_without_tolerance_every_difference_counts() -> None:
    assert is_off_plan(Decimal(100), Decimal("100.1"), Decimal(0))
    assert not is_off_plan(Decimal(100), Decimal("100.0"), Decimal(0))
