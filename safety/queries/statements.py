"""The word at the end of a DLT window."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cohorts.models import Outcome, Participant
from cohorts.queries import Viewer
from cohorts.states import OutcomeLetter
from dosing.models import DltWindow
from dosing.states import WindowState
from ntrust.signing import SignatureStatus, signature_on, signature_status
from safety.models import TakeOver, WindowStatement
from safety.policies import statement_content


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
    said: SignatureStatus | None = None
    is_legacy: bool = False


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
        **_said(participant),
    )


def _said(participant: Participant) -> dict[str, Any]:
    """The statement in force: its signature, beside what it says now. One on paper is covered by
    the signature under the take-over."""
    statement = (
        WindowStatement.objects.filter(participant=participant, withdrawn_at__isnull=True)
        .select_related("signature", "participant__study")
        .first()
    )
    if statement is None:
        return {}
    if statement.is_legacy:
        taken = TakeOver.objects.filter(monitor_signature=statement.signature_id).first()
        hash_now = taken.content_hash if taken else ""
        return {"said": signature_on(statement.signature, hash_now), "is_legacy": True}
    content = statement_content(
        statement.participant, has_dlt=statement.has_dlt, signed_at=statement.signed_at
    )
    return {"said": signature_status(statement.signature, content)}
