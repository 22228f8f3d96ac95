"""What is to replace a DLT report, and why: nothing in force is edited."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from ntrust.history import clinical
from ntrust.models import Signature, User, paired
from safety.models.events import DltReport
from safety.states import SUPERSEDING, SupersedingKind, SupersedingState


@clinical
class Superseding(models.Model):
    """That a report is to be superseded, and what became of it.

    What counts less than the report waits for the medical monitor, and the report stands until
    then; what counts as much or more is in force at once, without a signature. Only once it is in
    force is there a `successor`, the report that supersedes. `twin`: the report that a duplicate
    is the same as.
    """

    report = models.ForeignKey(DltReport, on_delete=models.PROTECT, related_name="supersedings")
    kind = models.CharField(max_length=12, choices=SupersedingKind.choices)
    criterion = models.CharField(max_length=20, blank=True)
    twin = models.ForeignKey(DltReport, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.TextField()
    state = models.CharField(max_length=10, choices=SupersedingState.choices)
    proposed_at = models.DateTimeField()
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_because = models.TextField(blank=True)
    successor = models.OneToOneField(
        DltReport, on_delete=models.PROTECT, null=True, related_name="superseding"
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            paired("proposed_at", "proposed_by"),
            CheckConstraint(condition=~Q(reason=""), name="superseded_with_a_reason"),
            UniqueConstraint(
                fields=["report"],
                condition=Q(state=SupersedingState.WAITING),
                name="one_superseding_waits_a_report",
            ),
            CheckConstraint(
                condition=Q(kind=SupersedingKind.DUPLICATE, twin__isnull=False)
                | (~Q(kind=SupersedingKind.DUPLICATE) & Q(twin__isnull=True)),
                name="duplicate_names_its_twin",
            ),
            CheckConstraint(
                condition=Q(state=SupersedingState.ACCEPTED, successor__isnull=False)
                | (~Q(state=SupersedingState.ACCEPTED) & Q(successor__isnull=True)),
                name="in_force_has_its_report",
            ),
            CheckConstraint(
                condition=Q(
                    state__in=[SupersedingState.REJECTED, SupersedingState.LAPSED],
                    ended_at__isnull=False,
                )
                & ~Q(ended_because="")
                | Q(state=SupersedingState.WAITING, ended_at__isnull=True)
                | Q(state=SupersedingState.ACCEPTED, ended_at__isnull=False),
                name="ended_with_time_and_reason",
            ),
            CheckConstraint(
                condition=~Q(
                    state=SupersedingState.ACCEPTED,
                    signature__isnull=True,
                    kind__in=[
                        SupersedingKind.DOWNGRADED,
                        SupersedingKind.WITHDRAWN,
                        SupersedingKind.DUPLICATE,
                    ],
                ),
                name="taken_away_by_a_signature",
            ),
        ]
        triggers = [
            SUPERSEDING.guard(),
            pgtrigger.ReadOnly(
                name="sealed",
                fields=[
                    "report",
                    "kind",
                    "criterion",
                    "twin",
                    "reason",
                    "proposed_at",
                    "proposed_by",
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} ({self.get_state_display()})"
