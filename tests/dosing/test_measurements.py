"""Measurements: unit-checked, plausible, once a visit and day, corrected with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from cohorts.models import Outcome
from dosing.actions import (
    Reading,
    correct_measurement,
    record_measurement,
    record_measurements,
)
from dosing.models import Measurement
from dosing.queries import last_measured
from ntrust.change import study_change
from ntrust.models import Event, Site
from safety.management.conduct import Conduct
from tests.dosing.measured import person, treated
from tests.factories import refused, shared_trial

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(treated)


def today(trial: Conduct) -> date:
    return trial.now.date()


def reading(trial: Conduct, value: str = "1.5", unit: str = "g/g", **more: Any) -> Reading:
    more.setdefault("measured_on", today(trial))
    return Reading(value=Decimal(value), unit=unit, **more)


def record(trial: Conduct, key: str = "upcr", **different: Any) -> Measurement:
    one = different.pop("reading", None) or reading(trial, **different)
    return record_measurement(
        person(), measurement=key, reading=one, by=trial.crews[0].investigator, now=trial.now
    )


def correct(trial: Conduct, row: Measurement, reason: str = "typing", **entered: Any) -> Any:
    return correct_measurement(
        row,
        reading=reading(trial, **entered),
        reason=reason,
        by=trial.crews[0].investigator,
        now=trial.tick(),
    )


def test_value_is_kept_in_the_protocols_unit_and_as_entered(trial: Conduct) -> None:
    row = record(trial, value="1520", unit="MG / g", visit="day_7", comment=" morning ")

    assert (row.value, row.unit) == (Decimal("1.52"), "g/g")
    assert (row.entered_value, row.entered_unit) == (Decimal(1520), "MG / g")
    assert (row.visit, row.comment) == ("day_7", "morning")
    assert (row.measured_on, row.measured_at) == (today(trial), None)
    assert (row.entered_by, row.entered_at) == (trial.crews[0].investigator, trial.now)
    event = Event.objects.latest("id")
    assert (event.kind, event.sentence) == ("MEASURED", "P-001: UPCR recorded.")


@pytest.mark.parametrize(
    ("unit", "sentence"),
    [
        ("mg/mmol", "UPCR is given in g/g or mg/g, not in mg/mmol."),
        ("", "UPCR is given in g/g or mg/g, not in ?."),
        ("g", "UPCR is given in g/g or mg/g, not in g."),
    ],
)
def test_wrong_unit_is_refused_in_words(trial: Conduct, unit: str, sentence: str) -> None:
    with refused("wrong_unit") as caught:
        record(trial, unit=unit)

    assert caught.value.sentence == sentence


@pytest.mark.parametrize(
    ("key", "value", "unit", "accepted"),
    [
        ("upcr", "0", "g/g", True),
        ("upcr", "-0.01", "g/g", False),
        ("upcr", "50", "g/g", True),
        ("upcr", "50.000001", "g/g", False),
        ("upcr", "50000", "mg/g", True),
        ("upcr", "50001", "mg/g", False),
        ("c3", "1", "mg/dL", True),
        ("c3", "0.99", "mg/dL", False),
        ("c3", "NaN", "mg/dL", False),
        ("c3", "Infinity", "mg/dL", False),
    ],
)
def test_plausible_range_at_and_past_its_ends(
    trial: Conduct, key: str, value: str, unit: str, accepted: bool
) -> None:
    if accepted:
        assert record(trial, key, value=value, unit=unit).pk
        return

    with refused("implausible") as caught:
        record(trial, key, value=value, unit=unit)

    assert "Check the value and the unit." in caught.value.sentence


def test_range_is_named_with_its_unit(trial: Conduct) -> None:
    with refused("implausible") as caught:
        record(trial, value="152", unit="g/g")

    assert caught.value.sentence == (
        "UPCR of 152 g/g is not plausible: it lies outside 0 to 50 g/g. "
        "Check the value and the unit."
    )


def test_unknown_key_and_visit_are_refused(trial: Conduct) -> None:
    with refused("unknown_measurement"):
        record(trial, "potassium")
    with refused("unknown_visit"):
        record(trial, visit="day_8")


def test_day_is_needed_and_not_in_the_future(trial: Conduct) -> None:
    with refused("no_day"):
        record(trial, measured_on=None)
    with refused("future_date"):
        record(trial, measured_on=today(trial) + timedelta(days=1))
    with refused("future_date"):
        record(trial, measured_on=None, measured_at=trial.now + timedelta(minutes=1))
    assert record(trial, measured_on=None, measured_at=trial.now).measured_on == today(trial)


def test_the_day_is_the_sites_own(trial: Conduct) -> None:
    """At 03:00 UTC it is still yesterday in Puerto Rico."""
    with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()):
        Site.objects.filter(code="S1").update(timezone="America/Puerto_Rico")
    trial.now = datetime(2026, 3, 1, 3, tzinfo=UTC)

    with refused("future_date"):
        record(trial, measured_on=date(2026, 3, 1))
    row = record(trial, measured_on=None, measured_at=trial.now)

    assert row.measured_on == date(2026, 2, 28)


def test_second_value_of_a_visit_and_day_is_refused(trial: Conduct) -> None:
    record(trial, visit="day_7")

    with refused("already_measured") as caught:
        record(trial, value="9", visit="day_7")

    assert caught.value.sentence == ("UPCR has a value of this visit and day already: correct it.")
    assert record(trial, visit="").pk
    assert record(trial, "c3", value="100", unit="mg/dL", visit="day_7").pk
    assert record(trial, visit="day_7", measured_on=today(trial) - timedelta(days=1)).pk


def test_database_refuses_a_second_value_too(trial: Conduct) -> None:
    row = record(trial)
    row.pk = None

    with (
        pytest.raises(IntegrityError, match="measured_once_a_visit_and_day"),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
        transaction.atomic(),
    ):
        row.save(force_insert=True)


def test_correction_keeps_what_was_wrong(trial: Conduct) -> None:
    row = record(trial)

    row = correct(trial, row, value="1500", unit="mg/g", comment="unit", reason="wrong unit")

    assert (row.value, row.entered_unit) == (Decimal("1.5"), "mg/g")
    history = row.row_history.order_by("pgh_id")
    assert [old.entered_unit for old in history] == ["g/g", "mg/g"]
    assert history[1].pgh_context["reason"] == "wrong unit"
    assert Event.objects.latest("id").kind == "MEASUREMENT_CORRECTED"


def test_correction_is_refused_like_an_entry(trial: Conduct) -> None:
    row = record(trial)
    other = record(trial, measured_on=today(trial) - timedelta(days=1))

    with refused("reason_needed"):
        correct(trial, row, reason=" ", value="2")
    with refused("nothing_changed"):
        correct(trial, row)
    with refused("wrong_unit"):
        correct(trial, row, unit="kg")
    with refused("implausible"):
        correct(trial, row, value="51")
    with refused("future_date"):
        correct(trial, row, measured_on=today(trial) + timedelta(days=2))
    with refused("already_measured"):
        correct(trial, row, measured_on=other.measured_on)


def test_values_of_a_visit_are_entered_all_or_nothing(trial: Conduct) -> None:
    readings = {"upcr": reading(trial), "c3": reading(trial, "100", "mg/dL")}
    who: dict[str, Any] = {"by": trial.crews[0].investigator, "now": trial.tick()}

    with refused("implausible"):
        record_measurements(
            person(), readings={**readings, "copies": reading(trial, "-1", "copies/ug DNA")}, **who
        )
    with refused("nothing_entered"):
        record_measurements(person(), readings={}, **who)
    rows = record_measurements(person(), readings=readings, **who)

    assert [row.measurement for row in rows] == ["upcr", "c3"]
    assert Measurement.objects.count() == 2


def test_other_site_cannot_record(trial: Conduct) -> None:
    with refused("other_site"):
        record_measurement(
            person(),
            measurement="upcr",
            reading=reading(trial),
            by=trial.crews[1].investigator,
            now=trial.tick(),
        )


def test_last_value_up_to_a_day(trial: Conduct) -> None:
    old = record(trial, measured_on=today(trial) - timedelta(days=3))
    new = record(trial, value="2")
    day = today(trial)

    assert last_measured(person(), "upcr", on_or_before=day) == new
    assert last_measured(person(), "upcr", on_or_before=day - timedelta(days=1)) == old
    assert last_measured(person(), "upcr", on_or_before=day - timedelta(days=4)) is None
    assert last_measured(person(), "c3", on_or_before=day) is None


def test_measurements_count_for_nothing_in_the_rules(trial: Conduct) -> None:
    before = Outcome.objects.values_list("letter", "because").get(participant=person())

    record(trial)

    assert Outcome.objects.values_list("letter", "because").get(participant=person()) == before
