"""Measurements over time: of one participant, and of one measurement across dose levels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from cohorts.models import Outcome, Participant
from cohorts.policies import active_protocol, document_of
from cohorts.protocol import ProtocolDocument
from cohorts.protocol.conduct import MeasurementData
from cohorts.queries import Viewer
from cohorts.queries.words import name_level
from dosing.models import Measurement


@dataclass(frozen=True)
class TrendPoint:
    """One value. `day` counts from infusion 1 (Day 0); None when it was not given. `series` is the
    participant's number. `shown` is the value in the protocol's decimals, with its unit."""

    number: int
    series: str
    screening_number: str
    level: str
    day: int | None
    measured_on: date
    measured_at: datetime | None
    zone: str
    visit: str
    value: Decimal
    unit: str
    shown: str
    as_entered: str
    against_reference: str
    comment: str
    can_correct: bool


@dataclass(frozen=True)
class Trend:
    """A measurement with its values in order of time. `levels` from the lowest, as they occur."""

    key: str
    name: str
    unit: str
    reference_low: Decimal | None
    reference_high: Decimal | None
    is_illustrative: bool
    points: tuple[TrendPoint, ...]
    levels: tuple[str, ...]

    @property
    def drawn(self) -> tuple[TrendPoint, ...]:
        """What a chart can show: with a day, in the unit of the axis."""
        return tuple(
            point for point in self.points if point.day is not None and point.unit == self.unit
        )

    @property
    def reference(self) -> str:
        """The reference range in words; empty without one."""
        return name_reference(self.reference_low, self.reference_high, self.unit)


def name_reference(low: Decimal | None, high: Decimal | None, unit: str) -> str:
    """A reference range in words; empty without one."""
    if low is not None and high is not None:
        return f"{low} to {high} {unit}"
    if low is not None:
        return f"{low} {unit} or more"
    return f"{high} {unit} or less" if high is not None else ""


@dataclass(frozen=True)
class MeasurementPanel:
    """The last value of each measurement of a participant."""

    last: tuple[tuple[str, TrendPoint], ...]
    count: int
    can_record: bool


def read_participant_trends(participant: Participant, *, viewer: Viewer) -> tuple[Trend, ...]:
    """Every measurement of the participant's protocol that has a value. Two statements."""
    document = document_of(participant.protocol_version)
    rows = _rows(viewer).filter(participant=participant)
    points = _points(rows, document, viewer)
    trends = (_trend(measured, points.get(measured.key, [])) for measured in document.measurements)
    return tuple(trend for trend in trends if trend.points)


def read_measurement_panel(
    participant: Participant, *, viewer: Viewer, now: datetime
) -> MeasurementPanel | None:
    """None where nothing was measured and nothing can be entered."""
    trends = read_participant_trends(participant, viewer=viewer)
    can_record = viewer.is_investigator_at(participant.site_id)
    if not trends and not can_record:
        return None
    return MeasurementPanel(
        last=tuple((trend.name, trend.points[-1]) for trend in trends),
        count=sum(len(trend.points) for trend in trends),
        can_record=can_record,
    )


def read_study_trend(viewer: Viewer, key: str) -> tuple[tuple[MeasurementData, ...], Trend | None]:
    """What the active protocol measures, and one of them (the first when `key` is none of them)
    over the participants this person may know. Three statements."""
    version = active_protocol(viewer.study)
    measurements = document_of(version).measurements if version else ()
    if version is None or not measurements:
        return (), None
    chosen = next((one for one in measurements if one.key == key), measurements[0])
    rows = _rows(viewer).filter(measurement=chosen.key, participant__outcome__is_counted=True)
    points = _points(rows, document_of(version), viewer)
    return measurements, _trend(chosen, points.get(chosen.key, []))


def find_measurement(viewer: Viewer, number: int) -> Measurement | None:
    """The measurement of that number; None when there is none, or not for this person."""
    found = (
        Measurement.objects.select_related(
            "participant__site", "participant__study", "participant__protocol_version"
        )
        .filter(participant__study=viewer.study, pk=number)
        .first()
    )
    return found if found is not None and viewer.sees(found.participant.site_id) else None


def last_measured(participant: Participant, key: str, *, on_or_before: date) -> Measurement | None:
    """The latest value of a measurement up to a day; for rules that read it."""
    return (
        Measurement.objects.filter(
            participant=participant, measurement=key, measured_on__lte=on_or_before
        )
        .order_by("-measured_on", "-id")
        .first()
    )


def _rows(viewer: Viewer) -> QuerySet[Measurement]:
    rows = (
        Measurement.objects.filter(participant__study=viewer.study)
        .select_related("participant__site", "participant__outcome__level")
        .order_by("measured_on", "measured_at", "id")
    )
    if viewer.sees_every_site:
        return rows
    return rows.filter(participant__site_id__in=viewer.site_ids)


def _points(
    rows: QuerySet[Measurement], document: ProtocolDocument, viewer: Viewer
) -> dict[str, list[TrendPoint]]:
    """Points by measurement, each list in order of time."""
    measured = {one.key: one for one in document.measurements}
    visits = {visit.key: visit.name for visit in document.visits}
    found: dict[str, list[TrendPoint]] = {}
    for row in rows:
        if row.measurement in measured:
            point = _point(row, measured[row.measurement], visits, viewer)
            found.setdefault(row.measurement, []).append(point)
    return found


def _point(
    row: Measurement, measured: MeasurementData, visits: dict[str, str], viewer: Viewer
) -> TrendPoint:
    person = row.participant
    outcome: Outcome | None = getattr(person, "outcome", None)
    is_converted = (row.entered_value, row.entered_unit) != (row.value, row.unit)
    return TrendPoint(
        number=row.pk,
        series=str(person),
        screening_number=person.screening_number,
        level=name_level(outcome.level.ordinal) if outcome else "",
        day=_day(row, outcome),
        measured_on=row.measured_on,
        measured_at=row.measured_at,
        zone=person.site.timezone,
        visit=visits.get(row.visit, row.visit) or "not planned",
        value=row.value,
        unit=row.unit,
        shown=f"{row.value:.{measured.decimals}f} {row.unit}",
        as_entered=f"{row.entered_value.normalize():f} {row.entered_unit}" if is_converted else "",
        against_reference=_against_reference(row, measured),
        comment=row.comment,
        can_correct=viewer.is_investigator_at(person.site_id),
    )


def _day(row: Measurement, outcome: Outcome | None) -> int | None:
    """Days from infusion 1, in site days."""
    if outcome is None or outcome.first_infused_at is None:
        return None
    zone = ZoneInfo(row.participant.site.timezone)
    return (row.measured_on - outcome.first_infused_at.astimezone(zone).date()).days


def _against_reference(row: Measurement, measured: MeasurementData) -> str:
    low, high = measured.reference_low, measured.reference_high
    if row.unit != measured.unit or (low is None and high is None):
        return ""
    if low is not None and row.value < low:
        return "low"
    return "high" if high is not None and row.value > high else "in range"


def _trend(measured: MeasurementData, points: list[TrendPoint]) -> Trend:
    levels = {point.level for point in points if point.level}
    return Trend(
        key=measured.key,
        name=measured.name,
        unit=measured.unit,
        reference_low=measured.reference_low,
        reference_high=measured.reference_high,
        is_illustrative=measured.illustrative,
        points=tuple(points),
        levels=tuple(sorted(levels, key=_rank)),
    )


def _rank(level: str) -> int:
    return int(level.removeprefix("DL"))
