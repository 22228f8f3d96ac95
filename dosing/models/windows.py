"""The DLT window."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, F, Q

from cohorts.models import Participant
from dosing.states import WINDOW, WindowState
from ntrust.history import clinical


@clinical
class DltWindow(models.Model):
    """The time in which an event can be dose-limiting, from actual infusion times."""

    participant = models.OneToOneField(Participant, on_delete=models.PROTECT, related_name="window")
    state = models.CharField(
        max_length=20, choices=WindowState.choices, default=WindowState.NOT_OPEN
    )
    opened_at = models.DateTimeField(null=True)
    closes_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(state=WindowState.NOT_OPEN, opened_at__isnull=True)
                | (~Q(state=WindowState.NOT_OPEN) & Q(opened_at__isnull=False)),
                name="open_window_has_its_time",
            ),
            CheckConstraint(
                condition=Q(closes_at__isnull=True) | Q(closes_at__gt=F("opened_at")),
                name="window_closes_after_it_opens",
            ),
            CheckConstraint(
                condition=~Q(state__in=[WindowState.AWAITING_STATEMENT, WindowState.CLOSED])
                | Q(closes_at__isnull=False),
                name="ended_window_has_its_close",
            ),
        ]
        triggers = [WINDOW.guard()]
