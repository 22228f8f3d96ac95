"""The take-over of a trial that runs elsewhere."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ntrust.history import clinical
from ntrust.models import Signature, Study, User, paired
from safety.states import (
    OPEN_TAKE_OVERS,
    TAKE_OVER,
    TakeOverState,
)


@clinical
class TakeOver(models.Model):
    """The spreadsheet of a trial that runs elsewhere, kept until manager and monitor have signed.

    `book` is the workbook as text, `promised` what it comes to; `content_hash`, of both, is what is
    signed. The second signature writes everything.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="take_overs")
    book = models.JSONField()
    promised = models.JSONField()
    content_hash = models.CharField(max_length=64)
    state = models.CharField(
        max_length=20, choices=TakeOverState.choices, default=TakeOverState.STAGED
    )
    staged_at = models.DateTimeField()
    staged_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    manager_signature = models.ForeignKey(
        Signature, on_delete=models.PROTECT, null=True, related_name="+"
    )
    monitor_signature = models.ForeignKey(
        Signature, on_delete=models.PROTECT, null=True, related_name="+"
    )
    applied_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_because = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(
                fields=["study"],
                condition=Q(state__in=[*OPEN_TAKE_OVERS, TakeOverState.APPLIED]),
                name="taken_over_once",
            ),
            CheckConstraint(
                condition=Q(
                    state=TakeOverState.APPLIED,
                    applied_at__isnull=False,
                    manager_signature__isnull=False,
                    monitor_signature__isnull=False,
                )
                | (~Q(state=TakeOverState.APPLIED) & Q(applied_at__isnull=True)),
                name="applied_by_two_signatures",
            ),
            CheckConstraint(
                condition=Q(state=TakeOverState.WITHDRAWN, withdrawn_at__isnull=False)
                & ~Q(withdrawn_because="")
                | ~Q(state=TakeOverState.WITHDRAWN) & Q(withdrawn_at__isnull=True),
                name="take_over_withdrawn_with_a_reason",
            ),
            paired("withdrawn_at", "withdrawn_by"),
        ]
        triggers = [
            TAKE_OVER.guard(),
            pgtrigger.ReadOnly(
                name="sealed",
                fields=["study", "book", "promised", "content_hash", "staged_at", "staged_by"],
            ),
        ]
