"""Measurements and concomitant medication."""

from __future__ import annotations

from decimal import Decimal

from dosing.models import Measurement, Medication
from safety.management.conduct import Conduct
from tests.safety.rights.scene import INVESTIGATOR, MONITOR, D, Rights, Scene


def reading(scene: Scene, value: int) -> D.Reading:
    return D.Reading(Decimal(value), "g/g", measured_on=scene.trial.now.date())


def prescription(scene: Scene, name: str) -> D.Prescription:
    day = scene.trial.now.date()
    return D.Prescription(name, route="ORAL", indication="pain", started_on=day)


def record(trial: Conduct) -> None:
    """One of each, to be corrected or accepted."""
    scene = Scene(trial, trial.crews[0].investigator)
    person = scene.participant("TREATED")
    D.record_measurement(person, measurement="upcr", reading=reading(scene, 1), **scene.who)
    D.record_medication(person, prescription=prescription(scene, "Rituximab"), **scene.who)


PREPARE = record
RIGHTS: Rights = {
    "dosing.record_measurement": (
        INVESTIGATOR,
        lambda s: D.record_measurement(
            s.participant("TREATED"), measurement="upcr", reading=reading(s, 2), **s.who
        ),
    ),
    "dosing.record_measurements": (
        INVESTIGATOR,
        lambda s: D.record_measurements(
            s.participant("TREATED"), readings={"upcr": reading(s, 2)}, **s.who
        ),
    ),
    "dosing.correct_measurement": (
        INVESTIGATOR,
        lambda s: D.correct_measurement(
            Measurement.objects.earliest("id"), reading=reading(s, 3), reason="typing", **s.who
        ),
    ),
    "dosing.record_medication": (
        INVESTIGATOR,
        lambda s: D.record_medication(
            s.participant("TREATED"), prescription=prescription(s, "Ibuprofen"), **s.who
        ),
    ),
    "dosing.correct_medication": (
        INVESTIGATOR,
        lambda s: D.correct_medication(
            Medication.objects.get(), prescription=prescription(s, "Ibuprofen"), reason="x", **s.who
        ),
    ),
    "dosing.accept_medication": (
        MONITOR,
        lambda s: D.accept_medication(Medication.objects.get(), reason="one dose", **s.who),
    ),
}
