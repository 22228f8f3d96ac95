"""How much people are told: alerts a person and week, and how soon somebody answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Final

from cohorts.queries import Viewer
from cohorts.queries.viewers import INSPECTORS
from ntrust.models import Notification
from ntrust.states import Role

WEEKS: Final = 12
HEADINGS: Final = (
    "week from",
    "person",
    "told as",
    "alerts",
    "urgent",
    "word awaited",
    "answered",
    "share answered, %",
    "median minutes to the word",
)


@dataclass(frozen=True)
class NoiseRow:
    """One person's week. `answered`: of those that awaited a word, how many the group gave;
    `minutes`: the middle one of the times until the word, of those that were answered."""

    week: date
    person: str
    role: str
    alerts: int
    urgent: int
    awaited: int
    answered: int
    minutes: int | None

    @property
    def share(self) -> int | None:
        """Of what awaited a word, how much was answered, in hundredths."""
        return round(100 * self.answered / self.awaited) if self.awaited else None

    @property
    def cells(self) -> tuple[object, ...]:
        """As a line of a file, under `HEADINGS`."""
        counts = (self.alerts, self.urgent, self.awaited, self.answered)
        return (self.week, self.person, self.role, *counts, self.share, self.minutes)


def may_read_noise(viewer: Viewer) -> bool:
    """Manager, monitor and auditor."""
    return viewer.holds(INSPECTORS)


def read_noise(viewer: Viewer, *, now: datetime) -> tuple[NoiseRow, ...]:
    """A row a person and week, the newest weeks first. One statement."""
    first = _monday(now) - timedelta(weeks=WEEKS - 1)
    rows = Notification.objects.filter(
        event__study=viewer.study, planned_at__date__gte=first
    ).select_related("recipient", "site", "answer")
    weeks: dict[tuple[date, int], list[Notification]] = {}
    for row in rows.order_by("id"):
        weeks.setdefault((_monday(row.planned_at), row.recipient_id), []).append(row)
    found = [_row(week, told) for (week, _), told in weeks.items()]
    return tuple(sorted(found, key=lambda row: (-row.week.toordinal(), -row.alerts, row.person)))


def _row(week: date, told: list[Notification]) -> NoiseRow:
    awaited = [row for row in told if row.acknowledge_by is not None]
    times = [
        (row.answer.acknowledged_at - row.planned_at).total_seconds() / 60
        for row in awaited
        if row.answer is not None and row.answer.acknowledged_at is not None
    ]
    last = told[-1]
    role = Role(last.role).label if last.role else ""
    return NoiseRow(
        week=week,
        person=str(last.recipient),
        role=f"{role} at {last.site.code}" if last.site else role,
        alerts=len(told),
        urgent=sum(row.is_urgent for row in told),
        awaited=len(awaited),
        answered=len(times),
        minutes=round(median(times)) if times else None,
    )


def _monday(moment: datetime) -> date:
    day = moment.date()
    return day - timedelta(days=day.weekday())
