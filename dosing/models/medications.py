"""Concomitant medication."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, F, Q

from cohorts.models import Deviation, Participant
from dosing.states import Route
from ntrust.history import clinical
from ntrust.models import User, paired


@clinical
class Medication(models.Model):
    """A medicine a participant takes besides the study's. `ended_on` null: it is still given.

    `recognised` are the keys of the protocol's rules that speak of it, `kinds` what they make of
    it. An accepted one is prohibited, but the medical monitor has ruled that it does not bear on
    the DLT window.
    """

    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="medications"
    )
    name = models.CharField(max_length=120)
    dose = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    unit = models.CharField(max_length=40, blank=True)
    route = models.CharField(max_length=20, choices=Route.choices)
    indication = models.CharField(max_length=200)
    started_on = models.DateField()
    ended_on = models.DateField(null=True)
    recognised = models.JSONField(default=list)
    kinds = models.JSONField(default=list)
    is_prohibited = models.BooleanField(default=False)
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    accepted_because = models.TextField(blank=True)
    accepted_at = models.DateTimeField(null=True)
    accepted_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    deviation = models.OneToOneField(
        Deviation, on_delete=models.PROTECT, null=True, related_name="medication"
    )

    class Meta:
        ordering = ["started_on", "id"]
        constraints = [
            CheckConstraint(condition=~Q(name="") & ~Q(indication=""), name="medicine_has_a_name"),
            CheckConstraint(
                condition=Q(ended_on__isnull=True) | Q(ended_on__gte=F("started_on")),
                name="medication_ends_after_it_starts",
            ),
            CheckConstraint(
                condition=Q(dose__isnull=True, unit="") | (Q(dose__gt=0) & ~Q(unit="")),
                name="medication_dose_has_its_unit",
            ),
            CheckConstraint(
                condition=Q(accepted_at__isnull=True, accepted_because="")
                | (Q(accepted_at__isnull=False, is_prohibited=True) & ~Q(accepted_because="")),
                name="accepted_with_a_reason",
            ),
            paired("accepted_at", "accepted_by"),
            paired("entered_at", "entered_by"),
        ]

    def __str__(self) -> str:
        return self.name
