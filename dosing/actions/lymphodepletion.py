"""Lymphodepletion: the start of a cycle and its point of no return."""

from __future__ import annotations

from datetime import datetime, timedelta

from cohorts.actions import move_participant, update_outcome
from cohorts.models import Participant, Slot
from cohorts.policies import document_of
from cohorts.states import ParticipantState, SlotState
from dosing.actions.facts import infusion_facts, record_course, refuse_future
from dosing.models import Course, DltWindow, Infusion
from dosing.policies import check_lymphodepletion, check_planned_day
from ntrust.change import study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role


def begin_lymphodepletion(
    participant: Participant,
    *,
    regimen: str,
    started_at: datetime,
    first_infusion_on: datetime,
    by: User,
    now: datetime | None = None,
) -> Course:
    """Start cycle 1: the point of no return. Plans the infusions from the protocol's schedule.

    Refuses (`no_lymphodepletion`) with the gates, a regimen the protocol does not have, and a
    start in the future.
    """
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="lymphodepletion begun", now=now) as change:
        participant = read_fresh(participant)
        check_lymphodepletion(participant, now=change.now)
        refuse_future(change, started_at)
        protocol = document_of(participant.protocol_version)
        name = protocol.regimen(regimen).name
        slot = Slot.objects.select_related("cohort__level").get(
            participant=participant, state=SlotState.CONFIRMED
        )
        assert slot.cohort is not None  # the database refuses a seat without one
        level = slot.cohort.level
        check_planned_day(participant, level, first_infusion_on=first_infusion_on)
        course = Course.objects.create(
            participant=participant, level=level, regimen=regimen, started_at=started_at
        )
        for number, day in enumerate(protocol.infusions.days, start=1):
            Infusion.objects.create(
                course=course,
                number=number,
                planned_date=(first_infusion_on + timedelta(days=day)).date(),
                assigned_cells=level.dose,
            )
        DltWindow.objects.create(participant=participant)
        move_participant(change, participant, to=ParticipantState.CONDITIONING)
        planned = infusion_facts(course.infusions.all())
        update_outcome(change, participant, regimen=regimen, infusions=planned)
        record_course(change, course, "LD_BEGUN", f"lymphodepletion begun ({name}).")
    return course


def complete_lymphodepletion(
    course: Course, *, ended_at: datetime, by: User, now: datetime | None = None
) -> Course:
    """Record the end of lymphodepletion. Refuses an end before its start or in the future."""
    participant = course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(participant.study, by=by, reason="lymphodepletion given", now=now) as change:
        course = Course.objects.select_related("participant__site", "level").get(pk=course.pk)
        if course.ended_at is not None:
            raise Refused("already_given", "The lymphodepletion is complete already.")
        refuse_future(change, ended_at)
        if ended_at < course.started_at:
            raise Refused("impossible_order", "Lymphodepletion cannot end before it began.")
        course.ended_at = ended_at
        course.save(update_fields=["ended_at"])
        update_outcome(change, course.participant, lymphodepletion_given=True)
        record_course(change, course, "LD_GIVEN", "lymphodepletion given.")
    return course


def read_fresh(participant: Participant) -> Participant:
    return Participant.objects.select_related("site", "study", "protocol_version").get(
        pk=participant.pk
    )
