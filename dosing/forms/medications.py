"""Concomitant medication: entered, corrected or ended, accepted by the medical monitor."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse

from cohorts.acts import ParticipantAct, StudyAct
from cohorts.models import Participant
from cohorts.policies import document_of
from dosing.actions import (
    Prescription,
    accept_medication,
    correct_medication,
    record_medication,
)
from dosing.models import Medication
from dosing.policies import was_in_window
from dosing.queries import find_medication
from dosing.states import MedicationKind, Route
from ntrust.acts import ActForm, DayField, ReasonForm
from ntrust.states import Role


class MedicationForm(ActForm):
    """A medicine."""

    name = forms.CharField(label="Medicine", max_length=120)
    dose = forms.DecimalField(
        label="Dose", required=False, max_digits=12, decimal_places=4, localize=False
    )
    unit = forms.CharField(label="Unit of the dose", required=False, max_length=40)
    route = forms.ChoiceField(label="Given", choices=Route.choices)
    indication = forms.CharField(label="What for", max_length=200)
    started_on = DayField(label="From")
    ended_on = DayField(label="To", required=False, help_text="Leave empty while it is given.")


def _spoken_of(participant: Participant) -> dict[str, str]:
    """What the protocol looks out for, by kind, in words for the person who enters."""
    rules = document_of(participant.protocol_version).medications
    return {
        kind.label.capitalize(): "; ".join(rule.name for rule in rules if rule.kind == kind)
        for kind in MedicationKind
        if any(rule.kind == kind for rule in rules)
    }


def _said(medication: Medication, what: str) -> str:
    """What became of the entry."""
    if not medication.kinds:
        return f"{medication.name} is {what}."
    kinds = ", ".join(MedicationKind(kind).label for kind in medication.kinds)
    said = f"{medication.name} is {what}. Recognised as: {kinds}."
    if medication.is_prohibited and was_in_window(medication):
        said += " It was given in the DLT window: proposed as not evaluable, and a deviation."
    return said


class RecordMedication(ParticipantAct):
    """A medicine the participant takes."""

    title, button, roles = "Enter a medication", "Enter", (Role.INVESTIGATOR,)
    form_class = MedicationForm

    def facts(self) -> Mapping[str, Any]:
        return {**super().facts(), **_spoken_of(self.thing)}

    def run(self, **entered: Any) -> str:
        prescription = Prescription(**entered)
        medication = record_medication(self.thing, prescription=prescription, by=self.user)
        return _said(medication, "entered")


class MedicationAct(StudyAct):
    """Acts on the medication of the address: `<slug:key>` and `<int:number>`."""

    thing: Medication
    person: Participant

    def find(self) -> None:
        super().find()
        found = find_medication(self.viewer, self.kwargs["number"])
        if found is None:
            raise Http404
        self.thing, self.person, self.site = found, found.participant, found.participant.site
        self.subjects = (self.person.screening_number, str(self.person))

    def facts(self) -> Mapping[str, Any]:
        return {
            "Participant": str(self.person),
            "Medicine": self.thing.name,
            **_spoken_of(self.person),
        }

    def done_url(self) -> str:
        return reverse("safety:participant", args=[self.study.key, self.person.screening_number])


class MedicationCorrectionForm(MedicationForm):
    """A medicine, put right or ended."""

    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea({"rows": 3}))


class CorrectMedication(MedicationAct):
    """What was entered wrongly, or has changed: most often the last day."""

    title, button, roles = "Correct or end a medication", "Save", (Role.INVESTIGATOR,)
    form_class = MedicationCorrectionForm

    def initial(self, now: datetime) -> dict[str, Any]:
        names = [*MedicationForm.base_fields]
        return {name: getattr(self.thing, name) for name in names}

    def run(self, *, reason: str, **entered: Any) -> str:  # type: ignore[override]
        prescription = Prescription(**entered)
        medication = correct_medication(
            self.thing, prescription=prescription, reason=reason, by=self.user
        )
        return _said(medication, "corrected")


class AcceptMedication(MedicationAct):
    """The medical monitor's word that a prohibited medicine does not bear on the window."""

    title, button = "Accept a prohibited medication", "Accept"
    roles = (Role.MEDICAL_MONITOR,)
    form_class = ReasonForm

    def run(self, reason: str) -> str:  # type: ignore[override]
        accept_medication(self.thing, reason=reason, by=self.user)
        return "Accepted: the participant counts by everything else."
