"""Lymphodepletion of one participant, dose by dose, and the ways out of the study."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from cohorts.models import Participant
from cohorts.policies import document_of
from cohorts.queries import Mark, Viewer
from cohorts.queries.words import PLAN, QUIET, SETTLED
from cohorts.states import ParticipantState
from dosing.models import Course, LdAdministration
from dosing.states import LdDoseState

_P = ParticipantState
_MARKS: Final = {
    LdDoseState.PLANNED: (PLAN, "◔"),
    LdDoseState.GIVEN: (SETTLED, "●"),
    LdDoseState.OMITTED: (QUIET, "○"),
}
_ON_STUDY: Final = (_P.SCREENING, _P.ELIGIBLE, _P.SLOTTED, _P.CONDITIONING, _P.TREATED)


@dataclass(frozen=True)
class DoseRow:
    """One dose; `number` counts from 1 in the order of days."""

    number: int
    name: str
    mark: Mark
    planned_date: date
    planned: str
    given: str
    started_at: datetime | None
    note: str
    can_act: bool


@dataclass(frozen=True)
class CourseRow:
    """One cycle's lymphodepletion."""

    cycle: int
    regimen: str
    reason: str
    started_at: datetime
    ended_at: datetime | None
    planned_infusion_at: datetime | None
    body: str
    readings: tuple[str, ...]
    doses: tuple[DoseRow, ...]
    can_complete: bool


@dataclass(frozen=True)
class CoursePanel:
    """The courses, newest first, and what the site can do next."""

    courses: tuple[CourseRow, ...]
    can_begin: bool
    can_begin_cycle: bool
    can_leave: bool
    can_end: bool

    @property
    def can_act(self) -> bool:
        """Whether there is anything to do here."""
        return self.can_begin or self.can_begin_cycle or self.can_leave or self.can_end


def read_courses(participant: Participant, *, viewer: Viewer, now: datetime) -> CoursePanel | None:
    """None before a course, for somebody who can do nothing about it."""
    is_site = viewer.is_investigator_at(participant.site_id)
    state = participant.state
    panel = CoursePanel(
        courses=tuple(
            _course(course, is_site=is_site)
            for course in Course.objects.filter(participant=participant)
            .select_related("participant__protocol_version")
            .prefetch_related("administrations")
            .order_by("-cycle")
        ),
        can_begin=is_site and state == _P.SLOTTED,
        can_begin_cycle=is_site and state == _P.FOLLOW_UP,
        can_leave=is_site and state in (*_ON_STUDY, _P.FOLLOW_UP),
        can_end=is_site and state == _P.FOLLOW_UP,
    )
    return panel if panel.courses or panel.can_act else None


def _course(course: Course, *, is_site: bool) -> CourseRow:
    document = document_of(course.participant.protocol_version)
    body = ""
    if course.height_cm is not None and course.weight_kg is not None:
        body = f"{course.height_cm} cm, {course.weight_kg} kg, {course.surface_m2} m² (Mosteller)"
    return CourseRow(
        cycle=course.cycle,
        regimen=document.regimen(course.regimen).name,
        reason=course.reason,
        started_at=course.started_at,
        ended_at=course.ended_at,
        planned_infusion_at=course.planned_infusion_at,
        body=body,
        readings=tuple(
            f"{document.measurement(row['key']).name} {row['value']} {row['unit']} "
            f"({date.fromisoformat(row['taken_on']):%d-%b-%Y})"
            for row in course.readings
        ),
        doses=tuple(
            _dose(number, dose, is_site=is_site and course.ended_at is None)
            for number, dose in enumerate(course.administrations.all(), start=1)
        ),
        can_complete=is_site and course.ended_at is None,
    )


def _dose(number: int, dose: LdAdministration, *, is_site: bool) -> DoseRow:
    tone, shape = _MARKS[LdDoseState(dose.state)]
    return DoseRow(
        number=number,
        name=str(dose),
        mark=Mark(LdDoseState(dose.state).label, tone, shape),
        planned_date=dose.planned_date,
        planned=f"{dose.planned_mg} mg",
        given="" if dose.given_mg is None else f"{dose.given_mg} mg",
        started_at=dose.started_at,
        note=dose.deviation or dose.not_given_because,
        can_act=is_site and dose.state == LdDoseState.PLANNED,
    )
