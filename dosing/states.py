"""Life cycles of infusions and DLT windows."""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices

from ntrust.states import SERVICE, LifeCycle, Role, owned_by

_SITE = owned_by(Role.INVESTIGATOR)


class InfusionState(TextChoices):
    PLANNED = "PLANNED", "planned"
    HELD = "HELD", "held"
    GIVEN = "GIVEN", "given"
    MISSED = "MISSED", "missed"


INFUSION: Final = LifeCycle(
    "the infusion",
    InfusionState,
    {
        (InfusionState.PLANNED, InfusionState.HELD): owned_by(
            Role.INVESTIGATOR, Role.MEDICAL_MONITOR
        ),
        (InfusionState.HELD, InfusionState.PLANNED): owned_by(
            Role.INVESTIGATOR, Role.MEDICAL_MONITOR
        ),
        (InfusionState.PLANNED, InfusionState.GIVEN): _SITE,
        (InfusionState.PLANNED, InfusionState.MISSED): _SITE,
        (InfusionState.HELD, InfusionState.MISSED): _SITE,
    },
)


class WindowState(TextChoices):
    NOT_OPEN = "NOT_OPEN", "not open"
    OPEN = "OPEN", "open"
    AWAITING_STATEMENT = "AWAITING_STATEMENT", "awaiting the statement"
    CLOSED = "CLOSED", "closed"


_W = WindowState
WINDOW: Final = LifeCycle(
    "the DLT window",
    WindowState,
    {
        (_W.NOT_OPEN, _W.OPEN): _SITE,
        (_W.OPEN, _W.AWAITING_STATEMENT): owned_by(SERVICE),
        (_W.AWAITING_STATEMENT, _W.OPEN): owned_by(SERVICE),
        (_W.AWAITING_STATEMENT, _W.CLOSED): _SITE,
        (_W.CLOSED, _W.AWAITING_STATEMENT): owned_by(SERVICE),
    },
)

LIFE_CYCLES: Final = (INFUSION, WINDOW)
