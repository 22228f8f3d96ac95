"""Participants by the worst grade of their adverse events, level by level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from safety.queries.lanes import Lane

GRADES: Final = (0, 1, 2, 3, 4, 5)
"""0 stands for no event."""


@dataclass(frozen=True)
class GradeRow:
    """A level of one part: participants whose lymphodepletion has begun, each once, by worst grade
    (`worst[0]`: without an event); `events` of each grade. Events count from lymphodepletion on;
    `earlier` are those before it."""

    part: int
    level: int
    worst: tuple[int, ...]
    events: tuple[int, ...]
    earlier: int


def count_grades(lanes: Sequence[Lane]) -> tuple[GradeRow, ...]:
    """A row for each part and level with somebody in it, the lowest first."""
    places = sorted(
        {(lane.part, lane.level) for lane in lanes if lane.courses and lane.level is not None}
    )
    return tuple(_row(part, level, lanes) for part, level in places)


def grades_of(rows: Sequence[Mapping[str, Any]]) -> tuple[GradeRow, ...]:
    """Rows from what a packet kept."""
    return tuple(
        GradeRow(**{**row, "worst": tuple(row["worst"]), "events": tuple(row["events"])})
        for row in rows
    )


def _row(part: int, level: int, lanes: Sequence[Lane]) -> GradeRow:
    here = [lane for lane in lanes if lane.courses and (lane.part, lane.level) == (part, level)]
    worst, events, earlier = [0] * len(GRADES), [0] * len(GRADES), 0
    for lane in here:
        began = min(bar.first for bar in lane.courses)
        since = [one.grade for one in lane.events if one.first is None or one.first >= began]
        earlier += len(lane.events) - len(since)
        worst[max(since, default=0)] += 1
        for grade in since:
            events[grade] += 1
    return GradeRow(part, level, tuple(worst), tuple(events), earlier)
