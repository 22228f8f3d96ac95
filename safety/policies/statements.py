"""May the statement at the end of a DLT window be signed now."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cohorts.models import Outcome, Participant
from cohorts.states import DltStatus
from dosing.models import DltWindow
from dosing.states import WindowState
from ntrust.errors import Gate, refuse_unless_clear
from safety.policies.candidates import open_candidates
from safety.states import CandidateState


def gates_for_statement(participant: Participant, *, has_dlt: bool, now: datetime) -> list[Gate]:
    """No window is closed early, with an open question, or against its own reports."""
    window = DltWindow.objects.filter(participant=participant).first()
    is_over = window is not None and window.state == WindowState.AWAITING_STATEMENT
    outcome = Outcome.objects.filter(participant=participant).first()
    status = outcome.dlt if outcome else DltStatus.NONE
    return [
        Gate(
            "window_over",
            is_over,
            "The DLT window is over."
            if is_over
            else "The DLT window is not over, or its statement is signed already.",
            window.closes_at if window else None,
        ),
        Gate(
            "no_open_question",
            status != DltStatus.PROVISIONAL,
            "No event is waiting to become a DLT."
            if status != DltStatus.PROVISIONAL
            else _say_open(participant),
        ),
        Gate(
            "agrees_with_reports",
            (status == DltStatus.COUNTED) == has_dlt,
            "The statement agrees with the DLT reports."
            if (status == DltStatus.COUNTED) == has_dlt
            else "The statement and the DLT reports disagree: report the DLT, or have it refuted.",
            None,
            "investigator",
        ),
    ]


def _say_open(participant: Participant) -> str:
    """Which events wait, and for what."""
    waiting = [
        f"{candidate.event} ({CandidateState(candidate.state).label})"
        for candidate in open_candidates(participant)
    ]
    if not waiting:
        return "An event of the window may still become a DLT: its clock is running."
    return f"An event of the window may be a DLT, and that is not answered: {'; '.join(waiting)}."


def statement_words(*, has_dlt: bool) -> str:
    """What a statement says."""
    return "a DLT occurred in the window" if has_dlt else "no DLT in the window"


def statement_content(
    participant: Participant, *, has_dlt: bool, signed_at: datetime
) -> dict[str, Any]:
    """What the signature under a statement is bound to; of no other statement it is the same."""
    return {
        "study": participant.study.key,
        "participant": participant.pk,
        "number": participant.screening_number,
        "statement": statement_words(has_dlt=has_dlt),
        "signed_at": signed_at.isoformat(),
    }


def check_statement(participant: Participant, *, has_dlt: bool, now: datetime) -> None:
    """Refuse (`no_statement`) with every gate that is not clear."""
    gates = gates_for_statement(participant, has_dlt=has_dlt, now=now)
    refuse_unless_clear("no_statement", gates)
