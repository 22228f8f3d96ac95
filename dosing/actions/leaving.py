"""The ways out of treatment: into follow-up, off study, and what a departure leaves behind."""

from __future__ import annotations

from datetime import datetime

from cohorts.actions import move_participant
from cohorts.models import Participant
from cohorts.states import DEPARTURES, ParticipantState
from dosing.actions.administrations import drop_dose
from dosing.actions.facts import push_facts, record_course
from dosing.actions.lymphodepletion import read_fresh
from dosing.models import Infusion, LdAdministration
from dosing.policies import check_end
from dosing.states import INFUSION, InfusionState, LdDoseState, WindowState
from ntrust.change import Change, study_change
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role

_UNDECIDED = (InfusionState.PLANNED, InfusionState.HELD)
_MAY_FOLLOW = (ParticipantState.TREATED, ParticipantState.FOLLOW_UP)
"""Those in follow-up among them: a correction may have just returned them to treatment."""
_LOOKED_AT = (*DEPARTURES, *_MAY_FOLLOW)


def close_treatment(change: Change) -> None:
    """Before the rules run: nothing stays planned for those who left, and those whose treatment is
    over and stated are in follow-up."""
    people = Participant.objects.filter(study=change.study, state__in=_LOOKED_AT).order_by()
    states = set(people.values_list("state", flat=True).distinct())
    if states.intersection(DEPARTURES):
        _miss_for_departed(change)
    if ParticipantState.FOLLOW_UP in states:
        _return_to_treatment(change)
    if states.intersection(_MAY_FOLLOW):
        _begin_follow_up(change)


def _miss_for_departed(change: Change) -> None:
    """Doses still planned are omitted, infusions missed, with the departure as the reason.

    The infusions are missed for no toxicity: one missed for a toxicity is recorded so before.
    """
    doses = LdAdministration.objects.filter(
        course__participant__study=change.study,
        course__participant__state__in=DEPARTURES,
        state=LdDoseState.PLANNED,
    ).select_related("course__participant")
    for dose in doses:
        drop_dose(dose, because=_left(dose.course.participant))
    infusions = Infusion.objects.filter(
        course__participant__study=change.study,
        course__participant__state__in=DEPARTURES,
        state__in=_UNDECIDED,
    ).select_related(
        "course__participant__site", "course__participant__protocol_version", "course__level"
    )
    for infusion in infusions:
        INFUSION.check(infusion.state, InfusionState.MISSED)
        because = _left(infusion.course.participant)
        infusion.state, infusion.not_given_because = InfusionState.MISSED, because
        infusion.save(update_fields=["state", "not_given_because"])
        push_facts(change, infusion.course)
        what = f"infusion {infusion.number} missed: {because}."
        record_course(change, infusion.course, "INFUSION_MISSED", what)


def _left(participant: Participant) -> str:
    return f"left the study: {ParticipantState(participant.state).label}"


def _return_to_treatment(change: Change) -> None:
    """Follow-up ends again when a correction leaves an infusion of cycle 1 planned or held."""
    waiting = Participant.objects.filter(
        study=change.study,
        state=ParticipantState.FOLLOW_UP,
        courses__cycle=1,
        courses__infusions__state__in=_UNDECIDED,
    )
    for participant in waiting.distinct():
        move_participant(change, participant, to=ParticipantState.TREATED)
        if not Infusion.objects.filter(
            course__participant=participant, state=InfusionState.GIVEN
        ).exists():
            move_participant(change, participant, to=ParticipantState.CONDITIONING)


def _begin_follow_up(change: Change) -> None:
    """Follow-up begins when the window statement is signed and no infusion is planned or held."""
    treated = Participant.objects.filter(
        study=change.study, state=ParticipantState.TREATED, window__state=WindowState.CLOSED
    )
    waiting = Infusion.objects.filter(course__participant__in=treated, state__in=_UNDECIDED)
    for participant in treated.exclude(pk__in=waiting.values("course__participant")).select_related(
        "site"
    ):
        move_participant(change, participant, to=ParticipantState.FOLLOW_UP)
        change.record(
            "FOLLOW_UP_BEGUN",
            f"{participant} is in follow-up.",
            subject=str(participant),
            site=participant.site,
        )


def complete_follow_up(
    participant: Participant, *, by: User, now: datetime | None = None
) -> Participant:
    """End follow-up: off study. Refuses (`not_complete`) with the gates while anything is owed."""
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="follow-up complete", now=now) as change:
        participant = read_fresh(participant)
        check_end(participant, now=change.now)
        move_participant(change, participant, to=ParticipantState.OFF_STUDY)
        change.record(
            "OFF_STUDY",
            f"{participant} is off study: follow-up complete.",
            subject=str(participant),
            site=participant.site,
        )
    return participant
