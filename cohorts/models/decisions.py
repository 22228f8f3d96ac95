"""What the rules said, what people signed, and what is held."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from cohorts.models.ladder import DoseLevel, ProtocolVersion
from cohorts.states import DECISION, HOLD, DecisionState, HoldScope, HoldState
from ntrust.history import append_only, clinical
from ntrust.models import Signature, Site, Study, User, paired

SEATS_IN_A_COHORT = 3


@append_only
class Recommendation(models.Model):
    """What the rules said at a revision of the study. The last one is what they say now."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="recommendations")
    revision = models.PositiveBigIntegerField()
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT)
    engine_version = models.CharField(max_length=20)
    computed_at = models.DateTimeField()
    verdict = models.CharField(max_length=20)
    level = models.SmallIntegerField(null=True)
    outcome = models.CharField(max_length=20, blank=True)
    mtd = models.SmallIntegerField(null=True)
    rule = models.CharField(max_length=60)
    bounds = models.JSONField()
    flags = models.JSONField()
    reasons = models.JSONField()
    counts = models.JSONField()
    pending = models.JSONField()
    suspended_by = models.JSONField()
    basis = models.JSONField()
    basis_hash = models.CharField(max_length=64)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["study", "revision"], name="one_recommendation_a_revision")
        ]

    def __str__(self) -> str:
        return f"{self.verdict} {self.level or ''}".strip()


@clinical
class Decision(models.Model):
    """What two people signed, sealed to the data under it.

    `verdict` and `level` are what was decided; they may differ from the recommendation
    (`is_override`). `basis` is the snapshot the rules were given, `content_hash` what is signed.
    A decision on paper (`is_legacy`) has neither recommendation nor packet; the two signatures
    under the take-over stand for its own.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="decisions")
    number = models.PositiveSmallIntegerField()
    is_legacy = models.BooleanField(default=False)
    recommendation = models.ForeignKey(Recommendation, on_delete=models.PROTECT, null=True)
    verdict = models.CharField(max_length=20)
    level = models.ForeignKey(DoseLevel, on_delete=models.PROTECT, null=True)
    seats = models.PositiveSmallIntegerField(default=0)
    is_override = models.BooleanField(default=False)
    reason = models.TextField(blank=True)
    committee_verdict = models.TextField(blank=True)
    packet_hash = models.CharField(max_length=64, blank=True)
    basis = models.JSONField()
    content = models.JSONField()
    content_hash = models.CharField(max_length=64)
    state = models.CharField(
        max_length=20, choices=DecisionState.choices, default=DecisionState.PROPOSED
    )
    proposed_at = models.DateTimeField()
    proposed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    manager_signature = models.ForeignKey(
        Signature, on_delete=models.PROTECT, null=True, related_name="+"
    )
    monitor_signature = models.ForeignKey(
        Signature, on_delete=models.PROTECT, null=True, related_name="+"
    )
    signed_at = models.DateTimeField(null=True)
    circulated_at = models.DateTimeField(null=True)
    basis_changed_at = models.DateTimeField(null=True)
    basis_change = models.TextField(blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            UniqueConstraint(fields=["study", "number"], name="one_decision_a_number"),
            CheckConstraint(
                condition=Q(is_legacy=True, signed_at__isnull=False)
                | (Q(is_legacy=False, recommendation__isnull=False) & ~Q(packet_hash="")),
                name="only_paper_has_no_recommendation",
            ),
            CheckConstraint(
                condition=Q(is_override=False) | (~Q(reason="") & ~Q(committee_verdict="")),
                name="override_has_reason_and_verdict",
            ),
            CheckConstraint(
                condition=Q(signed_at__isnull=True)
                | Q(manager_signature__isnull=False, monitor_signature__isnull=False),
                name="signed_by_manager_and_monitor",
            ),
            CheckConstraint(
                condition=~Q(state__in=[DecisionState.SIGNED, DecisionState.CIRCULATED])
                | Q(signed_at__isnull=False),
                name="signed_state_has_its_time",
            ),
            CheckConstraint(
                condition=Q(circulated_at__isnull=True) | Q(signed_at__isnull=False),
                name="circulated_after_signed",
            ),
            CheckConstraint(
                condition=Q(level__isnull=True, seats=0)
                | Q(level__isnull=False, seats__gte=1, seats__lte=SEATS_IN_A_COHORT),
                name="opens_one_to_three_seats",
            ),
        ]
        triggers = [
            DECISION.guard(),
            pgtrigger.ReadOnly(
                name="sealed",
                fields=[
                    "study",
                    "number",
                    "is_legacy",
                    "recommendation",
                    "verdict",
                    "level",
                    "seats",
                    "is_override",
                    "reason",
                    "committee_verdict",
                    "packet_hash",
                    "basis",
                    "content",
                    "content_hash",
                    "proposed_at",
                    "proposed_by",
                ],
            ),
        ]

    def __str__(self) -> str:
        return f"decision #{self.number}"


@clinical
class Circulation(models.Model):
    """One site or pharmacy that must acknowledge a decision before its level opens."""

    decision = models.ForeignKey(Decision, on_delete=models.PROTECT, related_name="circulation")
    site = models.ForeignKey(Site, on_delete=models.PROTECT)
    is_pharmacy = models.BooleanField(default=False)
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["decision", "site", "is_pharmacy"], name="circulated_once"),
            paired("acknowledged_at", "acknowledged_by"),
        ]


@clinical
class Hold(models.Model):
    """An enrolment and dosing stop, placed by a rule or a person, lifted by a signature."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="holds")
    scope = models.CharField(max_length=10, choices=HoldScope.choices)
    level = models.ForeignKey(DoseLevel, on_delete=models.PROTECT, null=True)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True)
    rule = models.CharField(max_length=60)
    reason = models.TextField()
    state = models.CharField(max_length=10, choices=HoldState.choices, default=HoldState.PLACED)
    placed_at = models.DateTimeField()
    placed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True)
    lift_signature = models.ForeignKey(
        Signature, on_delete=models.PROTECT, null=True, related_name="+"
    )
    lift_reason = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            CheckConstraint(
                condition=Q(scope=HoldScope.STUDY, level__isnull=True, site__isnull=True)
                | Q(scope=HoldScope.LEVEL, level__isnull=False, site__isnull=True)
                | Q(scope=HoldScope.SITE, level__isnull=True, site__isnull=False),
                name="hold_scope_names_its_object",
            ),
            CheckConstraint(condition=~Q(reason=""), name="hold_has_a_reason"),
            CheckConstraint(
                condition=Q(state=HoldState.PLACED, lifted_at__isnull=True)
                | Q(
                    state=HoldState.LIFTED,
                    lifted_at__isnull=False,
                    lift_signature__isnull=False,
                ),
                name="lifted_by_a_signature",
            ),
            UniqueConstraint(
                fields=["study", "scope", "level", "site", "rule"],
                condition=Q(state=HoldState.PLACED),
                nulls_distinct=False,
                name="one_hold_a_reason_in_force",
            ),
        ]
        triggers = [HOLD.guard()]
