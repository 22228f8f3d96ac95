"""Background work of the trial's clocks."""

from __future__ import annotations

from celery import shared_task

from ntrust import clock
from safety.actions import pass_time_everywhere


@shared_task(name="safety.tasks.pass_time")
def pass_time() -> int:
    """Apply moments that have passed; how many studies were changed.

    Every change of a study does the same first, so nothing trusts this task to have run.
    """
    return pass_time_everywhere(now=clock.now())
