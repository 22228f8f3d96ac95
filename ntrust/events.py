"""Writing down what happened, and planning whom to tell, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ntrust.models import Event, Site, Study, User
from ntrust.notifications import plan_notifications


@dataclass(frozen=True)
class Happening:
    """An event to be written when the change is complete. `by` None is the service itself."""

    kind: str
    sentence: str
    level: int | None
    subject: str
    site: Site | None
    data: dict[str, Any]
    by: User | None


def write_events(study: Study, happenings: Iterable[Happening], *, now: datetime) -> list[Event]:
    """Write one Event a happening, in order, and plan its notifications."""
    events = [
        Event.objects.create(
            study=study,
            revision=study.revision,
            kind=it.kind,
            sentence=it.sentence,
            level=it.level,
            subject=it.subject,
            site=it.site,
            data=it.data,
            at=now,
            by=it.by,
        )
        for it in happenings
    ]
    if not study.is_replay:
        plan_notifications(study, events, now=now)
    return events
