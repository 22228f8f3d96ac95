"""The take-over of a study that runs elsewhere: what is staged, who signed, what it comes to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cohorts.queries.words import HARM, QUIET, SETTLED, WAITING, Mark, name_answer, name_flag
from ntrust.models import Study
from ntrust.signing import SignatureStatus, signature_on
from safety.models import TakeOver
from safety.states import OPEN_TAKE_OVERS, TakeOverState

_MARKS = {
    TakeOverState.STAGED: (QUIET, "○"),
    TakeOverState.PARTLY_SIGNED: (WAITING, "◔"),
    TakeOverState.APPLIED: (SETTLED, "●"),
    TakeOverState.WITHDRAWN: (HARM, "■"),
}


@dataclass(frozen=True)
class TakeOverRow:
    """A take-over, and what its workbook comes to."""

    state: Mark
    is_open: bool
    content_hash: str
    staged_at: datetime
    staged_by: str
    counts: tuple[tuple[str, int], ...]
    letters: tuple[tuple[str, str], ...]
    answer: Mark
    flags: tuple[str, ...]
    warnings: tuple[str, ...]
    signatures: tuple[SignatureStatus, ...]
    withdrawn_because: str


def open_take_over(study: Study) -> TakeOver | None:
    """The one that waits for signatures."""
    return TakeOver.objects.filter(study=study, state__in=OPEN_TAKE_OVERS).first()


def read_take_overs(study: Study) -> list[TakeOverRow]:
    """All of them, newest first. One statement."""
    rows = TakeOver.objects.filter(study=study).select_related(
        "staged_by", "manager_signature", "monitor_signature"
    )
    return [_row(row) for row in rows.defer("book").order_by("-id")]


def _row(row: TakeOver) -> TakeOverRow:
    promised, advice = row.promised, row.promised["advice"]
    tone, shape = _MARKS[TakeOverState(row.state)]
    signatures = [one for one in (row.manager_signature, row.monitor_signature) if one is not None]
    return TakeOverRow(
        state=Mark(TakeOverState(row.state).label, tone, shape),
        is_open=row.state in OPEN_TAKE_OVERS,
        content_hash=row.content_hash,
        staged_at=row.staged_at,
        staged_by=str(row.staged_by),
        counts=tuple(promised["created"].items()),
        letters=tuple(sorted(promised["letters"].items(), key=lambda one: int(one[0]))),
        answer=name_answer(advice["verdict"], advice["level"], advice["outcome"], advice["mtd"]),
        flags=tuple(name_flag(flag) for flag in advice["flags"]),
        warnings=tuple(promised["warnings"]),
        signatures=tuple(signature_on(one, row.content_hash) for one in signatures),
        withdrawn_because=row.withdrawn_because,
    )
