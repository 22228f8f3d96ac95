"""What the study's people see first: what needs them, in order of harm, and where the trial stands.

For those who see every site. The ladder beside it is `cohorts.queries.ladder`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cohorts.queries import Viewer
from cohorts.queries.viewers import INSPECTORS
from ntrust.models import Event
from safety.queries.today.enrolment import Enrolment, PlanRow, read_enrolment
from safety.queries.today.harm import read_harm
from safety.queries.today.needs import Need, say_left
from safety.queries.today.unheard import read_unheard
from safety.queries.today.upkeep import read_upkeep

__all__ = [
    "Enrolment",
    "Need",
    "PlanRow",
    "RecentEvent",
    "Today",
    "may_read_today",
    "read_enrolment",
    "read_needs",
    "read_today",
    "say_left",
]
EVENTS_SHOWN: Final = 8


@dataclass(frozen=True)
class RecentEvent:
    """Something that happened, in trial words."""

    at: datetime
    who: str
    what: str


@dataclass(frozen=True)
class Today:
    """`needs` in order of harm; `events` newest first."""

    needs: tuple[Need, ...]
    enrolment: Enrolment
    events: tuple[RecentEvent, ...]
    as_of: datetime


def may_read_today(viewer: Viewer) -> bool:
    """Manager, monitor and auditor, who see every site."""
    return viewer.holds(INSPECTORS)


def read_today(viewer: Viewer, *, now: datetime) -> Today:
    """The page but for the ladder. A constant number of statements."""
    return Today(
        needs=read_needs(viewer, now=now),
        enrolment=read_enrolment(viewer),
        events=_events(viewer),
        as_of=now,
    )


def read_needs(viewer: Viewer, *, now: datetime) -> tuple[Need, ...]:
    """What needs somebody, one line a kind: what may harm somebody before everything else."""
    unheard = read_unheard(viewer.study, now=now)
    found = (*read_harm(viewer, now=now), unheard, *read_upkeep(viewer, now=now))
    return tuple(need for need in found if need is not None)


def _events(viewer: Viewer) -> tuple[RecentEvent, ...]:
    rows = Event.objects.filter(study=viewer.study).select_related("by").order_by("-id")
    return tuple(
        RecentEvent(row.at, str(row.by) if row.by else "the service", row.sentence)
        for row in rows[:EVENTS_SHOWN]
    )
