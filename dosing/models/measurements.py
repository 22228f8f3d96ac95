"""What is measured at visits."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from cohorts.models import Participant
from ntrust.history import clinical
from ntrust.models import User, paired


@clinical
class Measurement(models.Model):
    """One value of a participant, in the protocol's unit, and as it was entered.

    `measurement` and `visit` are keys of the protocol; `visit` is empty for one that was not
    planned. `measured_on` is the site's day, `measured_at` the time when it matters.
    """

    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="measurements"
    )
    measurement = models.CharField(max_length=40)
    visit = models.CharField(max_length=40, blank=True)
    value = models.DecimalField(max_digits=20, decimal_places=6)
    unit = models.CharField(max_length=40)
    entered_value = models.DecimalField(max_digits=20, decimal_places=6)
    entered_unit = models.CharField(max_length=40)
    measured_on = models.DateField()
    measured_at = models.DateTimeField(null=True)
    comment = models.TextField(blank=True)
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["measured_on", "id"]
        constraints = [
            UniqueConstraint(
                fields=["participant", "measurement", "visit", "measured_on"],
                name="measured_once_a_visit_and_day",
            ),
            CheckConstraint(
                condition=~Q(measurement="") & ~Q(unit="") & ~Q(entered_unit=""),
                name="measured_in_a_unit",
            ),
            paired("entered_at", "entered_by"),
        ]

    def __str__(self) -> str:
        return f"{self.measurement} {self.value} {self.unit}"
