"""The safety check before a later infusion."""

from __future__ import annotations

from django.db import models

from dosing.models.infusions import Infusion
from ntrust.history import append_only
from ntrust.models import User


@append_only
class SafetyCheck(models.Model):
    """The protocol's questions, answered before an infusion. A later check supersedes.

    `answers`: question id to true (yes) or false (no); one no keeps the infusion from being given.
    """

    infusion = models.ForeignKey(Infusion, on_delete=models.PROTECT, related_name="safety_checks")
    checked_at = models.DateTimeField()
    checked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    answers = models.JSONField()
    comment = models.TextField(blank=True)

    class Meta:
        ordering = ["checked_at", "id"]
