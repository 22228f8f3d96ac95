"""Screening numbers and results: what is kept, corrected and refused."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps

from cohorts.actions import (
    screen_participant,
)
from cohorts.models import Participant, Screening, ScreeningResult
from cohorts.policies import Entry, read_entries
from cohorts.protocol import read_file
from safety.management.conduct import Conduct
from tests.cohorts.screening import enter, entry, plan, screening_trial
from tests.factories import (
    DISEASE,
    refused,
    shared_trial,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(screening_trial)


def file_of(person: Participant) -> Screening:
    return Screening.objects.get(participant=person)


# --- Consent and numbers ----------------------------------------------------------------------


def test_number_is_the_sites_next_when_none_is_given(trial: Conduct) -> None:
    site, by = trial.crews[0].site, trial.crews[0].investigator
    numbers = []

    for given in ("", "S1-007", ""):
        person = screen_participant(
            site,
            screening_number=given,
            disease=DISEASE,
            consented_at=trial.now,
            by=by,
            now=trial.tick(),
        )
        numbers.append(person.screening_number)

    assert numbers == ["S1-001", "S1-007", "S1-008"]
    assert file_of(person).state == "OPEN"


@pytest.mark.parametrize("number", ["a/b", "a b", "../x", "é", "-1"])
def test_number_that_no_address_can_carry_is_refused(trial: Conduct, number: str) -> None:
    with refused("bad_number"):
        screen_participant(
            trial.crews[0].site,
            screening_number=number,
            disease=DISEASE,
            consented_at=trial.now,
            by=trial.crews[0].investigator,
            now=trial.tick(),
        )


# --- Results ----------------------------------------------------------------------------------


def test_results_are_kept_as_typed_and_in_the_fields_own_unit(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)

    enter(trial, person, entry(trial, "egfr", value="1.25", unit="mL/s"), entry(trial, "ast"))

    egfr, ast = ScreeningResult.objects.order_by("field").reverse()
    assert (egfr.entered, egfr.unit, egfr.value) == ("1.25", "mL/s", "75")
    assert (ast.value, ast.upper_limit) == ("24", Decimal(40))
    assert egfr.entered_by == trial.crews[0].investigator


@pytest.mark.parametrize(
    ("field", "changed", "code"),
    [
        ("egfr", {"unit": "mg/dL"}, "wrong_unit"),
        ("egfr", {"value": "900"}, "implausible"),
        ("egfr", {"value": "high"}, "not_a_number"),
        ("egfr", {"value": ""}, "empty"),
        ("egfr", {"measured_on": date(2026, 1, 6)}, "future_date"),
        ("egfr", {"measured_on": None}, "date_needed"),
        ("ast", {"upper_limit": ""}, "upper_limit_needed"),
        ("ast", {"upper_limit": "4000"}, "implausible"),
        ("infection", {"value": "2026-01-06"}, "future_date"),
        ("biopsy", {"value": "maybe"}, "unknown_choice"),
        ("other", {"comment": " "}, "comment_needed"),
    ],
)
def test_one_bad_entry_refuses_them_all(
    trial: Conduct, field: str, changed: dict[str, Any], code: str
) -> None:
    person = trial.consent(disease=DISEASE)
    good = next(key for key in ("biopsy", "infection") if key != field)

    with refused(code):
        enter(trial, person, entry(trial, good), entry(trial, field, **changed))


def test_unknown_twice_and_nothing_are_refused(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)

    with refused("unknown_field"):
        enter(trial, person, Entry("shoe_size", "42"))
    with refused("entered_twice"):
        enter(trial, person, entry(trial, "biopsy"), entry(trial, "biopsy"))
    with refused("nothing_entered"):
        enter(trial, person)
    enter(trial, person, entry(trial, "biopsy"))
    with refused("nothing_entered"):
        enter(trial, person, entry(trial, "biopsy"))


def test_field_of_the_other_disease_is_refused() -> None:
    protocols = Path(__file__).parents[2] / "cohorts" / "protocols"
    asked = read_file(protocols / "ntrust-1.yaml").eligibility

    _, faults = read_entries(
        [Entry("anti_pla2r", "positive", measured_on=date(2026, 1, 5))],
        asked=asked,
        group="LN",
        stored={},
        reason="",
        today=date(2026, 1, 5),
    )

    assert [(fault.field, fault.code) for fault in faults] == [("anti_pla2r", "other_disease")]
    assert "primary membranous nephropathy" in faults[0].sentence


def test_correction_needs_a_reason_and_history_keeps_the_old_value(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)
    enter(trial, person, entry(trial, "egfr"))

    with refused("reason_needed"):
        enter(trial, person, entry(trial, "egfr", value="47"))
    enter(trial, person, entry(trial, "egfr", value="47"), reason="misread the report")

    row = ScreeningResult.objects.get()
    history = apps.get_model("cohorts", "ScreeningResultEvent").objects.filter(pgh_obj_id=row.pk)
    values = list(history.order_by("pgh_id").values_list("value", "reason"))
    assert values == [("74", ""), ("47", "misread the report")]


def test_repeat_measured_later_is_no_correction(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)
    enter(trial, person, entry(trial, "egfr"))
    trial.now += timedelta(days=1)

    enter(trial, person, entry(trial, "egfr", value="71"))

    row = ScreeningResult.objects.get()
    assert (row.value, row.reason) == ("71", "")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"visit_date": date(2026, 1, 6)}, "future_date"),
        ({"lymphodepletion_date": date(2026, 1, 4)}, "impossible_order"),
        ({"first_infusion_date": date(2026, 1, 8)}, "impossible_order"),
        ({"first_infusion_date": date(2026, 1, 9)}, "impossible_order"),
    ],
)
def test_dates_in_an_impossible_order_are_refused(
    trial: Conduct, changed: dict[str, date], code: str
) -> None:
    person = trial.consent(disease=DISEASE)

    with refused(code):
        plan(trial, person, **changed)


def test_same_dates_again_are_refused(trial: Conduct) -> None:
    person = trial.consent(disease=DISEASE)
    plan(trial, person)

    with refused("nothing_entered"):
        plan(trial, person)
