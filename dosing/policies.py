"""May this participant be treated now, and if not, why: the gates of lymphodepletion and dosing."""

from __future__ import annotations

from datetime import datetime

from cohorts.models import Participant, Slot
from cohorts.policies import hold_gates
from cohorts.states import DecisionState, ParticipantState, SlotState
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
        *hold_gates(participant.study, level=course.level.ordinal, site=participant.site),
    ]


def check_infusion(infusion: Infusion, *, now: datetime) -> None:
    """Refuse (`no_infusion`) with every gate that is not clear."""
    refuse_unless_clear("no_infusion", gates_for_infusion(infusion, now=now))


def _lymphodepletion_given(course: Course) -> Gate:
    is_given = course.ended_at is not None
    sentence = "Lymphodepletion was given." if is_given else "Lymphodepletion is not complete."
    return Gate("lymphodepletion_given", is_given, sentence, None, "investigator")


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
