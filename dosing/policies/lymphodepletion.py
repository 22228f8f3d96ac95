"""May this participant be treated now, and if not, why: the gates of lymphodepletion."""

from __future__ import annotations

from datetime import datetime

from cohorts.engine.basis import read_design, read_tallies
from cohorts.engine.design import SecondDlt
from cohorts.engine.rules import find_toxic, is_closed
from cohorts.models import Cohort, Decision, DoseLevel, Participant, Slot
from cohorts.policies import (
    consent_gate,
    current_basis,
    gates_for_expansion,
    gates_for_treatment,
    hold_gates,
    open_gate,
    require_protocol,
    site_gate,
)
from cohorts.states import CohortState, ParticipantState, SlotState
from dosing.policies.stagger import stagger_before_lymphodepletion
from ntrust.errors import Gate, refuse_unless_clear
from ntrust.models import Study


def gates_for_lymphodepletion(participant: Participant, *, now: datetime) -> list[Gate]:
    """Lymphodepletion is the point of no return: seat, decision and holds are looked at again.

    A cohort that a later decision closed, for another level or for good, begins nobody's.
    """
    slot = (
        Slot.objects.select_related("cohort__level", "cohort__decision")
        .filter(participant=participant, state=SlotState.CONFIRMED)
        .first()
    )
    if slot is None or slot.cohort is None:
        return [Gate("seat_confirmed", False, f"{participant} has no confirmed seat.")]
    level = slot.cohort.level
    cohort = CohortState(slot.cohort.state)
    state = ParticipantState(participant.state)
    return [
        Gate("seat_confirmed", True, f"{participant} has a seat at level {level.ordinal}."),
        Gate(
            "not_begun",
            state == ParticipantState.SLOTTED,
            f"{participant} is in state: {state.label}.",
        ),
        site_gate(participant.site),
        consent_gate(participant),
        open_gate(participant.study),
        *hold_gates(
            participant.study, level=level.ordinal, site=participant.site, participant=participant
        ),
        level_open(participant.study, level),
        Gate(
            "cohort_open",
            cohort is not CohortState.CLOSED,
            f"Cohort {slot.cohort.number} is {cohort.label}.",
            None,
            "study manager",
        ),
        _decision_stands(slot.cohort.decision),
        *_gates_of_part_2(participant, slot.cohort),
        *gates_for_treatment(participant, now=now),
        *stagger_before_lymphodepletion(participant, level, now=now),
    ]


def _decision_stands(decision: Decision) -> Gate:
    rule, who = "decision_stands", "study manager and medical monitor"
    if not decision.is_in_force:
        sentence = f"Decision #{decision.number} no longer stands: {decision.basis_change}."
        return Gate(rule, False, sentence, None, who)
    return Gate(rule, True, f"Decision #{decision.number} stands.")


def _gates_of_part_2(participant: Participant, cohort: Cohort) -> list[Gate]:
    """In Part 2 also: it is started, the RDE stands, the boundary is not crossed."""
    if cohort.part == 1:
        return []
    study = participant.study
    return gates_for_expansion(study, require_protocol(study), cohort.disease)


def level_open(study: Study, level: DoseLevel) -> Gate:
    """Lifting a hold does not reopen a toxic level, unless the protocol completes its cohort."""
    basis = current_basis(study, require_protocol(study))
    toxic = find_toxic(read_tallies(basis))
    completes = read_design(basis["design"]).second_dlt is SecondDlt.COMPLETE_COHORT
    if is_closed(level.ordinal, toxic) and not (completes and level.ordinal == toxic):
        return Gate("level_closed", False, f"Two or more DLTs at level {toxic} close it and above.")
    return Gate("level_closed", True, f"Level {level.ordinal} is not closed by DLTs.")


def check_lymphodepletion(participant: Participant, *, now: datetime) -> None:
    """Refuse (`no_lymphodepletion`) with every gate that is not clear."""
    refuse_unless_clear("no_lymphodepletion", gates_for_lymphodepletion(participant, now=now))
