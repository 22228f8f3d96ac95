"""What the rules said, what people signed, and what is held."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from cohorts.models.ladder import DoseLevel, ProtocolVersion
from cohorts.states import (
    DECISION,
    HOLD,
    SELECT_RDE,
    DecisionState,
    HoldScope,
    HoldState,
    ReReviewVerdict,
)
from ntrust.history import append_only, clinical
from ntrust.models import Signature, Site, Study, User, paired

SEATS_IN_A_COHORT = 3
ACCOUNT = (
    "verdict",
    "level",
    "mtd",
    "rule",
    "bounds",
    "flags",
    "reasons",
    "counts",
    "split",
    "pending",
    "full_answer",
    "sensitivity",
)
"""What of the engine's account a recommendation keeps under the same name."""


@append_only
class Recommendation(models.Model):
    """What the rules said at a revision of the study. The last one is what they say now.

    `basis` and `rows` are what it was worked out from, everything else the account of them (see
    `cohorts.engine.account`). Rows stored before `rows` was kept have none.
    """

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
    split = models.JSONField(default=dict)
    full_answer = models.JSONField(default=dict)
    sensitivity = models.JSONField(default=dict)
    suspended_by = models.JSONField()
    basis = models.JSONField()
    basis_hash = models.CharField(max_length=64)
    rows = models.JSONField(default=list)

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
    (`is_override`), towards less safe (`is_less_safe`) only with the committee's verdict. `basis`
    is the snapshot the rules were given, `content_hash` what is signed. With the verdict SELECT_RDE
    it ends Part 1: `level` is the dose of Part 2, and opens no seats. A decision on paper
    (`is_legacy`) has neither recommendation nor packet; the two signatures under the take-over
    stand for its own. `re_review_verdict`: what was said of it when its basis had changed; one that
    was upheld rests on the basis of that re-review.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="decisions")
    number = models.PositiveSmallIntegerField()
    is_legacy = models.BooleanField(default=False)
    recommendation = models.ForeignKey(Recommendation, on_delete=models.PROTECT, null=True)
    verdict = models.CharField(max_length=20)
    level = models.ForeignKey(DoseLevel, on_delete=models.PROTECT, null=True)
    seats = models.PositiveSmallIntegerField(default=0)
    is_override = models.BooleanField(default=False)
    is_less_safe = models.BooleanField(default=False)
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
    re_review_verdict = models.CharField(max_length=12, choices=ReReviewVerdict.choices, blank=True)
    withdrawn_because = models.TextField(blank=True)

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
                condition=Q(is_override=False, is_less_safe=False)
                | (Q(is_override=True, is_less_safe=False) & ~Q(reason=""))
                | (Q(is_override=True) & ~Q(reason="") & ~Q(committee_verdict="")),
                name="override_has_reason_and_verdict",
            ),
            CheckConstraint(
                condition=Q(state=DecisionState.RE_REVIEWED) & ~Q(re_review_verdict="")
                | ~Q(state=DecisionState.RE_REVIEWED),
                name="re_reviewed_has_its_verdict",
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
                | Q(level__isnull=False, verdict=SELECT_RDE, seats=0)
                | Q(level__isnull=False, seats__gte=1, seats__lte=SEATS_IN_A_COHORT),
                name="opens_one_to_three_seats",
            ),
            UniqueConstraint(
                fields=["study"],
                condition=Q(
                    verdict=SELECT_RDE, state__in=[DecisionState.SIGNED, DecisionState.CIRCULATED]
                ),
                name="one_rde_that_stands",
            ),
            CheckConstraint(
                condition=~Q(verdict=SELECT_RDE)
                | Q(level__isnull=False) & ~Q(reason="") & ~Q(committee_verdict=""),
                name="rde_has_level_reason_and_verdict",
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
                    "is_less_safe",
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

    @property
    def is_in_force(self) -> bool:
        """Whether what it opened may be used: read everywhere, and nothing against it since."""
        return self.state == DecisionState.CIRCULATED or (
            self.state == DecisionState.RE_REVIEWED
            and self.re_review_verdict == ReReviewVerdict.UPHELD
        )


def in_force(prefix: str = "") -> Q:
    """Decisions that are in force (see `Decision.is_in_force`), for a query; `prefix` leads to
    the decision, e.g. "decision__"."""
    upheld = {
        f"{prefix}state": DecisionState.RE_REVIEWED,
        f"{prefix}re_review_verdict": ReReviewVerdict.UPHELD,
    }
    return Q(**{f"{prefix}state": DecisionState.CIRCULATED}) | Q(**upheld)


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
    """An enrolment and dosing stop, placed by a rule or a person, lifted by a signed decision.

    `met_by`: what meets a pause rule as it stands now, one row a participant with `severity` and
    `why`. `known`: participant to the worst severity that was ever under this hold; only what goes
    beyond it is news.

    One on Part 2 concerns its expansion cohorts alone: that of `disease`, or all of them.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="holds")
    scope = models.CharField(max_length=10, choices=HoldScope.choices)
    level = models.ForeignKey(DoseLevel, on_delete=models.PROTECT, null=True)
    site = models.ForeignKey(Site, on_delete=models.PROTECT, null=True)
    disease = models.CharField(max_length=40, blank=True)
    rule = models.CharField(max_length=60)
    reason = models.TextField()
    met_by = models.JSONField(default=list)
    known = models.JSONField(default=dict)
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
                | Q(scope=HoldScope.SITE, level__isnull=True, site__isnull=False)
                | Q(scope=HoldScope.PART_2, level__isnull=True, site__isnull=True),
                name="hold_scope_names_its_object",
            ),
            CheckConstraint(
                condition=Q(disease="") | Q(scope=HoldScope.PART_2),
                name="only_part_2_is_held_by_disease",
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
                fields=["study", "scope", "level", "site", "disease", "rule"],
                condition=Q(state=HoldState.PLACED),
                nulls_distinct=False,
                name="one_hold_a_reason_in_force",
            ),
        ]
        triggers = [HOLD.guard()]
