"""Lymphodepletion: begun after its doses were looked at, recorded dose by dose, completed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.http import Http404
from django.utils import timezone

from cohorts.acts import ParticipantAct
from cohorts.policies import document_of
from cohorts.protocol import ProtocolDocument
from dosing.actions import (
    begin_cycle,
    begin_lymphodepletion,
    complete_lymphodepletion,
    give_ld_dose,
    omit_ld_dose,
    plan_course,
)
from dosing.doses import Preparation, Reading, Size, body_surface
from dosing.models import Course, LdAdministration
from dosing.policies import gates_for_cycle, gates_for_lymphodepletion, last_course
from dosing.queries import last_measured
from ntrust.acts import ActForm, DayField, MomentField, ReasonForm
from ntrust.errors import Gate, Refused
from ntrust.states import Role


class CourseForm(ActForm):
    """What the doses rest on. The first time it is sent it shows the doses; sent again unchanged,
    lymphodepletion begins."""

    regimen = forms.ChoiceField(label="Regimen")
    reason = forms.CharField(
        label="Why this regimen",
        required=False,
        max_length=500,
        help_text="Needed for a regimen that only low blood counts allow.",
    )
    started_at = MomentField(label="Lymphodepletion began")
    first_infusion_on = MomentField(label="Planned infusion 1")
    height_cm = forms.DecimalField(
        label="Height, cm", required=False, max_digits=5, decimal_places=1
    )
    weight_kg = forms.DecimalField(
        label="Weight, kg", required=False, max_digits=5, decimal_places=1
    )
    is_confirmed = forms.BooleanField(label="Height and weight were measured twice", required=False)
    doses_seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, document: ProtocolDocument, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.document = document
        field = self.fields["regimen"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(one.key, one.name) for one in document.lymphodepletion]
        self.keys = _read_by(document)
        for key in self.keys:
            measured = document.measurement(key)
            self.fields[f"value_{key}"] = forms.DecimalField(
                label=f"{measured.name}, {measured.unit}", required=False, max_digits=12
            )
            self.fields[f"taken_{key}"] = DayField(
                label=f"{measured.name}: taken on", required=False
            )
        self.order_fields([*(name for name in self.fields if name != "doses_seen"), "doses_seen"])

    def clean(self) -> dict[str, Any]:
        """Work the doses out; unless these very doses were shown already, show them first."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        regimen = self.document.regimen(cleaned["regimen"])
        if not regimen.drugs:
            return cleaned
        try:
            doses = plan_course(
                self.document,
                regimen,
                self.preparation(),
                on=timezone.localtime(cleaned["started_at"]).date(),
            )
        except Refused as refusal:
            raise forms.ValidationError(refusal.sentence, code=refusal.code) from refusal
        said = "; ".join(f"Day {dose.day}: {dose.drug} {dose.mg} mg" for dose in doses)
        if cleaned["doses_seen"] == said:
            return cleaned
        self.data = {name: self.data[name] for name in self.data} | {"doses_seen": said}
        size = self.preparation()
        surface = f"Body surface {body_surface(size.size)} m². " if size else ""
        raise forms.ValidationError(
            f"Look at the doses first. {surface}{said}. If they are right, send this page again: "
            "lymphodepletion is then begun, and that is the point of no return.",
            code="look_first",
        )

    def preparation(self) -> Preparation | None:
        """Size and readings as entered; None without height and weight."""
        entered = self.cleaned_data
        if entered["height_cm"] is None or entered["weight_kg"] is None:
            return None
        size = Size(entered["height_cm"], entered["weight_kg"], entered["is_confirmed"])
        readings = tuple(
            Reading(key, entered[f"value_{key}"], entered[f"taken_{key}"])
            for key in self.keys
            if entered[f"value_{key}"] is not None and entered[f"taken_{key}"] is not None
        )
        return Preparation(size, readings, entered["reason"])


def _read_by(document: ProtocolDocument) -> list[str]:
    """Measurements that a regimen reads, each once."""
    keys = [limit.field for one in document.lymphodepletion for limit in one.requires_any]
    drugs = [drug for one in document.lymphodepletion for drug in one.drugs]
    return list(dict.fromkeys([*(drug.reduced_by for drug in drugs if drug.reduced_by), *keys]))


class BeginLymphodepletion(ParticipantAct):
    """The point of no return."""

    title, button, roles = "Begin lymphodepletion", "Go on", (Role.INVESTIGATOR,)
    form_class = CourseForm
    form: CourseForm

    def gates(self, now: datetime) -> list[Gate]:
        return gates_for_lymphodepletion(self.thing, now=now)

    def initial(self, now: datetime) -> dict[str, Any]:
        """Now, and the readings recorded last."""
        document = document_of(self.thing.protocol_version)
        days = -min(day for one in document.lymphodepletion for day in one.days)
        filled: dict[str, Any] = {
            "started_at": timezone.localtime(now),
            "first_infusion_on": timezone.localtime(now) + timedelta(days=days),
        }
        for key in _read_by(document):
            last = last_measured(self.thing, key, on_or_before=timezone.localdate(now))
            if last is not None:
                filled[f"value_{key}"] = last.value.normalize()
                filled[f"taken_{key}"] = last.measured_on
        return filled

    def make_form(self, **kwargs: Any) -> forms.Form:
        document = document_of(self.thing.protocol_version)
        self.form = CourseForm(document=document, **kwargs)
        return self.form

    def run(self, **entered: Any) -> str:
        begin_lymphodepletion(self.thing, by=self.user, **self._start(entered))
        return "Lymphodepletion is begun."

    def _start(self, entered: Mapping[str, Any]) -> dict[str, Any]:
        names = ("regimen", "started_at", "first_infusion_on")
        return {name: entered[name] for name in names} | {"preparation": self.form.preparation()}


class BeginCycle(BeginLymphodepletion):
    """A later cycle, which does not count for the escalation."""

    title = "Begin another cycle"

    def gates(self, now: datetime) -> list[Gate]:
        return gates_for_cycle(self.thing, now=now)

    def run(self, **entered: Any) -> str:
        begin_cycle(self.thing, by=self.user, **self._start(entered))
        return "The cycle is begun. It does not count for the escalation."


class CourseAct(ParticipantAct):
    """Acts on the participant's newest course."""

    roles = (Role.INVESTIGATOR,)
    course: Course

    def find(self) -> None:
        """The newest course; 404 before the first."""
        super().find()
        course = last_course(self.thing)
        if course is None:
            raise Http404
        self.course = course


class CompletionForm(ActForm):
    """When."""

    ended_at = MomentField(label="Lymphodepletion ended")


class CompleteLymphodepletion(CourseAct):
    """Every dose recorded or omitted."""

    title, button = "Complete lymphodepletion", "Complete"
    form_class = CompletionForm

    def run(self, **entered: Any) -> str:
        complete_lymphodepletion(self.course, by=self.user, **entered)
        return "Lymphodepletion is complete."


class DoseAct(CourseAct):
    """Acts on the dose of the address: `<int:dose>`, counted from 1 in the order of days."""

    dose: LdAdministration

    def find(self) -> None:
        """That dose of the newest course."""
        super().find()
        doses = list(self.course.administrations.all())
        number = self.kwargs["dose"]
        if not 1 <= number <= len(doses):
            raise Http404
        self.dose = doses[number - 1]

    def facts(self) -> Mapping[str, Any]:
        """Which dose, and what is planned."""
        return {
            **super().facts(),
            "Dose": str(self.dose),
            "Planned": f"{self.dose.planned_mg} mg on {self.dose.planned_date:%d-%b-%Y}",
        }


class GivenDoseForm(ActForm):
    """A dose as it was given."""

    given_mg = forms.DecimalField(label="Given, mg", max_digits=8, decimal_places=1)
    started_at = MomentField(label="Started")
    stopped_at = MomentField(label="Stopped")
    reason = forms.CharField(
        label="Why it differs from the plan",
        required=False,
        max_length=500,
        help_text="Needed for another amount or another day than planned.",
    )


class GiveDose(DoseAct):
    """A dose given."""

    title, button = "Enter a dose as given", "Enter"
    form_class = GivenDoseForm

    def initial(self, now: datetime) -> dict[str, Any]:
        return {"given_mg": self.dose.planned_mg.normalize()}

    def run(self, **entered: Any) -> str:
        give_ld_dose(self.dose, by=self.user, **entered)
        return f"{self.dose} is entered."


class OmitDose(DoseAct):
    """A dose that will not be given."""

    title, button = "Omit a dose", "Omit"
    form_class = ReasonForm
    is_harm = True

    def run(self, **entered: Any) -> str:
        omit_ld_dose(self.dose, by=self.user, **entered)
        return f"{self.dose} is omitted: a deviation."
