"""May this participant be treated now, and if not, why: the gates of lymphodepletion and dosing."""

from __future__ import annotations

from datetime import datetime

from cohorts.engine.basis import read_design, read_tallies
from cohorts.engine.design import SecondDlt
from cohorts.engine.rules import find_toxic, is_closed
from cohorts.models import DoseLevel, Outcome, Participant, Slot
from cohorts.policies import current_basis, hold_gates, require_protocol
from cohorts.states import DecisionState, DltStatus, ParticipantState, SlotState
from dosing.models import Course, Infusion
from dosing.states import InfusionState
from ntrust.errors import Gate, refuse_unless_clear


def gates_for_lymphodepletion(participant: Participant, *, now: datetime) -> list[Gate]:
    """Lymphodepletion is the point of no return: seat, decision and holds are looked at again."""
    slot = (
        Slot.objects.select_related("cohort__level", "cohort__decision")
        .filter(participant=participant, state=SlotState.CONFIRMED)
        .first()
    )
    if slot is None:
        return [Gate("seat_confirmed", False, f"{participant} has no confirmed seat.")]
    level, decision = slot.cohort.level, slot.cohort.decision
    state = ParticipantState(participant.state)
    return [
        Gate("seat_confirmed", True, f"{participant} has a seat at level {level.ordinal}."),
        Gate(
            "not_begun",
            state == ParticipantState.SLOTTED,
            f"{participant} is in state: {state.label}.",
        ),
        *hold_gates(participant.study, level=level.ordinal, site=participant.site),
        _level_open(participant, level),
        Gate(
            "decision_stands",
            decision.state != DecisionState.BASIS_CHANGED,
            f"Decision #{decision.number} stands."
            if decision.state != DecisionState.BASIS_CHANGED
            else f"Decision #{decision.number} no longer stands: {decision.basis_change}.",
            None,
            "study manager and medical monitor",
        ),
    ]


def _level_open(participant: Participant, level: DoseLevel) -> Gate:
    """Lifting a hold does not reopen a toxic level, unless the protocol completes its cohort."""
    study = participant.study
    basis = current_basis(study, require_protocol(study))
    toxic = find_toxic(read_tallies(basis))
    completes = read_design(basis["design"]).second_dlt is SecondDlt.COMPLETE_COHORT
    if is_closed(level.ordinal, toxic) and not (completes and level.ordinal == toxic):
        return Gate("level_closed", False, f"Two or more DLTs at level {toxic} close it and above.")
    return Gate("level_closed", True, f"Level {level.ordinal} is not closed by DLTs.")


def check_lymphodepletion(participant: Participant, *, now: datetime) -> None:
    """Refuse (`no_lymphodepletion`) with every gate that is not clear."""
    refuse_unless_clear("no_lymphodepletion", gates_for_lymphodepletion(participant, now=now))


def gates_for_infusion(infusion: Infusion, *, now: datetime) -> list[Gate]:
    """Order, lymphodepletion, holds: everything that must be clear before the cells are given."""
    course = infusion.course
    participant = course.participant
    return [
        Gate(
            "planned",
            infusion.state == InfusionState.PLANNED,
            f"Infusion {infusion.number} is {InfusionState(infusion.state).label}.",
        ),
        Gate(
            "on_treatment",
            participant.state in (ParticipantState.CONDITIONING, ParticipantState.TREATED),
            f"{participant} is in state: {ParticipantState(participant.state).label}.",
        ),
        _lymphodepletion_given(course),
        _previous_settled(infusion),
        _no_dlt_of_ones_own(participant),
        *hold_gates(participant.study, level=course.level.ordinal, site=participant.site),
    ]


def check_infusion(infusion: Infusion, *, now: datetime) -> None:
    """Refuse (`no_infusion`) with every gate that is not clear."""
    refuse_unless_clear("no_infusion", gates_for_infusion(infusion, now=now))


def _lymphodepletion_given(course: Course) -> Gate:
    is_given = course.ended_at is not None
    sentence = "Lymphodepletion was given." if is_given else "Lymphodepletion is not complete."
    return Gate("lymphodepletion_given", is_given, sentence, None, "investigator")


def _no_dlt_of_ones_own(participant: Participant) -> Gate:
    """Nobody is dosed again after a DLT, or while an event of theirs may still become one."""
    dlt = Outcome.objects.values_list("dlt", flat=True).get(participant=participant)
    rule, who = "no_dlt_of_ones_own", "medical monitor"
    if dlt == DltStatus.COUNTED:
        return Gate(rule, False, f"{participant} has a DLT.", None, who)
    if dlt == DltStatus.PROVISIONAL:
        sentence = f"An event of {participant} may still become a DLT: its clock is running."
        return Gate(rule, False, sentence, None, "investigator")
    return Gate(rule, True, f"{participant} has no DLT.")


def _previous_settled(infusion: Infusion) -> Gate:
    open_before = Infusion.objects.filter(
        course=infusion.course,
        number__lt=infusion.number,
        state__in=[InfusionState.PLANNED, InfusionState.HELD],
    ).first()
    if open_before is None:
        return Gate("in_order", True, "Every earlier infusion was given or missed.")
    label = InfusionState(open_before.state).label
    return Gate(
        "in_order", False, f"Infusion {open_before.number} is still {label}.", None, "investigator"
    )
