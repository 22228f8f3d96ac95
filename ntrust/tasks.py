"""Background work: each task calls one function."""

from __future__ import annotations

from celery import shared_task

from ntrust import clock
from ntrust.notifications import deliver_due


@shared_task(name="ntrust.tasks.deliver_notifications")
def deliver_notifications() -> int:
    """Send what is due. Runs after each change that tells somebody, and every 10 s by the beat."""
    return deliver_due(now=clock.now())
