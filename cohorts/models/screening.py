"""A participant's screening: what was measured and asked, and who stood in for it."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from cohorts.models.seats import Participant
from cohorts.states import SCREENING_FILE, ScreeningState
from ntrust.history import clinical
from ntrust.models import Signature, User, paired

_OPEN = Q(state=ScreeningState.OPEN)
_FAILED = Q(state=ScreeningState.FAILED)
_CONFIRMED = Q(state=ScreeningState.CONFIRMED)


def _unknown(*fields: str) -> Q:
    """One of these days is not known."""
    return Q(*((f"{field}__isnull", True) for field in fields), _connector=Q.OR)


@clinical
class Screening(models.Model):
    """The file of one screening, from consent to the manager's word.

    The three dates are reference dates of the criteria. `readings` are the criteria as they were
    signed, `expires_on` the first day on which one of them no longer holds. A result changed later
    opens the file again and takes the signature off it; history keeps both.
    """

    participant = models.OneToOneField(
        Participant, on_delete=models.PROTECT, related_name="screening"
    )
    state = models.CharField(
        max_length=20, choices=ScreeningState.choices, default=ScreeningState.OPEN
    )
    visit_date = models.DateField(null=True)
    lymphodepletion_date = models.DateField(null=True)
    first_infusion_date = models.DateField(null=True)
    readings = models.JSONField(default=list)
    failed_criteria = models.JSONField(default=list)
    failed_because = models.TextField(blank=True)
    expires_on = models.DateField(null=True)
    content_hash = models.CharField(max_length=64, blank=True)
    signature = models.OneToOneField(
        Signature, on_delete=models.PROTECT, null=True, related_name="screening"
    )
    confirmed_at = models.DateTimeField(null=True)
    confirmed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["participant_id"]
        constraints = [
            CheckConstraint(
                condition=(_OPEN & Q(signature__isnull=True, content_hash=""))
                | (~_OPEN & Q(signature__isnull=False) & ~Q(content_hash="")),
                name="screening_is_signed_unless_open",
            ),
            CheckConstraint(
                condition=(_CONFIRMED & Q(confirmed_at__isnull=False))
                | (~_CONFIRMED & Q(confirmed_at__isnull=True)),
                name="screening_confirmed_has_its_time",
            ),
            CheckConstraint(
                condition=(_FAILED & (~Q(failed_criteria=[]) | ~Q(failed_because="")))
                | (~_FAILED & Q(failed_criteria=[], failed_because="")),
                name="screen_failure_says_why",
            ),
            CheckConstraint(
                condition=_unknown("visit_date", "lymphodepletion_date")
                | Q(visit_date__lte=F("lymphodepletion_date")),
                name="lymphodepletion_planned_after_screening",
            ),
            CheckConstraint(
                condition=_unknown("lymphodepletion_date", "first_infusion_date")
                | Q(lymphodepletion_date__lt=F("first_infusion_date")),
                name="infusion_1_planned_after_lymphodepletion",
            ),
            paired("confirmed_at", "confirmed_by"),
        ]
        triggers = [SCREENING_FILE.guard()]

    def __str__(self) -> str:
        return f"screening of {self.participant}"


@clinical
class ScreeningResult(models.Model):
    """What was entered for one field of the protocol, as typed and in the field's own unit.

    `value` is a number, a date as 2026-03-03, or an answer. A repeat or a correction takes the
    row's place and the history keeps what was there; `reason` says why it was corrected.
    """

    screening = models.ForeignKey(Screening, on_delete=models.PROTECT, related_name="results")
    field = models.CharField(max_length=80)
    entered = models.CharField(max_length=80)
    unit = models.CharField(max_length=40, blank=True)
    value = models.CharField(max_length=80)
    upper_limit_entered = models.CharField(max_length=40, blank=True)
    upper_limit = models.DecimalField(max_digits=24, decimal_places=12, null=True)
    measured_on = models.DateField(null=True)
    comment = models.TextField(blank=True)
    reason = models.TextField(blank=True)
    entered_at = models.DateTimeField()
    entered_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(fields=["screening", "field"], name="one_result_a_field"),
            CheckConstraint(condition=~Q(field="") & ~Q(value=""), name="result_has_a_value"),
            CheckConstraint(
                condition=Q(upper_limit__isnull=True) | Q(upper_limit__gt=0),
                name="upper_limit_is_positive",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.field}: {self.entered} {self.unit}".strip()
