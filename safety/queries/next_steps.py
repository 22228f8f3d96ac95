"""What is next for one participant, and where they are in the trial, in one line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cohorts.models import Participant, Slot
from cohorts.queries import GateLine, Viewer
from cohorts.states import SlotState
from dosing.models import DltWindow, Infusion
from dosing.queries.inflight import Asked, count_asked
from dosing.states import InfusionState, WindowState
from safety.queries.events import EventTodo, read_todos
from safety.queries.ledger import (
    CONFIRM,
    INFUSION,
    LYMPHODEPLETION,
    SEAT,
    STATEMENT,
    Step,
    gate_ledger,
)
from safety.queries.reports import Owed, may_read_reports, read_owed

_PANELS: Final = {
    SEAT: "seat-title",
    CONFIRM: "seat-title",
    LYMPHODEPLETION: "course-title",
    INFUSION: "infusions-title",
    STATEMENT: "window-title",
}
"""Kind of a step to the panel of the page in which it is done."""


@dataclass(frozen=True)
class NextPanel:
    """`step` is None when nothing is next. `so_far`: seat, infusions, window, in words; `todos`:
    what is owed about events; `owed`: what the site owes on DLT reports; `asked`: what it has yet
    to answer about infusions in flight."""

    step: Step | None
    what: str
    anchor: str
    so_far: tuple[str, ...]
    todos: tuple[EventTodo, ...]
    closes_at: datetime | None
    is_overdue: bool
    owed: tuple[Owed, ...]
    asked: Asked

    @property
    def shut(self) -> tuple[GateLine, ...]:
        """The gates in the way."""
        return self.step.shut if self.step else ()


def read_next(participant: Participant, *, viewer: Viewer, now: datetime) -> NextPanel | None:
    """None when nothing is next or owed, and nothing has been given."""
    steps = gate_ledger(participant.study, now=now, viewer=viewer, participant=participant)
    step = steps[0] if steps else None
    window = DltWindow.objects.filter(participant=participant).first()
    so_far = _so_far(participant)
    todos = read_todos(participant, now=now)
    owed = read_owed(participant, now=now) if may_read_reports(viewer) else ()
    if step is None and not so_far and not owed and not todos:
        return None
    what = step.question.removeprefix(f"{participant}: ") if step else ""
    is_open = window is not None and window.state == WindowState.OPEN
    return NextPanel(
        step=step,
        what=what[:1].upper() + what[1:],
        anchor=_PANELS[step.kind] if step else "",
        so_far=so_far,
        todos=todos,
        closes_at=window.closes_at if window is not None and is_open else None,
        asked=count_asked(participant, now=now),
        is_overdue=window is not None and window.state == WindowState.AWAITING_STATEMENT,
        owed=owed,
    )


def _so_far(participant: Participant) -> tuple[str, ...]:
    """Seat and infusions in a few words each; what has not begun is left out."""
    words = []
    seated = Slot.objects.filter(participant=participant, state=SlotState.CONFIRMED)
    slot = seated.select_related("cohort__level").first()
    if slot is not None and slot.cohort is not None:
        level, cohort = slot.cohort.level.ordinal, slot.cohort.number
        words.append(f"seat {slot.seat} of cohort {cohort}, level {level}")
    rows = Infusion.objects.filter(course__participant=participant, course__cycle=1)
    states = list(rows.values_list("state", flat=True))
    if states:
        words.append(f"{states.count(InfusionState.GIVEN)} of {len(states)} infusions given")
    return tuple(words)
