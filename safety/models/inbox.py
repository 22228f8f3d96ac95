"""Alerts that came while their study was locked: kept first, applied by the next change."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ntrust.history import append_only, written_once
from ntrust.models import Study, User, paired
from safety.states import AlertKind, AlertResult


@written_once
class InboxAlert(models.Model):
    """An alert as it was sent, kept without the study's lock and never changed.

    `content` is what the action is given, `trouble` what kept it from being applied other than the
    lock: then a person looks at it first.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="inbox")
    kind = models.CharField(max_length=10, choices=AlertKind.choices)
    content = models.JSONField()
    content_hash = models.CharField(max_length=64)
    trouble = models.CharField(max_length=200, blank=True)
    received_at = models.DateTimeField()
    received_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [paired("received_at", "received_by")]

    def __str__(self) -> str:
        return f"alert {self.pk}"


@append_only
class InboxResult(models.Model):
    """What became of an alert. One that failed is settled by a person; `by` None: the service."""

    alert = models.ForeignKey(InboxAlert, on_delete=models.PROTECT, related_name="results")
    result = models.CharField(max_length=10, choices=AlertResult.choices)
    said = models.TextField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["alert", "result"], name="one_result_of_a_kind"),
            UniqueConstraint(
                fields=["alert"],
                condition=Q(result__in=[AlertResult.APPLIED, AlertResult.FAILED]),
                name="alert_is_tried_once",
            ),
            CheckConstraint(
                condition=~Q(result=AlertResult.SETTLED) | Q(by__isnull=False) & ~Q(said=""),
                name="settled_by_a_person_with_a_reason",
            ),
        ]
