"""The protocol as data, and the ladder of dose levels."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from cohorts.states import PROTOCOL_VERSION, ProtocolState
from ntrust.history import clinical
from ntrust.models import Signature, Study, User, paired

_DOCUMENT_IS_SEALED = """
    IF OLD.state <> 'DRAFT' AND
        (OLD.document, OLD.document_hash, OLD.version)
        IS DISTINCT FROM (NEW.document, NEW.document_hash, NEW.version)
    THEN RAISE EXCEPTION 'protocol version % is no draft and does not change', OLD.version; END IF;
    RETURN NEW;
"""


@clinical
class ProtocolVersion(models.Model):
    """One version of a study's protocol, as validated data. Versions stay readable for ever.

    Only a draft can be edited. An approved one is signed and in force from 00:00 UTC of
    `effective_on`, by itself.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="protocol_versions")
    version = models.CharField(max_length=20)
    document = models.JSONField()
    document_hash = models.CharField(max_length=64)
    state = models.CharField(
        max_length=20, choices=ProtocolState.choices, default=ProtocolState.DRAFT
    )
    effective_on = models.DateField(null=True)
    approved_at = models.DateTimeField(null=True)
    approved_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    approval = models.ForeignKey(Signature, on_delete=models.PROTECT, null=True, related_name="+")
    approval_reason = models.TextField(blank=True)
    activated_at = models.DateTimeField(null=True)
    activated_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["study", "version"], name="one_protocol_version"),
            UniqueConstraint(
                fields=["study"],
                condition=Q(state=ProtocolState.ACTIVE),
                name="one_active_protocol_version",
            ),
            UniqueConstraint(
                fields=["study"],
                condition=Q(state=ProtocolState.APPROVED),
                name="one_approved_protocol_version",
            ),
            CheckConstraint(
                condition=~Q(state=ProtocolState.APPROVED)
                | Q(
                    effective_on__isnull=False,
                    approved_at__isnull=False,
                    approval__isnull=False,
                )
                & ~Q(approval_reason=""),
                name="approved_by_a_signature_from_a_date",
            ),
            paired("approved_at", "approved_by"),
            paired("activated_at", "activated_by"),
        ]
        triggers = [
            PROTOCOL_VERSION.guard(),
            pgtrigger.Trigger(
                name="document_is_sealed",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                func=_DOCUMENT_IS_SEALED,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.study.key} protocol {self.version}"


@clinical
class DoseLevel(models.Model):
    """A rung of the ladder. Ordinal 1 is the starting level, -1 the one below it."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="levels")
    ordinal = models.SmallIntegerField()
    dose = models.DecimalField(max_digits=20, decimal_places=4)
    unit = models.CharField(max_length=40)
    is_illustrative = models.BooleanField(default=False)

    class Meta:
        ordering = ["ordinal"]
        constraints = [
            UniqueConstraint(fields=["study", "ordinal"], name="one_level_an_ordinal"),
            CheckConstraint(
                condition=Q(ordinal=-1) | Q(ordinal__gte=1), name="ordinal_is_minus_one_or_positive"
            ),
            CheckConstraint(condition=Q(dose__gt=0), name="dose_is_positive"),
        ]

    def __str__(self) -> str:
        return f"DL{self.ordinal}"
