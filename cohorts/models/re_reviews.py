"""What was said of a signed decision whose basis had changed."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from cohorts.models.decisions import Decision
from cohorts.states import RE_REVIEW, ReReviewState, ReReviewVerdict
from ntrust.history import clinical
from ntrust.models import Signature, User


@clinical
class ReReview(models.Model):
    """A committee's word on a decision whose basis changed, signed by manager and monitor.

    `number` counts from 1 for each decision. `basis` is what the rules were given when the word
    was proposed: a decision that is upheld rests on it from then on. `instead` is the decision
    that takes its place, where it was changed.
    """

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="re_reviews")
    number = models.PositiveSmallIntegerField()
    verdict = models.CharField(max_length=12, choices=ReReviewVerdict.choices)
    reason = models.TextField()
    committee_verdict = models.TextField()
    instead = models.OneToOneField(
        Decision, on_delete=models.PROTECT, null=True, related_name="takes_place_by"
    )
    packet_hash = models.CharField(max_length=64)
    basis = models.JSONField()
    content = models.JSONField()
    content_hash = models.CharField(max_length=64)
    state = models.CharField(
        max_length=20, choices=ReReviewState.choices, default=ReReviewState.PROPOSED
    )
    proposed_at = models.DateTimeField()
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    manager_signature = models.ForeignKey(
        Signature, on_delete=models.PROTECT, null=True, related_name="+"
    )
    monitor_signature = models.ForeignKey(
        Signature, on_delete=models.PROTECT, null=True, related_name="+"
    )
    signed_at = models.DateTimeField(null=True)
    withdrawn_because = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["decision", "number"], name="one_re_review_a_number"),
            UniqueConstraint(
                fields=["decision"],
                condition=Q(state__in=[ReReviewState.PROPOSED, ReReviewState.PARTLY_SIGNED]),
                name="one_re_review_awaits_signatures",
            ),
            CheckConstraint(
                condition=~Q(reason="") & ~Q(committee_verdict=""),
                name="re_review_has_reason_and_verdict",
            ),
            CheckConstraint(
                condition=Q(verdict=ReReviewVerdict.CHANGED, instead__isnull=False)
                | (~Q(verdict=ReReviewVerdict.CHANGED) & Q(instead__isnull=True)),
                name="changed_names_what_takes_its_place",
            ),
            CheckConstraint(
                condition=~Q(state=ReReviewState.SIGNED)
                | Q(
                    signed_at__isnull=False,
                    manager_signature__isnull=False,
                    monitor_signature__isnull=False,
                ),
                name="re_review_signed_by_two",
            ),
        ]
        triggers = [
            RE_REVIEW.guard(),
            pgtrigger.ReadOnly(
                name="sealed",
                fields=[
                    "decision",
                    "number",
                    "verdict",
                    "reason",
                    "committee_verdict",
                    "instead",
                    "packet_hash",
                    "basis",
                    "content",
                    "content_hash",
                    "proposed_at",
                    "proposed_by",
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"re-review {self.number} of decision #{self.decision.number}"
