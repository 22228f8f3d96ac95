"""The one way to say no: a code, a sentence a clinician can read, and the gates in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Gate:
    """A rule that must be clear before an action.

    `rule` is its code, `sentence` what it says now, `clears_at` when it will clear by itself
    (None: not by time alone), `who_can_clear` a role in words ("" when nobody need act).
    """

    rule: str
    is_clear: bool
    sentence: str
    clears_at: datetime | None = None
    who_can_clear: str = ""


class Refused(Exception):  # noqa: N818 - a refusal is an answer, not a fault
    """An action said no; nothing was changed."""

    def __init__(self, code: str, sentence: str, gates: Sequence[Gate] = ()) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.gates = tuple(gates)


def refuse_unless_clear(code: str, gates: Sequence[Gate]) -> None:
    """Raise Refused naming every gate that is not clear, in order."""
    shut = [gate for gate in gates if not gate.is_clear]
    if shut:
        raise Refused(code, " ".join(gate.sentence for gate in shut), gates)
