"""What was in flight when a hold landed or a DLT was reported: one question a planned infusion."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from cohorts.models import Hold, Participant
from dosing.models.infusions import Infusion
from dosing.states import IN_FLIGHT, InFlightAnswer, InFlightState
from ntrust.history import clinical
from ntrust.models import Signature, User, paired


@clinical
class InFlight(models.Model):
    """A question to the site: what becomes of an infusion that was planned or held when this hold
    landed, or this participant's DLT was reported (`dlt_of`).

    `given_at`: when the site says it was given, before it is entered. `instruction`: the medical
    monitor's signed word that it may go on after the DLT.
    """

    infusion = models.ForeignKey(Infusion, on_delete=models.PROTECT, related_name="in_flight")
    hold = models.ForeignKey(Hold, on_delete=models.PROTECT, null=True, related_name="in_flight")
    dlt_of = models.ForeignKey(
        Participant, on_delete=models.PROTECT, null=True, related_name="asked_for"
    )
    because = models.TextField()
    state = models.CharField(
        max_length=10, choices=InFlightState.choices, default=InFlightState.OPEN
    )
    raised_at = models.DateTimeField()
    due_at = models.DateTimeField()
    overdue_at = models.DateTimeField(null=True)
    answer = models.CharField(max_length=14, choices=InFlightAnswer.choices, blank=True)
    reason = models.TextField(blank=True)
    given_at = models.DateTimeField(null=True)
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    answered_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    instruction = models.TextField(blank=True)
    instruction_signature = models.ForeignKey(
        Signature, on_delete=models.PROTECT, null=True, related_name="+"
    )
    instructed_at = models.DateTimeField(null=True)
    instructed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    moot_because = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "infusions in flight"
        ordering = ["id"]
        constraints = [
            CheckConstraint(
                condition=Q(hold__isnull=True) ^ Q(dlt_of__isnull=True),
                name="in_flight_names_its_cause",
            ),
            UniqueConstraint(
                fields=["infusion", "hold", "dlt_of"],
                condition=Q(state=InFlightState.OPEN),
                nulls_distinct=False,
                name="one_open_question_a_cause",
            ),
            CheckConstraint(condition=Q(due_at__gt=F("raised_at")), name="in_flight_is_due_later"),
            CheckConstraint(
                condition=(
                    Q(
                        state=InFlightState.ANSWERED,
                        answered_at__isnull=False,
                        signature__isnull=False,
                    )
                    & ~Q(answer="")
                    & ~Q(reason="")
                )
                | (
                    ~Q(state=InFlightState.ANSWERED)
                    & Q(answer="", reason="", answered_at__isnull=True, signature__isnull=True)
                ),
                name="in_flight_answered_and_signed",
            ),
            CheckConstraint(
                condition=Q(answer=InFlightAnswer.ALREADY_GIVEN) ^ Q(given_at__isnull=True),
                name="already_given_has_its_time",
            ),
            CheckConstraint(
                condition=Q(instruction="") ^ Q(instruction_signature__isnull=False),
                name="instruction_is_signed",
            ),
            CheckConstraint(
                condition=Q(state=InFlightState.MOOT) ^ Q(moot_because=""),
                name="in_flight_moot_has_a_reason",
            ),
            paired("answered_at", "answered_by"),
            paired("instructed_at", "instructed_by"),
        ]
        triggers = [IN_FLIGHT.guard()]

    def __str__(self) -> str:
        return f"infusion {self.infusion.number} of {self.infusion.course.participant}"
