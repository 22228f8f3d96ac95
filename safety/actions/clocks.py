"""Moments that pass by themselves: windows that end, provisional DLTs whose clock runs out."""

from __future__ import annotations

from datetime import datetime

from ntrust.change import study_change
from safety.queries import studies_with_due_moments


def pass_time_everywhere(*, now: datetime) -> int:
    """Open a change in each study in which a moment has passed; the change applies it."""
    studies = studies_with_due_moments(now=now)
    for study in studies:
        with study_change(study, by=None, reason="a moment has passed", now=now):
            pass
    return len(studies)
