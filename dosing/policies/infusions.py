"""May this participant be treated now, and if not, why: the gates of an infusion."""

from __future__ import annotations

from datetime import datetime

from cohorts.models import Outcome, Participant
from cohorts.policies import hold_gates
from cohorts.states import DltStatus, ParticipantState
from dosing.models import Course, Infusion
from dosing.states import InfusionState
from ntrust.errors import Gate, refuse_unless_clear


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
