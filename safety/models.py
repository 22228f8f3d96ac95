"""Tables of safety: adverse events, DLT reports, window statements, reviews and packets."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from cohorts.models import Decision, Participant
from ntrust.history import append_only, clinical
from ntrust.models import Signature, Study, User, paired
from safety.states import (
    DLT_REPORT,
    OPEN_TAKE_OVERS,
    REVIEW,
    TAKE_OVER,
    Causality,
    DltReportState,
    ReviewState,
    TakeOverState,
)


@clinical
class AdverseEvent(models.Model):
    """Something that happened to a participant, graded by a named system. `is_legacy`: it and the
    word on it were taken over from paper."""

    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="adverse_events"
    )
    term = models.CharField(max_length=200)
    onset_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    grade = models.PositiveSmallIntegerField()
    grading_system = models.CharField(max_length=40)
    causality = models.CharField(max_length=12, choices=Causality.choices)
    is_serious = models.BooleanField(default=False)
    aware_at = models.DateTimeField()
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
        ]

    def __str__(self) -> str:
        return f"{self.term}, grade {self.grade}"


@clinical
class DltReport(models.Model):
    """An investigator's statement that an event is dose-limiting, and what became of it.

    A provisional report has a clock (`counts_at`): at its end without a signed resolution it
    counts as a DLT. Reports are never edited; a later one supersedes with a reason.
    """

    event = models.ForeignKey(AdverseEvent, on_delete=models.PROTECT, related_name="dlt_reports")
    criterion = models.CharField(max_length=20, blank=True)
    state = models.CharField(max_length=12, choices=DltReportState.choices)
    counts_at = models.DateTimeField(null=True)
    reported_at = models.DateTimeField()
    reported_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
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
        triggers = [DLT_REPORT.guard()]


@append_only
class Adjudication(models.Model):
    """The medical monitor's signed word on a DLT report."""

    report = models.OneToOneField(DltReport, on_delete=models.PROTECT, related_name="adjudication")
    is_confirmed = models.BooleanField()
    reason = models.TextField()
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT)

    class Meta:
        constraints = [CheckConstraint(condition=~Q(reason=""), name="adjudicated_with_a_reason")]


@clinical
class WindowStatement(models.Model):
    """The investigator's signed word at the end of the window: a DLT, or none. Never silence.

    `is_legacy`: signed on paper on the day of `signed_at`; the monitor's signature under the
    take-over stands for it.
    """

    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="window_statements"
    )
    has_dlt = models.BooleanField()
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT)
    signed_at = models.DateTimeField()
    signed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_because = models.TextField(blank=True)
    is_legacy = models.BooleanField(default=False)

    class Meta:
        ordering = ["id"]
        constraints = [
            paired("signed_at", "signed_by"),
            UniqueConstraint(
                fields=["participant"],
                condition=Q(withdrawn_at__isnull=True),
                name="one_statement_in_force",
            ),
            CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) | ~Q(withdrawn_because=""),
                name="withdrawn_with_a_reason",
            ),
        ]


@append_only
class Packet(models.Model):
    """What a review was shown, frozen at its data cut."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="packets")
    revision = models.PositiveBigIntegerField()
    content = models.JSONField()
    content_hash = models.CharField(max_length=64)
    cut_at = models.DateTimeField()


@clinical
class Review(models.Model):
    """A committee meeting over one packet."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="reviews")
    number = models.PositiveSmallIntegerField()
    packet = models.OneToOneField(Packet, on_delete=models.PROTECT, related_name="review")
    state = models.CharField(
        max_length=12, choices=ReviewState.choices, default=ReviewState.CONVENED
    )
    convened_at = models.DateTimeField()
    convened_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    attendees = models.PositiveSmallIntegerField(default=0)
    committee_verdict = models.TextField(blank=True)
    minutes_reference = models.CharField(max_length=200, blank=True)
    decision = models.OneToOneField(
        Decision, on_delete=models.PROTECT, null=True, related_name="review"
    )

    class Meta:
        ordering = ["number"]
        constraints = [
            UniqueConstraint(fields=["study", "number"], name="one_review_a_number"),
            paired("convened_at", "convened_by"),
            CheckConstraint(
                condition=~Q(state=ReviewState.CONCLUDED) | Q(decision__isnull=False),
                name="concluded_with_a_decision",
            ),
        ]
        triggers = [REVIEW.guard()]


@clinical
class TakeOver(models.Model):
    """The spreadsheet of a trial that runs elsewhere, kept until manager and monitor have signed.

    `book` is the workbook as text, `promised` what it comes to; `content_hash`, of both, is what is
    signed. The second signature writes everything.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="take_overs")
    book = models.JSONField()
    promised = models.JSONField()
    content_hash = models.CharField(max_length=64)
    state = models.CharField(
        max_length=20, choices=TakeOverState.choices, default=TakeOverState.STAGED
    )
    staged_at = models.DateTimeField()
    staged_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    manager_signature = models.ForeignKey(
        Signature, on_delete=models.PROTECT, null=True, related_name="+"
    )
    monitor_signature = models.ForeignKey(
        Signature, on_delete=models.PROTECT, null=True, related_name="+"
    )
    applied_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_because = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(
                fields=["study"],
                condition=Q(state__in=[*OPEN_TAKE_OVERS, TakeOverState.APPLIED]),
                name="taken_over_once",
            ),
            CheckConstraint(
                condition=Q(
                    state=TakeOverState.APPLIED,
                    applied_at__isnull=False,
                    manager_signature__isnull=False,
                    monitor_signature__isnull=False,
                )
                | (~Q(state=TakeOverState.APPLIED) & Q(applied_at__isnull=True)),
                name="applied_by_two_signatures",
            ),
            CheckConstraint(
                condition=Q(state=TakeOverState.WITHDRAWN, withdrawn_at__isnull=False)
                & ~Q(withdrawn_because="")
                | ~Q(state=TakeOverState.WITHDRAWN) & Q(withdrawn_at__isnull=True),
                name="take_over_withdrawn_with_a_reason",
            ),
            paired("withdrawn_at", "withdrawn_by"),
        ]
        triggers = [
            TAKE_OVER.guard(),
            pgtrigger.ReadOnly(
                name="sealed",
                fields=["study", "book", "promised", "content_hash", "staged_at", "staged_by"],
            ),
        ]
