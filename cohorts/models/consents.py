"""Consent forms by version, and who signed which."""

from __future__ import annotations

from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from cohorts.models.ladder import ProtocolVersion
from cohorts.models.seats import Participant
from ntrust.history import append_only
from ntrust.models import Study, User


@append_only
class ConsentForm(models.Model):
    """A version of the informed consent form, for a protocol version; the same at every site."""

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="consent_forms")
    label = models.CharField(max_length=40)
    effective_on = models.DateField()
    protocol_version = models.ForeignKey(ProtocolVersion, on_delete=models.PROTECT)
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(User, on_delete=models.PROTECT)

    class Meta:
        ordering = ["effective_on", "id"]
        constraints = [
            UniqueConstraint(fields=["study", "label"], name="one_label_a_consent_form"),
            CheckConstraint(condition=~Q(label=""), name="consent_form_has_a_label"),
        ]

    def __str__(self) -> str:
        return self.label


@append_only
class Consent(models.Model):
    """A participant's signature on a form, as the investigator recorded it.

    A wrong day is corrected by a further row that says why (`correction`); the last one counts.
    """

    participant = models.ForeignKey(Participant, on_delete=models.PROTECT, related_name="consents")
    form = models.ForeignKey(ConsentForm, on_delete=models.PROTECT, related_name="consents")
    signed_on = models.DateField()
    correction = models.TextField(blank=True)
    recorded_at = models.DateTimeField()
    recorded_by = models.ForeignKey(User, on_delete=models.PROTECT)

    class Meta:
        ordering = ["id"]
        constraints = [
            UniqueConstraint(
                fields=["participant", "form"],
                condition=Q(correction=""),
                name="one_consent_a_form",
            )
        ]
