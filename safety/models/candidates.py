"""Events that a DLT criterion may take, and what people said of them."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from cohorts.engine.toxicity import Answer
from ntrust.history import append_only, clinical
from ntrust.models import Signature, User
from ntrust.states import Role
from safety.models.events import AdverseEvent, DltReport
from safety.states import CANDIDATE, CandidateState


@clinical
class DltCandidate(models.Model):
    """An event of the window that meets, or could meet, a DLT criterion: an open question until a
    person has answered it.

    `settled`: criterion to answer, and `grade`, as they were when it was last answered; what reads
    worse than that is asked again. `rereads_at`: when time alone may change the reading.
    """

    event = models.OneToOneField(AdverseEvent, on_delete=models.PROTECT, related_name="candidate")
    state = models.CharField(max_length=12, choices=CandidateState.choices)
    settled = models.JSONField(default=dict)
    rereads_at = models.DateTimeField(null=True)
    raised_at = models.DateTimeField()

    class Meta:
        ordering = ["id"]
        triggers = [CANDIDATE.guard()]


@append_only
class EventWord(models.Model):
    """What a person said of an event, a DLT or not, and what the criteria said at that moment.

    `rule`: the strongest answer of the criteria, `readings` all of their sentences. The medical
    monitor's word is signed; that a death is unrelated needs the committee's minutes as well.
    """

    event = models.ForeignKey(AdverseEvent, on_delete=models.PROTECT, related_name="words")
    speaker = models.CharField(max_length=20, choices=Role.choices)
    is_dlt = models.BooleanField()
    criterion = models.CharField(max_length=20, blank=True)
    rule = models.CharField(max_length=12, choices=[(one.value, one.value) for one in Answer])
    readings = models.JSONField(default=list)
    reason = models.TextField(blank=True)
    committee_reference = models.CharField(max_length=200, blank=True)
    report = models.ForeignKey(DltReport, on_delete=models.PROTECT, null=True, related_name="words")
    signature = models.ForeignKey(Signature, on_delete=models.PROTECT, null=True)
    said_at = models.DateTimeField()
    said_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [
            CheckConstraint(
                condition=Q(is_dlt=True) | ~Q(reason=""), name="not_a_dlt_has_a_reason"
            ),
            CheckConstraint(
                condition=~Q(speaker=Role.MEDICAL_MONITOR) | Q(signature__isnull=False),
                name="monitors_word_is_signed",
            ),
            UniqueConstraint(
                fields=["report", "speaker"],
                condition=Q(report__isnull=False),
                name="one_word_a_report_and_speaker",
            ),
        ]
