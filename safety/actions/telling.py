"""Events about a participant, at the level they count at."""

from __future__ import annotations

from typing import Any

from cohorts.models import Outcome, Participant
from ntrust.change import Change


def record_of(change: Change, participant: Participant, kind: str, what: str, **data: Any) -> None:
    """Record what happened to a participant."""
    outcome = Outcome.objects.filter(participant=participant).select_related("level").first()
    change.record(
        kind,
        f"{participant}: {what}",
        level=outcome.level.ordinal if outcome else None,
        subject=str(participant),
        site=participant.site,
        **data,
    )
