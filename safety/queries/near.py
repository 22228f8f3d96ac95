"""What an event may be the same as, and the words by which events are called."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from cohorts.models import Participant
from cohorts.protocol import AdverseEventsData
from safety.models import AdverseEvent

_NEAR: Final = timedelta(days=1)


def near_events(
    participant: Participant, term: str, onset_at: datetime | None
) -> tuple[AdverseEvent, ...]:
    """Events of the participant with the same term that began within a day of it, nearest first;
    nothing without both."""
    term = term.strip()
    if onset_at is None or not term:
        return ()
    found = AdverseEvent.objects.filter(
        participant=participant,
        term__iexact=term,
        onset_at__range=(onset_at - _NEAR, onset_at + _NEAR),
    )
    return tuple(sorted(found, key=lambda one: (abs(one.onset_at - onset_at), one.pk)))


def terms_of(rules: AdverseEventsData) -> tuple[str, ...]:
    """What the protocol calls the events it asks about, to choose from while typing."""
    return tuple(one.name for one in rules.categories if one.key != "other")
