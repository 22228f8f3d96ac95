"""Protocol deviations: noted in the change that made them."""

from __future__ import annotations

from datetime import datetime

from cohorts.models import Deviation, Participant
from ntrust.change import Change


def note_deviation(
    change: Change,
    participant: Participant,
    *,
    kind: str,
    sentence: str,
    occurred_at: datetime | None = None,
) -> Deviation:
    """Write a deviation of one participant down, as part of the change that found it.

    `kind` is a code such as INFUSION_OUTSIDE_WINDOW; the sentence says what was done and what the
    protocol says. Never refuses: what happened, happened.
    """
    deviation = Deviation.objects.create(
        study=change.study,
        site=participant.site,
        participant=participant,
        kind=kind,
        sentence=sentence,
        occurred_at=occurred_at or change.now,
        noted_at=change.now,
        noted_by=change.by,
    )
    change.record(
        "DEVIATION_NOTED",
        f"{participant}: protocol deviation: {sentence}",
        subject=str(participant),
        site=participant.site,
        deviation=kind,
    )
    return deviation
