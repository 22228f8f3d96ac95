"""The protocol as data, and the ladder of dose levels."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from cohorts.states import PROTOCOL_VERSION, ProtocolState
from ntrust.history import clinical
from ntrust.models import Study, User, paired


@clinical
class ProtocolVersion(models.Model):
    """One version of a study's protocol, as validated data. Versions stay readable for ever."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="protocol_versions")
    version = models.CharField(max_length=20)
    document = models.JSONField()
    document_hash = models.CharField(max_length=64)
    state = models.CharField(
        max_length=20, choices=ProtocolState.choices, default=ProtocolState.DRAFT
    )
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
            paired("activated_at", "activated_by"),
        ]
        triggers = [PROTOCOL_VERSION.guard()]

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
