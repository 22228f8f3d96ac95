"""The DLT window: it opens with infusion 1, and its end asks for a statement."""

from __future__ import annotations

from datetime import datetime

from cohorts.actions import update_outcome
from cohorts.models import Participant
from dosing.models import DltWindow
from dosing.states import WINDOW, WindowState
from ntrust.change import Change


def pass_time(change: Change) -> None:
    """Windows whose close has passed await their statement; nothing is concluded by silence."""
    over = DltWindow.objects.filter(
        participant__study=change.study, state=WindowState.OPEN, closes_at__lte=change.now
    ).select_related("participant__site")
    for window in over:
        WINDOW.check(window.state, WindowState.AWAITING_STATEMENT)
        window.state = WindowState.AWAITING_STATEMENT
        window.save(update_fields=["state"])
        update_outcome(change, window.participant, is_window_over=True)
        change.record(
            "STATEMENT_DUE",
            f"The DLT window of {window.participant} is over: the signed statement is due.",
            subject=str(window.participant),
            site=window.participant.site,
        )


def move_window(window: DltWindow, *, to: str) -> None:
    """The only other writer of a window's state: the statement at its end."""
    WINDOW.check(window.state, to)
    window.state = to
    window.save(update_fields=["state"])


def open_window(participant: Participant, given_at: datetime) -> None:
    window = DltWindow.objects.get(participant=participant)
    WINDOW.check(window.state, WindowState.OPEN)
    window.state, window.opened_at = WindowState.OPEN, given_at
    window.save(update_fields=["state", "opened_at"])
