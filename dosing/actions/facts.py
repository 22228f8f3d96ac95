"""What every action of treatment does: refuse the future, hand facts down, say what happened."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cohorts.actions import move_participant, update_outcome
from cohorts.states import ParticipantState
from dosing.actions.windows import settle_window
from dosing.models import Course, Infusion
from dosing.states import InfusionState
from ntrust.change import Change
from ntrust.errors import Refused

_CELL_PLACES = 10_000
"""Doses are kept to four decimals; the engine counts in whole ten-thousandths."""


def refuse_future(change: Change, moment: datetime) -> None:
    if moment > change.now:
        raise Refused("future_date", "This time lies in the future.")


def push_facts(change: Change, course: Course, **facts: Any) -> None:
    """After infusions changed: work the window out again, and hand everything down.

    The participant is treated while one infusion was given. Only cycle 1 counts.
    """
    if course.cycle != 1:
        return
    participant = course.participant
    infusions = list(course.infusions.all())
    is_treated = any(infusion.given_at is not None for infusion in infusions)
    if is_treated and participant.state == ParticipantState.CONDITIONING:
        move_participant(change, participant, to=ParticipantState.TREATED)
    if not is_treated and participant.state == ParticipantState.TREATED:
        move_participant(change, participant, to=ParticipantState.CONDITIONING)
    facts |= settle_window(change, participant, infusions)
    update_outcome(change, participant, infusions=infusion_facts(infusions), **facts)


def new_miss(infusion: Infusion) -> dict[str, Any]:
    """A miss for toxicity entered now asks for a ruling, whatever was ruled on another before."""
    return {"is_toxicity_adjudicated": False} if infusion.is_missed_for_toxicity else {}


def infusion_facts(infusions: Iterable[Infusion]) -> list[dict[str, Any]]:
    """What the engine's evaluability reads, one row an infusion.

    The exposure is judged against the dose of the level at which the participant counts, also
    where a call has assigned a lower one.
    """
    return [
        {
            "number": infusion.number,
            "state": _engine_state(infusion),
            "assigned": int(infusion.course.level.dose * _CELL_PLACES),
            "given": None
            if infusion.given_cells is None
            else int(infusion.given_cells * _CELL_PLACES),
        }
        for infusion in infusions
    ]


def _engine_state(infusion: Infusion) -> str:
    if infusion.state == InfusionState.GIVEN:
        return "GIVEN"
    if infusion.state == InfusionState.MISSED:
        return "MISSED_FOR_TOXICITY" if infusion.is_missed_for_toxicity else "MISSED"
    return "AWAITED"


def record_course(change: Change, course: Course, kind: str, what: str, **data: str) -> None:
    participant = course.participant
    change.record(
        kind,
        f"{participant}: {what}",
        level=course.level.ordinal,
        subject=str(participant),
        site=participant.site,
        **data,
    )
