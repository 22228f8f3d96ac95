"""Packets and the reviews over them."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from cohorts.models import Decision, DoseLevel, ReReview
from ntrust.history import append_only, clinical
from ntrust.models import Study, User, paired
from safety.states import REVIEW, ReviewState, Vote


@append_only
class Packet(models.Model):
    """What a review was shown, frozen at its data cut."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="packets")
    revision = models.PositiveBigIntegerField()
    content = models.JSONField()
    content_hash = models.CharField(max_length=64)
    cut_at = models.DateTimeField()


@clinical
class Review(models.Model):
    """A committee meeting over one packet, and what was concluded there.

    `re_reviews` is the decision that it was convened to look at again; then it concludes a
    `re_review`. `committee_agrees` with the recommendation, or its own answer is
    `answer_verdict` at `answer_level`; `committee_verdict` are its words.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="reviews")
    number = models.PositiveSmallIntegerField()
    packet = models.OneToOneField(Packet, on_delete=models.PROTECT, related_name="review")
    state = models.CharField(
        max_length=12, choices=ReviewState.choices, default=ReviewState.CONVENED
    )
    convened_at = models.DateTimeField()
    convened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    re_reviews = models.ForeignKey(
        Decision, on_delete=models.PROTECT, null=True, related_name="looked_at_again"
    )
    concluded_at = models.DateTimeField(null=True)
    concluded_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    attendees = models.PositiveSmallIntegerField(default=0)
    committee_agrees = models.BooleanField(null=True)
    answer_verdict = models.CharField(max_length=20, blank=True)
    answer_level = models.ForeignKey(
        DoseLevel, on_delete=models.PROTECT, null=True, related_name="+"
    )
    committee_verdict = models.TextField(blank=True)
    minutes_reference = models.CharField(max_length=200, blank=True)
    decision = models.OneToOneField(
        Decision, on_delete=models.PROTECT, null=True, related_name="review"
    )
    re_review = models.OneToOneField(
        ReReview, on_delete=models.PROTECT, null=True, related_name="review"
    )

    class Meta:
        ordering = ["number"]
        constraints = [
            UniqueConstraint(fields=["study", "number"], name="one_review_a_number"),
            UniqueConstraint(
                fields=["study"],
                condition=Q(state=ReviewState.CONVENED),
                name="one_review_convened",
            ),
            paired("convened_at", "convened_by"),
            paired("concluded_at", "concluded_by"),
            CheckConstraint(
                condition=~Q(state=ReviewState.CONCLUDED)
                | Q(decision__isnull=False)
                | Q(re_review__isnull=False),
                name="concluded_with_a_decision",
            ),
            CheckConstraint(
                condition=Q(re_review__isnull=True) | Q(re_reviews__isnull=False),
                name="re_review_names_its_decision",
            ),
        ]
        triggers = [REVIEW.guard()]

    def __str__(self) -> str:
        return f"review {self.number}"


@append_only
class Attendance(models.Model):
    """One member of the committee at a meeting, as the committee's own list names them.

    `role` is a key of the protocol's list. A member with a conflict of interest does not vote.
    """

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="members")
    member = models.CharField(max_length=80)
    role = models.CharField(max_length=40, blank=True)
    is_present = models.BooleanField()
    conflict = models.TextField(blank=True)
    vote = models.CharField(max_length=8, choices=Vote.choices, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["review", "member"], name="one_row_a_member"),
            CheckConstraint(condition=~Q(member=""), name="member_is_named"),
            CheckConstraint(
                condition=Q(vote="") | Q(is_present=True, conflict=""),
                name="votes_present_and_without_conflict",
            ),
        ]

    @property
    def has_conflict(self) -> bool:
        """Whether the member declared a conflict of interest."""
        return bool(self.conflict)
