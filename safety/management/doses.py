"""Lymphodepletion in scripts: an invented size and readings, and every planned dose given."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from cohorts.models import Participant
from cohorts.policies import document_of
from dosing.actions import give_ld_dose
from dosing.doses import Preparation, Reading, Size
from dosing.models import Course
from ntrust.models import User

INFUSED_FOR: Final = timedelta(hours=1)
_USUAL_READING = Decimal(92)


def prepare(
    person: Participant,
    regimen: str,
    readings: Mapping[str, Decimal],
    reason: str,
    *,
    now: datetime,
) -> Preparation | None:
    """What the doses rest on; None for a regimen that names no drugs. What a drug's dose is reduced
    by reads as usual where `readings` does not say."""
    drugs = document_of(person.protocol_version).regimen(regimen).drugs
    if not drugs:
        return None
    needed = {drug.reduced_by: _USUAL_READING for drug in drugs if drug.reduced_by}
    taken_on = (now - timedelta(days=2)).date()
    return Preparation(
        size=Size(Decimal(155 + person.pk % 30), Decimal(55 + person.pk % 35)),
        readings=tuple(
            Reading(key, value, taken_on) for key, value in {**needed, **readings}.items()
        ),
        reason=reason,
    )


def give_doses(course: Course, *, by: User, now: datetime) -> None:
    """Every planned dose in full, at the hour of the start, on its own day where that has been."""
    first_day = course.local_day(course.started_at)
    for dose in course.administrations.all():
        started_at = course.started_at + (dose.planned_date - first_day)
        started_at = max(course.started_at, min(started_at, now - INFUSED_FOR))
        give_ld_dose(
            dose,
            given_mg=dose.planned_mg,
            started_at=started_at,
            stopped_at=started_at + INFUSED_FOR,
            reason="entered for another day",
            by=by,
        )
