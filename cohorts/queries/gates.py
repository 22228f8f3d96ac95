"""Gates as a page shows them: a mark, the sentence, when it clears and who can clear it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from cohorts.queries.viewers import Mask
from cohorts.queries.words import HARM, SETTLED, WAITING, Mark
from ntrust.errors import Gate


@dataclass(frozen=True)
class GateLine:
    """One gate. `clears_when` says in words what `clears_at` cannot."""

    rule: str
    is_clear: bool
    mark: Mark
    clears_at: datetime | None
    clears_when: str
    who_can_clear: str


def read_gates(gates: Iterable[Gate], mask: Mask) -> tuple[GateLine, ...]:
    """The gates in their order, without the numbers of people the viewer may not know."""
    return tuple(
        GateLine(
            rule=gate.rule,
            is_clear=gate.is_clear,
            mark=Mark(mask.cover(gate.sentence), *_look(gate)),
            clears_at=gate.clears_at,
            clears_when=_when(gate),
            who_can_clear=gate.who_can_clear,
        )
        for gate in gates
    )


def _look(gate: Gate) -> tuple[str, str]:
    """Red for a hold and for a level closed by DLTs; anything else shut is waited for."""
    if gate.is_clear:
        return SETTLED, "●"
    is_stop = gate.rule.startswith("held") or gate.rule == "level_closed"
    return (HARM, "■") if is_stop else (WAITING, "◔")


def _when(gate: Gate) -> str:
    if gate.rule == "level_closed":
        return "does not clear again"
    return "clears when that is done" if gate.who_can_clear else "nobody clears it by hand"
