"""Courses: one a cycle of treatment."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from cohorts.models import DoseLevel, Participant
from ntrust.history import clinical


@clinical
class Course(models.Model):
    """One cycle of treatment: lymphodepletion, then the infusions. Only cycle 1 counts.

    `readings`: the recorded measurements the doses rest on, one row each with key, value, unit and
    day. `planned_infusion_at`: infusion 1 as planned at the start. From `old_at` on infusion 1
    needs the medical monitor's call; None: the protocol has no such limit.
    """

    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="courses")
    cycle = models.PositiveSmallIntegerField(default=1)
    level = models.ForeignKey(DoseLevel, on_delete=models.PROTECT)
    regimen = models.CharField(max_length=40)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)
    height_cm = models.DecimalField(max_digits=5, decimal_places=1, null=True)
    weight_kg = models.DecimalField(max_digits=5, decimal_places=1, null=True)
    is_size_confirmed = models.BooleanField(default=False)
    surface_m2 = models.DecimalField(max_digits=4, decimal_places=2, null=True)
    readings = models.JSONField(default=list)
    planned_infusion_at = models.DateTimeField(null=True)
    old_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["participant", "cycle"], name="one_course_a_cycle"),
            CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="course_ends_after_it_starts",
            ),
            CheckConstraint(
                condition=Q(height_cm__isnull=True, weight_kg__isnull=True, surface_m2__isnull=True)
                | Q(height_cm__isnull=False, weight_kg__isnull=False, surface_m2__isnull=False),
                name="surface_from_height_and_weight",
            ),
            CheckConstraint(
                condition=Q(old_at__isnull=True) | Q(old_at__gt=F("started_at")),
                name="course_is_old_after_it_starts",
            ),
        ]

    def local_day(self, moment: datetime) -> date:
        """The calendar day of a moment at the participant's site."""
        return moment.astimezone(ZoneInfo(self.participant.site.timezone)).date()

    def __str__(self) -> str:
        return f"cycle {self.cycle}"
