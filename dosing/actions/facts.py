"""What every action of treatment does: refuse the future, hand facts down, say what happened."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from cohorts.actions import update_outcome
from cohorts.policies import document_of
from dosing.models import Course, DltWindow, Infusion
from dosing.states import InfusionState, WindowState
from dosing.windows import window_close
from ntrust.change import Change
from ntrust.errors import Refused

_CELL_PLACES = 10_000
"""Doses are kept to four decimals; the engine counts in whole ten-thousandths."""


def refuse_future(change: Change, moment: datetime) -> None:
    if moment > change.now:
        raise Refused("future_date", "This time lies in the future.")


def push_facts(change: Change, course: Course, **facts: Any) -> None:
    """Work the window's close out again and hand everything down."""
    participant = course.participant
    infusions = list(course.infusions.all())
    window = DltWindow.objects.get(participant=participant)
    closes_at = window_close(
        infusions, document_of(participant.protocol_version).window, zone=participant.site.timezone
    )
    if window.closes_at != closes_at and window.state == WindowState.OPEN:
        window.closes_at = closes_at
        window.save(update_fields=["closes_at"])
        facts["window_closes_at"] = closes_at
    update_outcome(change, participant, infusions=infusion_facts(infusions), **facts)


def infusion_facts(infusions: Iterable[Infusion]) -> list[dict[str, Any]]:
    """What the engine's evaluability reads, one row an infusion."""
    return [
        {
            "number": infusion.number,
            "state": _engine_state(infusion),
            "assigned": int(infusion.assigned_cells * _CELL_PLACES),
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
