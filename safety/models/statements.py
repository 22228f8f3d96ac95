"""The signed word at the end of a DLT window."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from cohorts.models import Participant
from ntrust.history import clinical
from ntrust.models import Signature, User, paired


@clinical
class WindowStatement(models.Model):
    """The investigator's signed word at the end of the window: a DLT, or none. Never silence.

    `is_legacy`: signed on paper on the day of `signed_at`; the monitor's signature under the
    take-over stands for it.
    """

    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="window_statements"
    )
    has_dlt = models.BooleanField()
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT)
    signed_at = models.DateTimeField()
    signed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_because = models.TextField(blank=True)
    is_legacy = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            paired("signed_at", "signed_by"),
            UniqueConstraint(
                fields=["participant"],
                condition=Q(withdrawn_at__isnull=True),
                name="one_statement_in_force",
            ),
            CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | ~Q(withdrawn_because=""),
                name="withdrawn_with_a_reason",
            ),
        ]
