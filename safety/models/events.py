"""Adverse events, their course, and the DLT reports on them."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, F, Q

from cohorts.models import Participant
from ntrust.history import append_only, clinical
from ntrust.models import Signature, User
from safety.states import (
    DLT_REPORT,
    ActionTaken,
    Causality,
    DltReportState,
    EventOutcome,
)


@clinical
class AdverseEvent(models.Model):
    """Something that happened to a participant, graded by a named system.

    `grade` is the worst of its course. An alert has what, when, grade and relation to the product;
    the rest may follow, and what is not known yet is empty or null, never a "no": `causality`
    (to the product), `causalities` (component to word, the others), `is_serious` with the
    `seriousness` criteria, `category`, `aware_at`, `treatments` (kind of medicine to whether the
    event needed it). `is_legacy`: it and the word on it were taken over from paper.
    """

    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="adverse_events"
    )
    term = models.CharField(max_length=200)
    onset_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    grade = models.PositiveSmallIntegerField()
    grading_system = models.CharField(max_length=40)
    grading_version = models.CharField(max_length=20, blank=True)
    category = models.CharField(max_length=40, blank=True)
    causality = models.CharField(max_length=12, choices=Causality.choices, blank=True)
    causalities = models.JSONField(default=dict)
    is_serious = models.BooleanField(null=True)
    seriousness = models.JSONField(default=list)
    treatments = models.JSONField(default=dict)
    action_taken = models.CharField(max_length=20, choices=ActionTaken.choices, blank=True)
    outcome = models.CharField(max_length=20, choices=EventOutcome.choices, blank=True)
    narrative = models.TextField(blank=True)
    aware_at = models.DateTimeField(null=True)
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    is_legacy = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            CheckConstraint(condition=Q(grade__gte=1, grade__lte=5), name="grade_1_to_5"),
            CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("onset_at")),
                name="event_ends_after_it_begins",
            ),
            CheckConstraint(
                condition=Q(seriousness=[]) | Q(is_serious=True),
                name="serious_where_a_criterion_is_met",
            ),
            CheckConstraint(
                condition=~Q(outcome=EventOutcome.FATAL) | Q(grade=5), name="fatal_is_grade_5"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.term}, grade {self.grade}"


@append_only
class EventGrade(models.Model):
    """One step of an event's course: a grade, from when on, and the findings that make it.

    A wrong step is superseded with a reason, never edited.
    """

    event = models.ForeignKey(AdverseEvent, on_delete=models.PROTECT, related_name="course")
    grade = models.PositiveSmallIntegerField()
    since = models.DateTimeField()
    findings = models.JSONField(default=dict)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="superseded_by"
    )
    reason = models.TextField(blank=True)
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["since", "id"]
        constraints = [
            CheckConstraint(condition=Q(grade__gte=1, grade__lte=5), name="course_grade_1_to_5"),
            CheckConstraint(
                condition=Q(supersedes__isnull=True) | ~Q(reason=""),
                name="grade_superseded_with_a_reason",
            ),
        ]


@clinical
class DltReport(models.Model):
    """An investigator's statement that an event is dose-limiting, and what became of it.

    A provisional report has a clock (`counts_at`): at its end without a signed resolution it
    counts as a DLT. Reports are never edited; a later one supersedes with a reason. Once its event
    lay in the DLT window (`was_in_window`) no corrected time takes it out: only the medical
    monitor's word, or a signed resolution, does.
    """

    event = models.ForeignKey(AdverseEvent, on_delete=models.PROTECT, related_name="dlt_reports")
    criterion = models.CharField(max_length=20, blank=True)
    state = models.CharField(max_length=12, choices=DltReportState.choices)
    counts_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField()
    reported_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    was_in_window = models.BooleanField(default=False)
    supersedes = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, related_name="superseded_by"
    )
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            CheckConstraint(
                condition=~Q(state=DltReportState.PROVISIONAL) | Q(counts_at__isnull=False),
                name="provisional_has_its_clock",
            ),
            CheckConstraint(
                condition=Q(supersedes__isnull=True) | ~Q(reason=""),
                name="superseding_has_a_reason",
            ),
        ]
        triggers = [
            DLT_REPORT.guard(),
            pgtrigger.ReadOnly(
                name="sealed",
                fields=[
                    "event",
                    "criterion",
                    "counts_at",
                    "reported_at",
                    "reported_by",
                    "supersedes",
                    "reason",
                ],
            ),
        ]


@append_only
class Adjudication(models.Model):
    """The medical monitor's signed word on a DLT report. Only the committee may rule a death
    unrelated: its minutes are named then."""

    report = models.OneToOneField(DltReport, on_delete=models.PROTECT, related_name="adjudication")
    is_confirmed = models.BooleanField()
    reason = models.TextField()
    committee_reference = models.CharField(max_length=200, blank=True)
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT)

    class Meta:
        constraints = [CheckConstraint(condition=~Q(reason=""), name="adjudicated_with_a_reason")]
