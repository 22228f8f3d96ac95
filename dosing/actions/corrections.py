"""Corrections of what was entered about a given infusion: facts change, traces stay."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Unpack

from cohorts.actions import note_deviation
from dosing.actions.facts import new_miss, push_facts, record_course
from dosing.actions.infusions import (
    GIVEN_FIELDS,
    lock_infusion,
    lock_lot,
    note_deviations,
    put_given,
)
from dosing.actions.planning import refuse_overtaken
from dosing.models import Infusion, ProductLot
from dosing.policies import (
    Corrected,
    Given,
    check_given,
    gates_for_lot,
    name_cells,
    shut_by_correction,
    was_released,
)
from dosing.states import INFUSION, InfusionState
from ntrust.change import Change, study_change
from ntrust.errors import Gate, Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role


def correct_infusion(
    infusion: Infusion,
    *,
    reason: str,
    by: User,
    now: datetime | None = None,
    **corrected: Unpack[Corrected],
) -> Infusion:
    """Correct what was entered about an infusion that was given; what is not named stays.

    The DLT window moves with the times, opens again when its close comes to lie in the future, and
    says so; outcome and rules follow in the same change. Refuses a blank reason, an infusion not
    given, a correction of nothing, and what cannot be (see `check_given`). What then deviates is
    noted, and each gate that was shut at the corrected time; deviations noted before stay for
    people to close.
    """
    participant = infusion.course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why the entry was wrong.")
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        infusion = lock_infusion(infusion)
        old = _entered(infusion)
        given = replace(old, **corrected)
        lock_lot(given.lot)
        changes = _changes(old, given)
        if not changes:
            raise Refused("nothing_changed", "This is what is entered already.")
        check_given(infusion, given, now=change.now)
        breaches = shut_by_correction(infusion, old, given)
        put_given(infusion, given)
        infusion.save(update_fields=list(GIVEN_FIELDS))
        note_deviations(change, infusion, given)
        _note_gates(change, infusion, given, breaches)
        if given.lot is not None and given.lot != old.lot:
            _note_lot(change, infusion, given, given.lot)
        push_facts(change, infusion.course)
        what = f"infusion {infusion.number} corrected ({'; '.join(changes)}): {reason}"
        record_course(change, infusion.course, "INFUSION_CORRECTED", what, detail=reason)
    return infusion


def _entered(infusion: Infusion) -> Given:
    """What is entered now; refuses an infusion that is not given."""
    if infusion.state != InfusionState.GIVEN:
        label = InfusionState(infusion.state).label
        raise Refused("not_given", f"Infusion {infusion.number} is {label}: nothing was given.")
    return Given(**{name: getattr(infusion, name) for name in GIVEN_FIELDS})


def _changes(old: Given, new: Given) -> list[str]:
    """What a correction changes, in words: before and after."""
    return [
        f"{name.replace('_', ' ')}: {_word(getattr(old, name))} → {_word(getattr(new, name))}"
        for name in GIVEN_FIELDS
        if getattr(old, name) != getattr(new, name)
    ]


def _word(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%d-%b-%Y %H:%M} UTC"
    if isinstance(value, Decimal):
        return name_cells(value)
    return str(value) if value not in (None, "") else "none"


def _note_lot(change: Change, infusion: Infusion, given: Given, lot: ProductLot) -> None:
    """A lot named later is held to its state at the time it was given."""
    site = infusion.course.participant.site
    gates = [
        gate
        for gate in gates_for_lot(lot, at=given.given_at, site=site)
        if not gate.is_clear
        and not (gate.rule == "lot_released" and was_released(lot, given.given_at))
    ]
    _note_gates(change, infusion, given, gates)


def _note_gates(change: Change, infusion: Infusion, given: Given, gates: list[Gate]) -> None:
    for gate in gates:
        note_deviation(
            change,
            infusion.course.participant,
            kind=f"GIVEN_{gate.rule.upper()}",
            sentence=f"infusion {infusion.number} was given: {gate.sentence}",
            occurred_at=given.given_at,
        )


def mark_not_given(  # noqa: PLR0913 - what it is instead, and why
    infusion: Infusion,
    *,
    reason: str,
    by: User,
    to: str = InfusionState.PLANNED,
    is_for_toxicity: bool = False,
    now: datetime | None = None,
) -> Infusion:
    """An infusion entered as given by mistake is planned again, or missed.

    With no infusion left the DLT window is not open any more and the participant is where
    lymphodepletion left them. Refuses a blank reason, an infusion not given, and planning one that
    a later infusion has overtaken.
    """
    participant = infusion.course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why it was entered as given.")
    if to not in (InfusionState.PLANNED, InfusionState.MISSED):
        raise Refused("illegal_move", "It is planned again, or missed.")
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        infusion = lock_infusion(infusion)
        _entered(infusion)
        if to == InfusionState.PLANNED:
            refuse_overtaken(infusion)
        INFUSION.check(infusion.state, to)
        for name, nothing in _NOTHING_GIVEN.items():
            setattr(infusion, name, nothing)
        infusion.state, infusion.not_given_because = to, reason
        infusion.is_missed_for_toxicity = is_for_toxicity and to == InfusionState.MISSED
        infusion.save(
            update_fields=[
                "state",
                "not_given_because",
                "is_missed_for_toxicity",
                *_NOTHING_GIVEN,
            ]
        )
        push_facts(change, infusion.course, **new_miss(infusion))
        label = InfusionState(to).label
        what = f"infusion {infusion.number} was not given; it is {label}: {reason}"
        record_course(change, infusion.course, "INFUSION_NOT_GIVEN", what, detail=reason)
    return infusion


_NOTHING_GIVEN: dict[str, Any] = {
    "given_at": None,
    "given_cells": None,
    "lot": None,
    "stopped_at": None,
    "interrupted_minutes": 0,
    "interrupted_because": "",
    "reduced_because": "",
}
