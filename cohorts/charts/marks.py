"""How an outcome is drawn, in every chart of the escalation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ntrust.charts import (
    CARD,
    HARM,
    HARM_PAPER,
    MUTED,
    SETTLED,
    SETTLED_PAPER,
    WAITING,
    WAITING_PAPER,
    sign,
)

KINDS: Final[Mapping[str, tuple[str, str, str]]] = {
    # letter: shape, line, fill
    "N": ("circle", SETTLED, SETTLED_PAPER),
    "T": ("square", HARM, HARM_PAPER),
    "P": ("circle", WAITING, WAITING_PAPER),
    "X": ("circle", MUTED, CARD),
}
LEGEND: Final = (
    sign("circle", "evaluable, no DLT", stroke=SETTLED, fill=SETTLED_PAPER),
    sign("square", "DLT", stroke=HARM, fill=HARM_PAPER),
    sign("circle", "pending", stroke=WAITING, fill=WAITING_PAPER, is_dashed=True),
    sign("struck", "not evaluable", stroke=MUTED, fill=CARD),
)
