"""What may be typed into the shipped protocol's fields: a unit mixed up is refused or exact."""

from decimal import Decimal

import pytest

from cohorts.engine.eligibility import EntryError, read_upper_limit, read_value
from tests.cohorts.test_ntrust_1_criteria import DATA


@pytest.mark.parametrize(
    ("key", "text", "unit", "code"),
    [
        ("hemoglobin", "120", "g/dL", "implausible"),
        ("hemoglobin", "8.996", "g/dL", "too_many_decimals"),
        ("white_cells", "5.2", "/mm3", "implausible"),
        ("neutrophils", "3", "/mm3", "implausible"),
        ("platelets", "250", "/mm3", "implausible"),
        ("upcr", "1500", "g/g", "implausible"),
        ("upcr", "150", "mg/mmol", "wrong_unit"),
        ("upcr", "1.4996", "g/g", "too_many_decimals"),
        ("proteinuria", "1500", "g/day", "implausible"),
        ("egfr", "44.96", "mL/min/1.73 m2", "too_many_decimals"),
        ("bilirubin", "17", "umol/L", "wrong_unit"),
        ("oxygen_saturation", "0.95", "%", "implausible"),
        ("ejection_fraction", "0.55", "%", "implausible"),
        ("qtcf", "0.49", "msec", "implausible"),
        ("immunosuppressant_half_life", "21", "", "wrong_unit"),
        ("immunosuppressant_half_life", "0", "hours", "implausible"),
        ("corticosteroid_change", "never", "", "bad_date"),
        ("hiv_test", "pending", "", "unknown_choice"),
    ],
)
def test_entry_in_the_wrong_unit_is_refused(key, text, unit, code):
    with pytest.raises(EntryError) as caught:
        read_value(DATA.field(key).entry(), text, unit)

    assert caught.value.code == code


@pytest.mark.parametrize(
    ("key", "text", "unit", "value"),
    [
        ("hemoglobin", "90", "g/L", "9"),
        ("white_cells", "2.999", "10^9/L", "2999"),
        ("neutrophils", "2", "10^3/uL", "2000"),
        ("platelets", "100", "10^9/L", "100000"),
        ("upcr", "1499", "mg/g", "1.499"),
        ("qtcf", "0.4801", "sec", "480.1"),
        ("immunosuppressant_half_life", "21", "days", "504"),
    ],
)
def test_converted_entry_is_exact(key, text, unit, value):
    assert read_value(DATA.field(key).entry(), text, unit) == Decimal(value)


def test_upper_limit_far_off_is_refused():
    with pytest.raises(EntryError) as caught:
        read_upper_limit(DATA.field("ast").entry(), "400", "U/L")

    assert caught.value.code == "implausible"
