"""The word at the end of a DLT window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cohorts.models import Outcome, Participant
from cohorts.queries import Viewer
from cohorts.states import OutcomeLetter
from dosing.models import DltWindow
from dosing.states import WindowState


@dataclass(frozen=True)
class StatementPanel:
    """The DLT window of a participant, what they count as, and whether a statement is owed."""

    state: str
    opened_at: datetime | None
    closes_at: datetime | None
    is_owed: bool
    counts_as: str
    because: str
    can_act: bool


def read_statement(
    participant: Participant, *, viewer: Viewer, now: datetime
) -> StatementPanel | None:
    """None before treatment."""
    window = DltWindow.objects.filter(participant=participant).first()
    outcome = Outcome.objects.filter(participant=participant).first()
    if window is None or outcome is None:
        return None
    return StatementPanel(
        state=WindowState(window.state).label,
        opened_at=window.opened_at,
        closes_at=window.closes_at,
        is_owed=window.state == WindowState.AWAITING_STATEMENT,
        counts_as=OutcomeLetter(outcome.letter).label,
        because=outcome.because,
        can_act=viewer.is_investigator_at(participant.site_id),
    )
