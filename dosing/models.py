"""Tables of treatment: the lymphodepletion course, the infusions, the DLT window."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from cohorts.models import DoseLevel, Participant
from dosing.states import INFUSION, WINDOW, InfusionState, WindowState
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


@clinical
class DltWindow(models.Model):
    """The time in which an event can be dose-limiting, from actual infusion times."""

    participant = models.OneToOneField(Participant, on_delete=models.PROTECT, related_name="window")
    state = models.CharField(
        max_length=20, choices=WindowState.choices, default=WindowState.NOT_OPEN
    )
    opened_at = models.DateTimeField(null=True)
    closes_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            CheckConstraint(
                condition=Q(state=WindowState.NOT_OPEN, opened_at__isnull=True)
                | (~Q(state=WindowState.NOT_OPEN) & Q(opened_at__isnull=False)),
                name="open_window_has_its_time",
            ),
            CheckConstraint(
                condition=Q(closes_at__isnull=True) | Q(closes_at__gt=F("opened_at")),
                name="window_closes_after_it_opens",
            ),
            CheckConstraint(
                condition=~Q(state__in=[WindowState.AWAITING_STATEMENT, WindowState.CLOSED])
                | Q(closes_at__isnull=False),
                name="ended_window_has_its_close",
            ),
        ]
        triggers = [WINDOW.guard()]
