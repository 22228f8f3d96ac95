"""The DLT window: it opens with the first infusion, and its end asks for a statement."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from cohorts.actions import update_outcome
from cohorts.models import Participant
from cohorts.policies import document_of
from dosing.models import DltWindow, Infusion
from dosing.states import WINDOW, WindowState
from dosing.windows import window_close
from ntrust.change import Change

_ORDER: Final = (
    WindowState.NOT_OPEN,
    WindowState.OPEN,
    WindowState.AWAITING_STATEMENT,
    WindowState.CLOSED,
)


def pass_time(change: Change) -> None:
    """Windows whose close has passed await their statement; nothing is concluded by silence."""
    over = DltWindow.objects.filter(
        participant__study=change.study, state=WindowState.OPEN, closes_at__lte=change.now
    ).select_related("participant__site")
    for window in over:
        _await_statement(change, window)
        update_outcome(change, window.participant, is_window_over=True)


def move_window(window: DltWindow, *, to: str) -> None:
    """The writer of a window's state: the statement at its end, and the infusions' times."""
    WINDOW.check(window.state, to)
    window.state = to
    window.save(update_fields=["state"])


def settle_window(
    change: Change, participant: Participant, infusions: Sequence[Infusion]
) -> dict[str, Any]:
    """Make the window what the infusions' times say, and answer the facts for the outcome.

    It opens with the first infusion given and closes by the protocol's anchor. A close that moves
    into the future opens it again, one that moved into the past asks for the statement, and with
    no infusion left it is not open. A signed statement is for safety to judge: a closed window
    whose close stays in the past stays closed here. Says so when a known close moves.
    """
    window = DltWindow.objects.get(participant=participant)
    before = window.closes_at
    opens_at = min((i.given_at for i in infusions if i.given_at is not None), default=None)
    rules = document_of(participant.protocol_version).window
    closes_at = window_close(infusions, rules, zone=participant.site.timezone)
    is_over = closes_at is not None and closes_at <= change.now
    to = WindowState.OPEN if opens_at is not None else WindowState.NOT_OPEN
    if is_over and window.state in (WindowState.AWAITING_STATEMENT, WindowState.CLOSED):
        to = WindowState(window.state)
    _step_to(window, to, opened_at=opens_at, closes_at=closes_at)
    if before is not None and before != closes_at:
        _say_moved(change, window, before=before)
    if is_over and window.state == WindowState.OPEN:
        _await_statement(change, window)
    return {
        "first_infused_at": opens_at,
        "window_closes_at": closes_at,
        "is_window_over": window.state in (WindowState.AWAITING_STATEMENT, WindowState.CLOSED),
    }


def _step_to(
    window: DltWindow, to: WindowState, *, opened_at: datetime | None, closes_at: datetime | None
) -> None:
    """Move by move, as the life cycle has it; the times go with the last one."""
    at, end = _ORDER.index(WindowState(window.state)), _ORDER.index(to)
    for state in reversed(_ORDER[end + 1 : at]):
        move_window(window, to=state)
    if window.state != to:
        WINDOW.check(window.state, to)
    window.state, window.opened_at, window.closes_at = to, opened_at, closes_at
    window.save(update_fields=["state", "opened_at", "closes_at"])


def _await_statement(change: Change, window: DltWindow) -> None:
    move_window(window, to=WindowState.AWAITING_STATEMENT)
    change.record(
        "STATEMENT_DUE",
        f"The DLT window of {window.participant} is over: the signed statement is due.",
        subject=str(window.participant),
        site=window.participant.site,
    )


def _say_moved(change: Change, window: DltWindow, *, before: datetime) -> None:
    after = window.closes_at
    if window.state == WindowState.NOT_OPEN:
        now_closes = "it is not open any more"
    elif after is None:
        now_closes = "its close is not known yet"
    else:
        now_closes = f"it closes {after:%d-%b-%Y %H:%M} UTC"
    change.record(
        "WINDOW_MOVED",
        f"The DLT window of {window.participant} moved: {now_closes}; "
        f"before, {before:%d-%b-%Y %H:%M} UTC.",
        subject=str(window.participant),
        site=window.participant.site,
        before=before.isoformat(),
        after=after.isoformat() if after else "",
    )
