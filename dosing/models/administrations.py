"""The planned doses of lymphodepletion."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from dosing.models.courses import Course
from dosing.states import LD_DOSE, LdDoseState
from ntrust.history import clinical


@clinical
class LdAdministration(models.Model):
    """One drug on one day: what was planned, and what was given or why not.

    `day` is counted from infusion 1 as planned. `deviation` says in what the dose given differs
    from the planned one, and why.
    """

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="administrations")
    drug = models.CharField(max_length=60)
    day = models.SmallIntegerField()
    planned_date = models.DateField()
    planned_mg_per_m2 = models.DecimalField(max_digits=9, decimal_places=3)
    planned_mg = models.DecimalField(max_digits=9, decimal_places=1)
    state = models.CharField(
        max_length=10, choices=LdDoseState.choices, default=LdDoseState.PLANNED
    )
    given_mg = models.DecimalField(max_digits=9, decimal_places=1, null=True)
    started_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    not_given_because = models.TextField(blank=True)
    deviation = models.TextField(blank=True)

    class Meta:
        ordering = ["day", "id"]
        constraints = [
            UniqueConstraint(fields=["course", "drug", "day"], name="one_dose_a_drug_and_day"),
            CheckConstraint(
                condition=Q(planned_mg__gt=0, planned_mg_per_m2__gt=0), name="planned_mg_positive"
            ),
            CheckConstraint(
                condition=Q(
                    state=LdDoseState.GIVEN,
                    given_mg__isnull=False,
                    given_mg__gt=0,
                    started_at__isnull=False,
                    stopped_at__isnull=False,
                    stopped_at__gte=F("started_at"),
                )
                | (
                    ~Q(state=LdDoseState.GIVEN)
                    & Q(given_mg__isnull=True, started_at__isnull=True, stopped_at__isnull=True)
                ),
                name="given_dose_has_mg_and_times",
            ),
            CheckConstraint(
                condition=Q(state=LdDoseState.OMITTED) ^ Q(not_given_because=""),
                name="omitted_dose_has_a_reason",
            ),
        ]
        triggers = [LD_DOSE.guard()]

    def __str__(self) -> str:
        return f"{self.drug}, Day {self.day}"
