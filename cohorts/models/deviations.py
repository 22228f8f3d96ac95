"""The one log of protocol deviations."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q

from cohorts.models.seats import Participant
from cohorts.states import DEVIATION, DeviationState, Severity
from ntrust.history import clinical
from ntrust.models import Site, Study, User, paired


@clinical
class Deviation(models.Model):
    """Something done otherwise than the protocol says: noted by a rule or a person, then
    classified and closed. `kind` is the rule's code."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="deviations")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="deviations")
    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, null=True, related_name="deviations"
    )
    kind = models.CharField(max_length=60)
    sentence = models.TextField()
    occurred_at = models.DateTimeField()
    noted_at = models.DateTimeField()
    noted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    state = models.CharField(
        max_length=12, choices=DeviationState.choices, default=DeviationState.OPEN
    )
    severity = models.CharField(max_length=12, choices=Severity.choices, blank=True)
    comment = models.TextField(blank=True)
    classified_at = models.DateTimeField(null=True)
    classified_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    action_taken = models.TextField(blank=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            CheckConstraint(condition=~Q(sentence=""), name="deviation_says_what"),
            CheckConstraint(
                condition=Q(state=DeviationState.OPEN)
                | (~Q(severity="") & ~Q(comment="") & Q(classified_at__isnull=False)),
                name="classified_with_a_comment",
            ),
            CheckConstraint(
                condition=~Q(state=DeviationState.CLOSED) | Q(closed_at__isnull=False),
                name="closed_has_its_time",
            ),
            paired("classified_at", "classified_by"),
            paired("closed_at", "closed_by"),
        ]
        triggers = [DEVIATION.guard()]

    def __str__(self) -> str:
        return self.sentence
