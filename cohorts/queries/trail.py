"""The trail of a study: everything that happened, newest first, with who, when and revision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cohorts.queries.viewers import Viewer
from ntrust.models import Event
from ntrust.states import Role

READERS: Final = (Role.AUDITOR, Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)
PAGE: Final = 100


@dataclass(frozen=True)
class TrailRow:
    """One event: the moment it stands for, the moment it was written, who, and what."""

    number: int
    at: datetime
    recorded_at: datetime
    who: str
    what: str
    kind: str
    revision: int


@dataclass(frozen=True)
class Trail:
    """A page of the trail. `older`: the number before which the next page goes on."""

    rows: tuple[TrailRow, ...]
    older: int | None


def may_read_trail(viewer: Viewer) -> bool:
    """Auditors, managers and monitors read the whole trail; people bound to a site do not."""
    return any(role.label in viewer.roles for role in READERS)


def read_trail(viewer: Viewer, *, before: int | None = None) -> Trail:
    """A page of events older than `before`, or the newest. One statement."""
    events = Event.objects.filter(study=viewer.study).select_related("by").order_by("-id")
    if before is not None:
        events = events.filter(id__lt=before)
    rows = tuple(_row(event) for event in events[: PAGE + 1])
    shown = rows[:PAGE]
    return Trail(rows=shown, older=shown[-1].number if len(rows) > PAGE else None)


def read_feed(viewer: Viewer, *, since: int, most: int) -> list[TrailRow]:
    """Up to `most` events after the one with the number `since`, oldest first. One statement.

    Numbers of one study grow in the order in which its changes were committed: each change holds
    the study's lock while it takes them.
    """
    events = Event.objects.filter(study=viewer.study, id__gt=since).select_related("by")
    return [_row(event) for event in events.order_by("id")[:most]]


def _row(event: Event) -> TrailRow:
    return TrailRow(
        number=event.pk,
        at=event.at,
        recorded_at=event.recorded_at,
        who=str(event.by) if event.by else "the service",
        what=event.sentence,
        kind=event.kind,
        revision=event.revision,
    )
