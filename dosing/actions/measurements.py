"""Measurements at visits: recorded, corrected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from cohorts.models import Participant
from cohorts.policies import document_of
from dosing.models import Measurement
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role

_STORED = Decimal("0.000001")


@dataclass(frozen=True)
class Reading:
    """A value as it was read off. `measured_on` is the site's day; `measured_at` the time of day
    where it matters, which then gives the day. `visit` is empty for one that was not planned."""

    value: Decimal
    unit: str
    measured_on: date | None = None
    measured_at: datetime | None = None
    visit: str = ""
    comment: str = ""


def record_measurement(
    participant: Participant,
    *,
    measurement: str,
    reading: Reading,
    by: User,
    now: datetime | None = None,
) -> Measurement:
    """Record a value in the protocol's unit, and as it was entered.

    Refuses what the participant's protocol does not measure or visit, a unit nobody converts, an
    implausible value, no day or one in the future, and a second value of that visit and day.
    """
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="measured", now=now) as change:
        facts = _check_reading(change, participant, measurement, reading)
        _refuse_second(participant, measurement, facts)
        row = Measurement.objects.create(
            participant=participant,
            measurement=measurement,
            entered_at=change.now,
            entered_by=by,
            **facts,
        )
        _record(change, row, "MEASURED", "recorded")
    return row


def record_measurements(
    participant: Participant,
    *,
    readings: Mapping[str, Reading],
    by: User,
    now: datetime | None = None,
) -> list[Measurement]:
    """Record what was measured at a visit, all or nothing: key of the measurement to reading.

    Refuses an empty list, and whatever `record_measurement` refuses of one of them.
    """
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    if not readings:
        raise Refused("nothing_entered", "Enter at least one value.")
    with study_change(study, by=by, reason="measured", now=now):
        return [
            record_measurement(participant, measurement=key, reading=reading, by=by)
            for key, reading in readings.items()
        ]


def correct_measurement(
    measurement: Measurement,
    *,
    reading: Reading,
    reason: str,
    by: User,
    now: datetime | None = None,
) -> Measurement:
    """Put a value right; the wrong one stays in the history. Refuses a blank reason, and whatever
    `record_measurement` refuses."""
    participant = measurement.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why the value is corrected.")
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        row = Measurement.objects.select_related("participant__site").get(pk=measurement.pk)
        facts = _check_reading(change, row.participant, row.measurement, reading)
        _refuse_second(row.participant, row.measurement, facts, but=row)
        if all(getattr(row, name) == value for name, value in facts.items()):
            raise Refused("nothing_changed", "These are the values that are recorded.")
        for name, value in facts.items():
            setattr(row, name, value)
        row.save(update_fields=list(facts))
        _record(change, row, "MEASUREMENT_CORRECTED", "corrected")
    return row


def _check_reading(
    change: Change, participant: Participant, measurement: str, reading: Reading
) -> dict[str, Any]:
    """The row's fields, or a refusal in words."""
    document = document_of(participant.protocol_version)
    measured = document.measurement(measurement)
    if reading.visit:
        document.visit(reading.visit)
    zone = ZoneInfo(participant.site.timezone)
    day = reading.measured_on
    if reading.measured_at is not None:
        day = reading.measured_at.astimezone(zone).date()
    if day is None:
        raise Refused("no_day", "Say on which day it was measured.")
    is_later_today = reading.measured_at is not None and reading.measured_at > change.now
    if is_later_today or day > change.now.astimezone(zone).date():
        raise Refused("future_date", "This time lies in the future.")
    value = measured.in_unit(reading.value, reading.unit)
    return {
        "visit": reading.visit,
        "value": value.quantize(_STORED),
        "unit": measured.unit,
        "entered_value": reading.value.quantize(_STORED),
        "entered_unit": reading.unit.strip(),
        "measured_on": day,
        "measured_at": reading.measured_at,
        "comment": reading.comment.strip(),
    }


def _refuse_second(
    participant: Participant,
    measurement: str,
    facts: dict[str, Any],
    *,
    but: Measurement | None = None,
) -> None:
    same = Measurement.objects.filter(
        participant=participant,
        measurement=measurement,
        visit=facts["visit"],
        measured_on=facts["measured_on"],
    ).exclude(pk__in=[but.pk] if but else [])
    if same.exists():
        name = document_of(participant.protocol_version).measurement(measurement).name
        raise Refused(
            "already_measured", f"{name} has a value of this visit and day already: correct it."
        )


def _record(change: Change, row: Measurement, kind: str, what: str) -> None:
    name = document_of(row.participant.protocol_version).measurement(row.measurement).name
    change.record(
        kind,
        f"{row.participant}: {name} {what}.",
        subject=str(row.participant),
        site=row.participant.site,
        measurement=row.measurement,
    )
