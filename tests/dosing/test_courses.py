"""Doses of lymphodepletion as planned and as given, and what a departure leaves behind."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import yaml

from cohorts.actions import leave_study
from cohorts.models import Deviation, Outcome, Participant
from dosing.actions import (
    begin_lymphodepletion,
    complete_lymphodepletion,
    give_ld_dose,
    omit_ld_dose,
)
from dosing.doses import Preparation, Reading, Size
from dosing.models import Course, LdAdministration
from safety.management.conduct import Conduct
from safety.management.demo import PROTOCOLS
from tests.factories import (
    make_trial,
    open_level,
    refused,
    seat,
    shared_trial,
)

pytestmark = pytest.mark.django_db
SHIPPED = yaml.safe_load((PROTOCOLS / "ntrust-1.yaml").read_text(encoding="utf-8"))
SECTIONS = ("lymphodepletion", "lymphodepletion_limits", "measurements")
PLAIN = {
    "key": "flu_cy_plain",
    "name": "without drugs",
    "days": [-5],
}


def build() -> Conduct:
    """Two seated at level 1; lymphodepletion as in Ntrust-1, and a regimen without drugs."""
    conduct = {section: SHIPPED[section] for section in SECTIONS}
    conduct["lymphodepletion"] = [*conduct["lymphodepletion"], PLAIN]
    zone = "America/Puerto_Rico"
    trial = open_level(make_trial(conduct=conduct, infusion_days=(0, 7), zone=zone))
    seat(trial, 1, 2)
    return trial


_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return Participant.objects.filter(state="SLOTTED").earliest("id")


def prepared(trial: Conduct, reason: str = "", **readings: str) -> Preparation:
    taken_on = (trial.now - timedelta(days=2)).date()
    return Preparation(
        Size(Decimal(170), Decimal(70)),
        tuple(Reading(key, Decimal(value), taken_on) for key, value in readings.items()),
        reason,
    )


def begin(trial: Conduct, person: Participant, regimen: str = "flu_cy", **named: Any) -> Course:
    if regimen == "flu_cy":
        named = {"preparation": prepared(trial, egfr="69.9"), **named}
    named = {"started_at": trial.now, **named}
    return begin_lymphodepletion(
        person,
        regimen=regimen,
        first_infusion_on=trial.now + timedelta(days=5),
        by=trial.investigator_of(person),
        now=trial.tick(),
        **named,
    )


def give(trial: Conduct, dose: LdAdministration, **named: Any) -> LdAdministration:
    named = {
        "given_mg": dose.planned_mg,
        "started_at": trial.now - timedelta(minutes=30),
        "stopped_at": trial.now,
        **named,
    }
    by = trial.crews[0].investigator
    return give_ld_dose(dose, by=by, now=trial.tick(), **named)


def give_all(trial: Conduct, course: Course) -> None:
    for dose in course.administrations.all():
        trial.now = max(trial.now, course.started_at + timedelta(days=dose.day + 5, hours=1))
        give(trial, dose)


def complete(trial: Conduct, course: Course, **named: Any) -> Course:
    named = {"ended_at": trial.now, **named}
    return complete_lymphodepletion(
        course, by=trial.crews[0].investigator, now=trial.tick(), **named
    )


# --- Planned ---------------------------------------------------------------------------------


def test_course_keeps_what_its_doses_rest_on(trial: Conduct, person: Participant) -> None:
    course = begin(trial, person)

    taken_on = (trial.now - timedelta(days=2)).date().isoformat()
    assert (course.height_cm, course.weight_kg) == (Decimal(170), Decimal(70))
    assert course.surface_m2 == Decimal("1.82")
    assert course.readings == [
        {"key": "egfr", "value": "69.9", "unit": "mL/min/1.73 m2", "taken_on": taken_on}
    ]
    first, second, *_ = course.administrations.all()
    assert (str(first), first.planned_mg) == ("fludarabine, Day -5", Decimal("43.7"))
    assert (str(second), second.planned_mg) == ("cyclophosphamide, Day -5", Decimal("910.0"))
    assert course.administrations.count() == 6
    assert first.planned_date == course.local_day(course.started_at)
    assert course.old_at == course.started_at + timedelta(days=14)


def test_days_are_the_sites_own(trial: Conduct, person: Participant) -> None:
    """02:00 UTC is the evening before in Puerto Rico."""
    trial.now = trial.now.replace(hour=2) + timedelta(days=1)
    course = begin(trial, person)

    evening = (trial.now - timedelta(days=1)).date()
    assert course.administrations.earliest("day").planned_date == evening
    assert course.infusions.get(number=1).planned_date == evening + timedelta(days=5)


def test_drugs_need_a_size_and_their_reading(trial: Conduct, person: Participant) -> None:
    with refused("size_needed"):
        begin(trial, person, preparation=None)
    with refused("readings_needed"):
        begin(trial, person, preparation=prepared(trial))
    with refused("below_lowest_band"):
        begin(trial, person, preparation=prepared(trial, egfr="44.9"))


def test_cyclophosphamide_alone_needs_low_counts_and_a_reason(
    trial: Conduct, person: Participant
) -> None:
    for code, preparation in (
        ("reason_needed", prepared(trial, platelets="99")),
        ("counts_needed", prepared(trial, "cytopenia")),
        ("counts_do_not_allow", prepared(trial, "cytopenia", platelets="150", neutrophils="2.5")),
    ):
        with refused(code):
            begin(trial, person, "cy", preparation=preparation)

    course = begin(trial, person, "cy", preparation=prepared(trial, "cytopenia", platelets="99"))

    assert course.reason == "cytopenia"
    assert [dose.planned_mg for dose in course.administrations.all()] == [Decimal("1820.0")]


def test_regimen_without_drugs_begins_as_before(trial: Conduct, person: Participant) -> None:
    course = begin(trial, person, "flu_cy_plain")

    assert (course.surface_m2, course.administrations.count()) == (None, 0)
    assert complete(trial, course).ended_at


def test_start_makes_sense(trial: Conduct, person: Participant) -> None:
    with refused("impossible_order"):
        begin(trial, person, started_at=person.consented_at - timedelta(minutes=1))
    with refused("impossible_order"):
        begin_lymphodepletion(
            person,
            regimen="flu_cy_plain",
            started_at=trial.now,
            first_infusion_on=trial.now - timedelta(days=1),
            by=trial.investigator_of(person),
            now=trial.tick(),
        )


# --- Given -----------------------------------------------------------------------------------


def test_doses_as_planned_make_no_deviation(trial: Conduct, person: Participant) -> None:
    course = begin(trial, person)

    give_all(trial, course)

    assert not Deviation.objects.exists()
    assert complete(trial, course).ended_at
    assert Outcome.objects.get(participant=person).lymphodepletion_given


@pytest.mark.parametrize(("mg", "is_off"), [("819", False), ("818.9", True), ("1001.1", True)])
def test_other_milligrams_need_a_reason_and_are_a_deviation(
    trial: Conduct, person: Participant, mg: str, is_off: bool
) -> None:
    """10 % of 910 mg."""
    dose = begin(trial, person).administrations.get(drug="cyclophosphamide", day=-5)
    trial.now += timedelta(hours=1)
    if is_off:
        with refused("reason_needed") as caught:
            give(trial, dose, given_mg=Decimal(mg))
        assert f"910.0 mg were planned, {mg} mg given" in caught.value.sentence

    given = give(trial, dose, given_mg=Decimal(mg), reason="a bag was lost")

    kinds = list(Deviation.objects.values_list("kind", flat=True))
    assert kinds == (["LD_DOSE_OFF_PLAN"] if is_off else [])
    assert given.deviation.endswith("a bag was lost") == is_off


def test_another_day_is_a_deviation(trial: Conduct, person: Participant) -> None:
    dose = begin(trial, person).administrations.get(drug="cyclophosphamide", day=-5)
    trial.now += timedelta(days=1)
    with refused("reason_needed"):
        give(trial, dose)

    give(trial, dose, reason="fever")

    deviation = Deviation.objects.get()
    assert deviation.kind == "LD_DOSE_OFF_DAY"
    assert deviation.sentence.startswith("cyclophosphamide, Day -5: planned for")


def test_dose_times_and_milligrams_make_sense(trial: Conduct, person: Participant) -> None:
    course = begin(trial, person)
    dose = course.administrations.earliest("id")
    trial.now += timedelta(hours=2)
    for code, named in (
        ("no_dose", {"given_mg": Decimal(0)}),
        ("future_date", {"stopped_at": trial.now + timedelta(hours=1)}),
        (
            "impossible_order",
            {"started_at": trial.now, "stopped_at": trial.now - timedelta(hours=1)},
        ),
        ("impossible_order", {"started_at": course.started_at - timedelta(minutes=1)}),
    ):
        with refused(code):
            give(trial, dose, reason="because", **named)
    give(trial, dose)

    with refused("illegal_move"):
        give(trial, dose)
    with refused("illegal_move"):
        omit_ld_dose(dose, reason="late", by=trial.crews[0].investigator, now=trial.tick())


def test_lymphodepletion_is_complete_once_every_dose_is_recorded(
    trial: Conduct, person: Participant
) -> None:
    course = begin(trial, person)
    by = trial.crews[0].investigator
    *others, last = course.administrations.all()
    for dose in others:
        with refused("reason_needed"):
            omit_ld_dose(dose, reason=" ", by=by, now=trial.tick())
        omit_ld_dose(dose, reason="fever", by=by, now=trial.tick())
    with refused("doses_open") as caught:
        complete(trial, course)
    assert str(last) in caught.value.sentence
    trial.now = course.started_at + timedelta(days=2, hours=1)
    given = give(trial, last)

    with refused("impossible_order"):
        complete(trial, course, ended_at=given.started_at)
    assert complete(trial, course).ended_at
    assert Deviation.objects.filter(kind="LD_DOSE_OMITTED").count() == 5


def test_lymphodepletion_of_no_dose_is_none(trial: Conduct, person: Participant) -> None:
    course = begin(trial, person)
    for dose in course.administrations.all():
        omit_ld_dose(dose, reason="fever", by=trial.crews[0].investigator, now=trial.tick())

    with refused("no_dose_given"):
        complete(trial, course)


# --- The ways out ----------------------------------------------------------------------------


def test_departure_leaves_nothing_planned_and_waits_for_a_ruling(
    trial: Conduct, person: Participant
) -> None:
    course = begin(trial, person)

    leave_study(
        person,
        to="WITHDRAWN",
        reason="moved away",
        by=trial.investigator_of(person),
        now=trial.tick(),
    )

    assert set(course.infusions.values_list("state", flat=True)) == {"MISSED"}
    assert set(course.administrations.values_list("state", flat=True)) == {"OMITTED"}
    outcome = Outcome.objects.get(participant=person)
    assert (outcome.letter, outcome.is_counted) == ("P", True)
    assert "Proposed as not evaluable" in outcome.because
    assert not Deviation.objects.exists()
