"""May this participant be treated now, and if not, why: the gates of an infusion."""

from __future__ import annotations

from datetime import datetime

from cohorts.models import Hold, Outcome
from cohorts.policies import document_of, hold_gate, holds_on, open_gate
from cohorts.protocol import Question
from cohorts.states import DltStatus, HoldScope, ParticipantState
from dosing.models import Course, Infusion, SafetyCheck
from dosing.policies.calls import (
    dose_level_open,
    hold_gates_for_infusion,
    lymphodepletion_recent,
)
from dosing.policies.given import Given
from dosing.policies.lots import gates_for_lot, was_released
from dosing.policies.stagger import stagger_before_infusion, stagger_then
from dosing.states import InfusionState
from ntrust.errors import Gate, refuse_unless_clear


def gates_for_infusion(
    infusion: Infusion, *, now: datetime, given: Given | None = None
) -> list[Gate]:
    """Order, lymphodepletion, safety check, holds: what must be clear before the cells are given.

    With what was `given`, also its product lot, and the holds of that moment that are over now.
    """
    course = infusion.course
    return [
        Gate(
            "planned",
            infusion.state == InfusionState.PLANNED,
            f"Infusion {infusion.number} is {InfusionState(infusion.state).label}.",
        ),
        open_gate(course.participant.study),
        _on_treatment(course),
        _lymphodepletion_given(course),
        lymphodepletion_recent(infusion, now=now),
        _previous_settled(infusion),
        *_safety_checked(infusion, at=given.given_at if given else now),
        _no_dlt_of_ones_own(course),
        dose_level_open(infusion),
        *hold_gates_for_infusion(infusion),
        *(
            stagger_before_infusion(infusion, now=given.given_at if given else now)
            if course.cycle == 1
            else []
        ),
        *(_gates_of_then(infusion, given) if given else []),
    ]


def check_infusion(infusion: Infusion, *, now: datetime, given: Given | None = None) -> None:
    """Refuse (`no_infusion`) with every gate that is not clear."""
    refuse_unless_clear("no_infusion", gates_for_infusion(infusion, now=now, given=given))


def was_clear(infusion: Infusion, given: Given, gate: Gate) -> bool:
    """Whether a gate that is shut now is known to have been clear when the infusion was given.

    Known of holds and product lots, which keep their times; otherwise what is shut counts as shut
    then.
    """
    if gate.rule in {f"held_{scope.lower()}" for scope in HoldScope}:
        then = _holds_then(infusion, given.given_at)
        return gate.rule not in {f"held_{hold.scope.lower()}" for hold in then}
    if gate.rule == "lot_released" and given.lot is not None:
        return was_released(given.lot, given.given_at)
    return False


def _gates_of_then(infusion: Infusion, given: Given) -> list[Gate]:
    """The product lot, and holds that were in force then and have been lifted since."""
    participant = infusion.course.participant
    gates = [
        Gate(
            "held_then",
            False,
            f"Held from {hold.placed_at:%d-%b-%Y %H:%M} to {hold.lifted_at:%d-%b-%Y %H:%M} UTC: "
            f"{hold.reason}",
        )
        for hold in _holds_then(infusion, given.given_at)
        if hold.lifted_at is not None
    ]
    if given.lot is not None:
        return [*gates, *gates_for_lot(given.lot, at=given.given_at, site=participant.site)]
    if document_of(participant.protocol_version).infusions.lot_required:
        sentence = "The product lot is not named."
        gates.append(Gate("lot_named", False, sentence, None, "investigator"))
    return gates


def shut_by_correction(infusion: Infusion, old: Given, new: Given) -> list[Gate]:
    """Gates that were shut at the corrected time of an infusion and not at the one entered before.

    A hold is known by its sentence, another gate by its rule; a lot named anew is looked at apart.
    """
    before = {_key(gate) for gate in _shut_at(infusion, old)}
    return [
        gate
        for gate in _shut_at(infusion, new)
        if _key(gate) not in before and not (gate.rule.startswith("lot_") and old.lot != new.lot)
    ]


def _key(gate: Gate) -> str:
    return gate.sentence if gate.rule.startswith("held") else gate.rule


def _shut_at(infusion: Infusion, given: Given) -> list[Gate]:
    """What was in the way of an infusion at its moment, as far as times tell."""
    at = given.given_at
    course = infusion.course
    held = [hold_gate(hold) for hold in _holds_then(infusion, at) if hold.lifted_at is None]
    gates = [
        *_safety_checked(infusion, at=at),
        *stagger_then(infusion, at=at),
        *held,
        *_gates_of_then(infusion, given),
    ]
    if last_given_before(infusion) is None and course.old_at is not None and at >= course.old_at:
        sentence = f"Lymphodepletion is too old since {course.old_at:%d-%b-%Y %H:%M} UTC."
        gates.append(Gate("lymphodepletion_recent", False, sentence))
    return [gate for gate in gates if not gate.is_clear]


def _holds_then(infusion: Infusion, at: datetime) -> list[Hold]:
    course = infusion.course
    participant = course.participant
    return holds_on(
        participant.study,
        level=course.level.ordinal,
        site=participant.site,
        at=at,
        participant=participant,
    )


def _safety_checked(infusion: Infusion, *, at: datetime) -> list[Gate]:
    """Before infusions 2 and 3: the last check up to then, newer than the infusion before."""
    questions = questions_before(infusion)
    if not questions:
        return []
    rule, number = "safety_checked", infusion.number
    check = SafetyCheck.objects.filter(infusion=infusion, checked_at__lte=at).last()
    before = last_given_before(infusion)
    if check is None or (before is not None and check.checked_at <= before):
        sentence = f"The safety check before infusion {number} is not entered."
        return [Gate(rule, False, sentence, None, "investigator")]
    noes = [one.text for one in questions if check.answers.get(one.id) is not True]
    if noes:
        sentence = f"The safety check before infusion {number} says no to: {'; '.join(noes)}."
        return [Gate(rule, False, sentence, None, "investigator")]
    sentence = f"The safety check before infusion {number} is all yes."
    return [Gate(rule, True, sentence)]


def questions_before(infusion: Infusion) -> tuple[Question, ...]:
    """What the participant's protocol asks before this infusion; nothing before the first."""
    if infusion.number == 1:
        return ()
    return document_of(infusion.course.participant.protocol_version).infusions.safety_check


def last_given_before(infusion: Infusion) -> datetime | None:
    """When the infusion before this one was given."""
    earlier = infusion.course.infusions.filter(
        number__lt=infusion.number, given_at__isnull=False
    ).last()
    return earlier.given_at if earlier else None


def _lymphodepletion_given(course: Course) -> Gate:
    is_given = course.ended_at is not None
    sentence = "Lymphodepletion was given." if is_given else "Lymphodepletion is not complete."
    return Gate("lymphodepletion_given", is_given, sentence, None, "investigator")


def _on_treatment(course: Course) -> Gate:
    """Cycle 1 is given before follow-up, a later cycle during it."""
    participant = course.participant
    first = (ParticipantState.CONDITIONING, ParticipantState.TREATED)
    states = first if course.cycle == 1 else (ParticipantState.FOLLOW_UP,)
    label = ParticipantState(participant.state).label
    return Gate("on_treatment", participant.state in states, f"{participant} is in state: {label}.")


def _no_dlt_of_ones_own(course: Course) -> Gate:
    """Nobody is dosed again after a DLT, or while an event of theirs may still become one. In a
    later cycle also one that counts nowhere stops it."""
    participant = course.participant
    outcome = Outcome.objects.get(participant=participant)
    rule, who = "no_dlt_of_ones_own", "medical monitor"
    if outcome.dlt == DltStatus.COUNTED:
        return Gate(rule, False, f"{participant} has a DLT.", None, who)
    if outcome.dlt == DltStatus.PROVISIONAL:
        sentence = f"An event of {participant} may still become a DLT: its clock is running."
        return Gate(rule, False, sentence, None, "investigator")
    if course.cycle > 1 and outcome.has_dlt_elsewhere:
        sentence = f"{participant} has a DLT report from outside the DLT window."
        return Gate(rule, False, sentence, None, who)
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
