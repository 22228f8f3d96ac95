"""Moments that pass by themselves: windows that end, provisional DLTs whose clock runs out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from ntrust.change import BUSY, study_change, waiting_at_most
from ntrust.errors import Refused
from safety.queries import studies_with_due_moments

log = structlog.get_logger(__name__)

WAIT: Final = timedelta(seconds=20)
"""How long the clocks wait for a study that is being changed."""


def pass_time_everywhere(*, now: datetime, limit: timedelta = WAIT) -> int:
    """Open a change in each study in which a moment has passed; the change applies it.

    A study that stays locked is left for the next time: no study keeps the clocks of others
    waiting.
    """
    studies, passed = studies_with_due_moments(now=now), 0
    for study in studies:
        try:
            with (
                waiting_at_most(limit),
                study_change(study, by=None, reason="a moment has passed", now=now),
            ):
                passed += 1
        except Refused as refusal:
            if refusal.code != BUSY:
                raise
            log.warning("study_busy", study=study.key)
    return passed
