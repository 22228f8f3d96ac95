"""Courses: one a cycle of treatment."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from cohorts.models import DoseLevel, Participant
from ntrust.history import clinical


@clinical
class Course(models.Model):
    """One cycle of treatment: lymphodepletion, then the infusions. Only cycle 1 counts."""

    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="courses")
    cycle = models.PositiveSmallIntegerField(default=1)
    level = models.ForeignKey(DoseLevel, on_delete=models.PROTECT)
    regimen = models.CharField(max_length=40)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["participant", "cycle"], name="one_course_a_cycle"),
            CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")),
                name="course_ends_after_it_starts",
            ),
        ]
