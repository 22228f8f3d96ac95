"""What a mail says of the gates: the study's own steps, in words, without what people typed."""

from __future__ import annotations

from datetime import datetime

from cohorts.queries import GateLine, viewer_of
from ntrust.models import Study, User
from safety.queries.ledger import may_read_ledger, seat_steps


def gates_in_words(user: User, study: Study, *, now: datetime) -> str:
    """Why nobody can be enrolled now, and when; empty for those who do not read the ledger."""
    viewer = viewer_of(user, study.key)
    if viewer is None or not may_read_ledger(viewer):
        return ""
    lines = []
    for step in seat_steps(viewer.study, viewer=viewer, now=now):
        lines.append(f"{step.question}: {'can be done now.' if step.is_open else 'not now.'}")
        lines += [f"- {_in_words(gate)}" for gate in step.shut]
    return "\n".join(lines)


def _in_words(gate: GateLine) -> str:
    """A gate's sentence and when it clears; of a hold the reason is read after a log-in."""
    is_hold = gate.rule.startswith("held")
    said = gate.mark.text.partition(" UTC:")[0] + " UTC." if is_hold else gate.mark.text
    if gate.clears_at is not None:
        return f"{said} Clears {gate.clears_at:%d-%b-%Y %H:%M} UTC at the earliest."
    return said
