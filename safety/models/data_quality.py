"""What was compared with its source, what was asked about it, and data cuts that are locked."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from cohorts.models import Participant
from ntrust.history import append_only, clinical
from ntrust.models import Signature, Site, Study, User, paired
from ntrust.states import Role
from safety.states import DATA_QUERY, DataQueryState, DataQueryStep


@clinical
class Verification(models.Model):
    """A row that a second person compared with its source document.

    `table` is a key of `safety.policies.SOURCES`, `row` the row there, `facts_hash` what it said
    and `version` its row of history then. Once the row says something else it no longer holds.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="verifications")
    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="verifications"
    )
    table = models.CharField(max_length=40)
    row = models.PositiveBigIntegerField()
    version = models.PositiveBigIntegerField()
    facts_hash = models.CharField(max_length=64)
    source = models.CharField(max_length=200)
    verified_at = models.DateTimeField()
    verified_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    withdrawn_because = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(
                fields=["table", "row"],
                condition=Q(withdrawn_at__isnull=True),
                name="one_verification_in_force",
            ),
            CheckConstraint(condition=~Q(source=""), name="verified_against_a_source"),
            CheckConstraint(
                condition=Q(withdrawn_at__isnull=True) ^ ~Q(withdrawn_because=""),
                name="verification_withdrawn_with_a_reason",
            ),
            paired("verified_at", "verified_by"),
            paired("withdrawn_at", "withdrawn_by"),
        ]
        triggers = [
            pgtrigger.ReadOnly(
                name="sealed",
                fields=[
                    "study",
                    "participant",
                    "table",
                    "row",
                    "version",
                    "facts_hash",
                    "source",
                    "verified_at",
                    "verified_by",
                ],
            )
        ]


@clinical
class DataQuery(models.Model):
    """A question to a site about a participant's data; about one row where `table` names it.

    What was said is in its steps. `asked_at` is when it was last asked, `due_at` when the answer is
    owed.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="data_queries")
    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="data_queries")
    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="data_queries"
    )
    number = models.PositiveIntegerField()
    table = models.CharField(max_length=40, blank=True)
    row = models.PositiveBigIntegerField(null=True)
    about = models.CharField(max_length=200)
    state = models.CharField(
        max_length=10, choices=DataQueryState.choices, default=DataQueryState.OPEN
    )
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "data queries"
        ordering = ["number"]
        constraints = [
            UniqueConstraint(fields=["study", "number"], name="one_query_a_number"),
            CheckConstraint(
                condition=Q(table="", row__isnull=True) | (~Q(table="") & Q(row__isnull=False)),
                name="query_about_a_row_names_it",
            ),
        ]
        triggers = [DATA_QUERY.guard()]

    def __str__(self) -> str:
        return f"query {self.number}"


@append_only
class DataQueryEntry(models.Model):
    """One thing said in a query: asked, answered, closed or asked again."""

    query = models.ForeignKey(DataQuery, on_delete=models.PROTECT, related_name="entries")
    step = models.CharField(max_length=10, choices=DataQueryStep.choices)
    text = models.TextField()
    role = models.CharField(max_length=20, choices=Role.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [CheckConstraint(condition=~Q(text=""), name="query_entry_says_something")]


@append_only
class DataCut(models.Model):
    """The data as they were at one revision of the study, locked by a signature.

    `content` says how good they were and holds one hash over every row that counts; rows written
    at a later revision are after the cut.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="data_cuts")
    number = models.PositiveIntegerField()
    revision = models.PositiveBigIntegerField()
    cut_at = models.DateTimeField()
    purpose = models.CharField(max_length=200)
    content = models.JSONField()
    content_hash = models.CharField(max_length=64)
    signature = models.OneToOneField(Signature, on_delete=models.PROTECT)

    class Meta:
        ordering = ["number"]
        constraints = [
            UniqueConstraint(fields=["study", "number"], name="one_cut_a_number"),
            CheckConstraint(condition=~Q(purpose=""), name="cut_for_a_purpose"),
        ]

    def __str__(self) -> str:
        return f"data cut {self.number}"
