"""Calls to the medical monitor about conditioned participants."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from cohorts.models import DoseLevel, Hold, Participant
from dosing.models.courses import Course
from dosing.states import MONITOR_CALL, CallAnswer, CallKind, CallState
from ntrust.history import clinical
from ntrust.models import Signature, User, paired


@clinical
class MonitorCall(models.Model):
    """A question that cannot wait: lymphodepletion has begun, and infusion 1 must not go on as
    planned. One a hold, or one when lymphodepletion is too old; a new answer is a new row."""

    participant = models.ForeignKey(
        Participant, on_delete=models.PROTECT, related_name="monitor_calls"
    )
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="monitor_calls")
    kind = models.CharField(max_length=10, choices=CallKind.choices)
    hold = models.ForeignKey(
        Hold, on_delete=models.PROTECT, null=True, related_name="monitor_calls"
    )
    state = models.CharField(max_length=10, choices=CallState.choices, default=CallState.RAISED)
    raised_at = models.DateTimeField()
    due_at = models.DateTimeField()
    answer = models.CharField(max_length=12, choices=CallAnswer.choices, blank=True)
    lower_to = models.ForeignKey(DoseLevel, on_delete=models.PROTECT, null=True, related_name="+")
    reason = models.TextField(blank=True)
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    moot_because = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(
                fields=["course", "kind", "hold"],
                condition=Q(state=CallState.RAISED),
                nulls_distinct=False,
                name="one_open_call_a_question",
            ),
            CheckConstraint(
                condition=Q(kind=CallKind.HOLD, hold__isnull=False)
                | Q(kind=CallKind.LD_OLD, hold__isnull=True),
                name="call_names_its_hold",
            ),
            CheckConstraint(condition=Q(due_at__gt=F("raised_at")), name="call_is_due_later"),
            CheckConstraint(
                condition=(
                    Q(state=CallState.ANSWERED, answered_at__isnull=False, signature__isnull=False)
                    & ~Q(answer="")
                    & ~Q(reason="")
                )
                | (
                    ~Q(state=CallState.ANSWERED)
                    & Q(answer="", reason="", answered_at__isnull=True, signature__isnull=True)
                ),
                name="answered_with_reason_and_signature",
            ),
            CheckConstraint(
                condition=Q(answer=CallAnswer.LOWER_DOSE) ^ Q(lower_to__isnull=True),
                name="lower_dose_names_its_level",
            ),
            CheckConstraint(
                condition=Q(state=CallState.MOOT) ^ Q(moot_because=""), name="moot_has_a_reason"
            ),
            paired("answered_at", "answered_by"),
        ]
        triggers = [MONITOR_CALL.guard()]

    def __str__(self) -> str:
        return f"call about {self.participant}"
