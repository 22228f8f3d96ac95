"""What the service notes of its own running: no data of a trial, and no history of it."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q

from ntrust.states import QueueTrouble


class JobRun(models.Model):
    """A periodic job: when it last ran to its end, and when last because the queue asked for it."""

    name = models.CharField(max_length=100, primary_key=True)
    ran_at = models.DateTimeField(null=True)
    queued_at = models.DateTimeField(null=True)


class Watch(models.Model):
    """What those who watch over delivery saw last; one row for all of them.

    `standing_in_since`: since when alerts go out without the queue, and `trouble` why; both empty
    while it works. Nothing of it holds once `seen_at` is old: see ntrust/standing.py.
    """

    THE_ONE = 1

    seen_at = models.DateTimeField()
    standing_in_since = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=10, choices=QueueTrouble.choices, blank=True)

    class Meta:
        verbose_name_plural = "watches"
        constraints = [
            CheckConstraint(condition=Q(pk=1), name="one_watch"),
            CheckConstraint(
                condition=Q(standing_in_since__isnull=True, trouble="")
                | Q(standing_in_since__isnull=False) & ~Q(trouble=""),
                name="stands_in_for_a_reason",
            ),
        ]
