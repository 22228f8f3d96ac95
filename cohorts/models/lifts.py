"""The decisions by which holds are lifted."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from cohorts.models.decisions import Hold
from cohorts.states import HOLD_LIFT, OPEN_LIFTS, LiftState
from ntrust.history import clinical
from ntrust.models import Signature, User


@clinical
class HoldLift(models.Model):
    """The lifting of a hold: proposed, sealed to what was under the hold, and signed.

    `content` is what is signed, with the facts, the protocol version and the engine version;
    `content_hash` its hash.
    """

    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, related_name="lifts")
    state = models.CharField(max_length=20, choices=LiftState.choices, default=LiftState.PROPOSED)
    reason = models.TextField()
    looked_at = models.TextField()
    committee_verdict = models.TextField(blank=True)
    minutes_reference = models.CharField(max_length=200, blank=True)
    content = models.JSONField()
    content_hash = models.CharField(max_length=64)
    proposed_at = models.DateTimeField()
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    manager_signature = models.ForeignKey(
        Signature, on_delete=models.PROTECT, null=True, related_name="+"
    )
    monitor_signature = models.ForeignKey(
        Signature, on_delete=models.PROTECT, null=True, related_name="+"
    )
    signed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            CheckConstraint(
                condition=~Q(reason="") & ~Q(looked_at=""), name="lift_has_reason_and_evidence"
            ),
            CheckConstraint(
                condition=Q(committee_verdict="") ^ ~Q(minutes_reference=""),
                name="verdict_has_its_minutes",
            ),
            CheckConstraint(
                condition=Q(state=LiftState.SIGNED, signed_at__isnull=False)
                & Q(monitor_signature__isnull=False)
                | ~Q(state=LiftState.SIGNED) & Q(signed_at__isnull=True),
                name="lift_signed_by_the_monitor",
            ),
            UniqueConstraint(
                fields=["hold"], condition=Q(state__in=OPEN_LIFTS), name="one_open_lift_a_hold"
            ),
        ]
        triggers = [
            HOLD_LIFT.guard(),
            pgtrigger.ReadOnly(
                name="lift_sealed",
                fields=[
                    "hold",
                    "reason",
                    "looked_at",
                    "committee_verdict",
                    "minutes_reference",
                    "content",
                    "content_hash",
                    "proposed_at",
                    "proposed_by",
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"lifting of the hold: {self.hold.reason}"
