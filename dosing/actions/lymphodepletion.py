"""Lymphodepletion: the start of a cycle and its point of no return."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cohorts.actions import move_participant, note_deviation, update_outcome
from cohorts.models import Participant, Slot
from cohorts.policies import document_of, holds_on
from cohorts.protocol import ProtocolDocument
from cohorts.protocol.conduct import RegimenData
from cohorts.states import ParticipantState, SlotState
from dosing.actions.facts import infusion_facts, record_course, refuse_future
from dosing.doses import PlannedDose, Preparation, body_surface, plan_doses
from dosing.models import Course, DltWindow, Infusion, LdAdministration
from dosing.policies import (
    check_cycle,
    check_lymphodepletion,
    check_planned_day,
    last_course,
    level_of_next_cycle,
)
from dosing.states import LdDoseState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role


def begin_lymphodepletion(  # noqa: PLR0913 - what is known at the start
    participant: Participant,
    *,
    regimen: str,
    started_at: datetime,
    first_infusion_on: datetime,
    by: User,
    preparation: Preparation | None = None,
    now: datetime | None = None,
) -> Course:
    """Start cycle 1: the point of no return. Plans the drugs' doses from the participant's size and
    readings, and the infusions from the protocol's schedule.

    Refuses (`no_lymphodepletion`) with the gates, a regimen the protocol does not have, a start in
    the future, before consent or after the planned infusion, and what `plan_course` refuses.
    """
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="lymphodepletion begun", now=now) as change:
        participant = read_fresh(participant)
        check_lymphodepletion(participant, now=change.now)
        _check_start(change, participant, started_at, first_infusion_on)
        slot = Slot.objects.select_related("cohort__level").get(
            participant=participant, state=SlotState.CONFIRMED
        )
        assert slot.cohort is not None  # the database refuses a seat without one
        level = slot.cohort.level
        check_planned_day(participant, level, first_infusion_on=first_infusion_on)
        course, name = _create_course(
            participant,
            preparation,
            level=level,
            regimen=regimen,
            started_at=started_at,
            planned_infusion_at=first_infusion_on,
        )
        DltWindow.objects.create(participant=participant)
        move_participant(change, participant, to=ParticipantState.CONDITIONING)
        planned = infusion_facts(course.infusions.all())
        update_outcome(change, participant, regimen=regimen, infusions=planned)
        _note_early(change, course, slot)
        record_course(change, course, "LD_BEGUN", f"lymphodepletion begun ({name}).")
    return course


def _note_early(change: Change, course: Course, slot: Slot) -> None:
    """What was in the way when it really began, before it was entered: the seat, a hold of then."""
    participant, started_at = course.participant, course.started_at
    assert slot.confirmed_at is not None  # the database refuses a confirmed seat without its time
    found = []
    if started_at < slot.confirmed_at.replace(second=0, microsecond=0):
        found.append(("LD_BEFORE_SEAT", f"confirmed {slot.confirmed_at:%d-%b-%Y %H:%M} UTC"))
    level = course.level.ordinal
    holds = holds_on(
        participant.study,
        level=level,
        site=participant.site,
        at=started_at,
        participant=participant,
    )
    found += [("LD_WHILE_HELD", f"held then: {hold.reason}") for hold in holds]
    for kind, why in found:
        note_deviation(
            change,
            participant,
            kind=kind,
            sentence=f"lymphodepletion began {started_at:%d-%b-%Y %H:%M} UTC; {why}.",
            occurred_at=started_at,
        )


def begin_cycle(  # noqa: PLR0913 - what is known at the start
    participant: Participant,
    *,
    regimen: str,
    started_at: datetime,
    first_infusion_on: datetime,
    by: User,
    preparation: Preparation | None = None,
    now: datetime | None = None,
) -> Course:
    """Start a later cycle in follow-up: its own regimen, doses and infusions, no DLT window.

    Only cycle 1 counts: the outcome stays as it is. Refuses (`no_cycle`) with the gates, and what
    `begin_lymphodepletion` refuses.
    """
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="a later cycle begun", now=now) as change:
        participant = read_fresh(participant)
        check_cycle(participant, now=change.now)
        _check_start(change, participant, started_at, first_infusion_on)
        last = last_course(participant)
        assert last is not None  # the gates have asked for a signed window
        course, name = _create_course(
            participant,
            preparation,
            cycle=last.cycle + 1,
            level=level_of_next_cycle(last),
            regimen=regimen,
            started_at=started_at,
            planned_infusion_at=first_infusion_on,
        )
        what = f"cycle {course.cycle}: lymphodepletion begun ({name})."
        record_course(change, course, "CYCLE_BEGUN", what)
    return course


def _check_start(
    change: Change, participant: Participant, started_at: datetime, first_infusion_on: datetime
) -> None:
    refuse_future(change, started_at)
    if started_at < participant.consented_at:
        raise Refused("impossible_order", "Lymphodepletion cannot begin before consent.")
    if day_at(participant, first_infusion_on) < day_at(participant, started_at):
        raise Refused("impossible_order", "Infusion 1 is planned before lymphodepletion begins.")
    last = last_course(participant)
    if last is not None and started_at <= last.started_at:
        raise Refused("impossible_order", "The cycle before this one began later than that.")


def _create_course(
    participant: Participant, preparation: Preparation | None, **start: Any
) -> tuple[Course, str]:
    """Write the course with its planned doses and infusions; also answers the regimen's name."""
    protocol = document_of(participant.protocol_version)
    regimen = protocol.regimen(start["regimen"])
    doses = plan_course(protocol, regimen, preparation, on=day_at(participant, start["started_at"]))
    oldest = protocol.lymphodepletion_limits.oldest_days
    course = Course.objects.create(
        participant=participant,
        old_at=None if oldest is None else start["started_at"] + timedelta(days=oldest),
        **start,
        **(_rests_on(protocol, preparation) if preparation else {}),
    )
    day_0 = day_at(participant, start["planned_infusion_at"])
    LdAdministration.objects.bulk_create(
        LdAdministration(
            course=course,
            drug=dose.drug,
            day=dose.day,
            planned_date=day_0 + timedelta(days=dose.day),
            planned_mg_per_m2=dose.mg_per_m2,
            planned_mg=dose.mg,
        )
        for dose in doses
    )
    _plan_infusions(course, protocol, day_0)
    return course, regimen.name


def _plan_infusions(course: Course, protocol: ProtocolDocument, day_0: date) -> None:
    for number, day in enumerate(protocol.infusions.days, start=1):
        Infusion.objects.create(
            course=course,
            number=number,
            planned_date=day_0 + timedelta(days=day),
            assigned_cells=course.level.dose,
        )


def plan_course(
    protocol: ProtocolDocument,
    regimen: RegimenData,
    preparation: Preparation | None,
    *,
    on: date,
) -> list[PlannedDose]:
    """The doses of a course begun on that day; none for a regimen that names no drugs.

    Refuses a regimen with drugs without a size (`size_needed`), one for low counts without its
    reason (`reason_needed`), and what `dosing.doses` refuses.
    """
    if preparation is None:
        if regimen.drugs:
            raise Refused("size_needed", f"The doses of {regimen.name} need height and weight.")
        return []
    if regimen.requires_any and not preparation.reason.strip():
        raise Refused("reason_needed", f"Say why {regimen.name} is given.")
    return plan_doses(protocol, regimen, preparation, on=on)


def _rests_on(protocol: ProtocolDocument, preparation: Preparation) -> dict[str, Any]:
    """What the planned doses rest on, as fields of the course."""
    size = preparation.size
    return {
        "reason": preparation.reason.strip(),
        "height_cm": size.height_cm,
        "weight_kg": size.weight_kg,
        "is_size_confirmed": size.is_confirmed,
        "surface_m2": body_surface(size),
        "readings": [
            reading.as_row(protocol.measurement(reading.key).unit)
            for reading in preparation.readings
        ],
    }


def complete_lymphodepletion(
    course: Course, *, ended_at: datetime, by: User, now: datetime | None = None
) -> Course:
    """Record the end of lymphodepletion.

    Refuses while a dose is still planned (`doses_open`), when none was given (`no_dose_given`), an
    end before its start or its last dose, and one in the future.
    """
    participant = course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(participant.study, by=by, reason="lymphodepletion given", now=now) as change:
        course = Course.objects.select_related("participant__site", "level").get(pk=course.pk)
        if course.ended_at is not None:
            raise Refused("already_given", "The lymphodepletion is complete already.")
        refuse_future(change, ended_at)
        if ended_at < course.started_at:
            raise Refused("impossible_order", "Lymphodepletion cannot end before it began.")
        _check_doses(course, ended_at)
        course.ended_at = ended_at
        course.save(update_fields=["ended_at"])
        if course.cycle == 1:
            update_outcome(change, course.participant, lymphodepletion_given=True)
        record_course(change, course, "LD_GIVEN", "lymphodepletion given.")
    return course


def _check_doses(course: Course, ended_at: datetime) -> None:
    doses = list(course.administrations.all())
    waiting = [str(dose) for dose in doses if dose.state == LdDoseState.PLANNED]
    if waiting:
        raise Refused("doses_open", f"Still planned: {'; '.join(waiting)}. Record or omit each.")
    stops = [dose.stopped_at for dose in doses if dose.stopped_at is not None]
    if doses and not stops:
        raise Refused("no_dose_given", "Every dose was omitted: no lymphodepletion was given.")
    if stops and ended_at < max(stops):
        raise Refused("impossible_order", "A dose ended later than that.")


def day_at(participant: Participant, moment: datetime) -> date:
    """The calendar day of a moment at the participant's site."""
    return moment.astimezone(ZoneInfo(participant.site.timezone)).date()


def read_fresh(participant: Participant) -> Participant:
    """The row as it is now, under the study lock."""
    return Participant.objects.select_related("site", "study", "protocol_version").get(
        pk=participant.pk
    )
