"""The planned doses of a course."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from dosing.models.courses import Course
from dosing.states import INFUSION, InfusionState
from ntrust.history import clinical


@clinical
class Infusion(models.Model):
    """One planned NKX019 dose. `assigned_cells` and `given_cells` are viable cells."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="infusions")
    number = models.PositiveSmallIntegerField()
    state = models.CharField(
        max_length=10, choices=InfusionState.choices, default=InfusionState.PLANNED
    )
    planned_date = models.DateField()
    assigned_cells = models.DecimalField(max_digits=20, decimal_places=4)
    given_cells = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    given_at = models.DateTimeField(null=True)
    not_given_because = models.TextField(blank=True)
    is_missed_for_toxicity = models.BooleanField(default=False)

    class Meta:
        ordering = ["number"]
        constraints = [
            UniqueConstraint(fields=["course", "number"], name="one_infusion_a_number"),
            CheckConstraint(condition=Q(assigned_cells__gt=0), name="assigned_cells_positive"),
            CheckConstraint(
                condition=Q(
                    state=InfusionState.GIVEN,
                    given_at__isnull=False,
                    given_cells__isnull=False,
                    given_cells__gt=0,
                )
                | (
                    ~Q(state=InfusionState.GIVEN)
                    & Q(given_at__isnull=True, given_cells__isnull=True)
                ),
                name="given_has_time_and_cells",
            ),
            CheckConstraint(
                condition=~Q(state__in=[InfusionState.HELD, InfusionState.MISSED])
                | ~Q(not_given_because=""),
                name="not_given_has_a_reason",
            ),
        ]
        triggers = [INFUSION.guard()]
