"""What a site enters about an infusion."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django import forms
from django.http import Http404

from cohorts.acts import ParticipantAct
from cohorts.policies import document_of
from cohorts.queries.words import name_dose
from dosing.actions import (
    assign_lot,
    correct_infusion,
    enter_safety_check,
    give_infusion,
    hold_infusion,
    mark_not_given,
    miss_infusion,
    record_given_infusion,
    reschedule_infusion,
    resume_infusion,
)
from dosing.models import Infusion, ProductLot
from dosing.policies import due_day, gates_for_infusion, questions_before
from dosing.states import InfusionState, LotState
from ntrust.acts import ActForm, DayField, MomentField, ReasonForm
from ntrust.errors import Gate
from ntrust.states import Role

_PLANNERS = (Role.INVESTIGATOR, Role.MEDICAL_MONITOR)
_YES_NO = [("yes", "yes"), ("no", "no")]


class LotField(forms.ModelChoiceField):
    """A product lot, by its code."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", "Product lot")
        super().__init__(queryset=ProductLot.objects.none(), **kwargs)

    def label_from_instance(self, obj: Any) -> str:
        """The code, and the state where it is not released."""
        if obj.state == LotState.RELEASED:
            return obj.code
        return f"{obj.code} ({LotState(obj.state).label})"


class YesNoField(forms.TypedChoiceField):
    """Yes or no, with no answer beforehand."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            choices=_YES_NO, coerce=lambda word: word == "yes", widget=forms.RadioSelect, **kwargs
        )


class InfusionAct(ParticipantAct):
    """Acts on the infusion of the address: `<int:infusion>`, of `<int:cycle>` or of cycle 1."""

    infusion: Infusion

    def find(self) -> None:
        """The participant's infusion of that number."""
        super().find()
        found = (
            Infusion.objects.select_related(
                "lot",
                "course__level",
                "course__participant__site",
                "course__participant__study",
                "course__participant__protocol_version",
            )
            .filter(
                course__participant=self.thing,
                course__cycle=self.kwargs.get("cycle", 1),
                number=self.kwargs["infusion"],
            )
            .first()
        )
        if found is None:
            raise Http404
        self.infusion = found

    def facts(self) -> Mapping[str, Any]:
        """Which infusion, when it is due, and how many cells are assigned."""
        unit = document_of(self.thing.protocol_version).ladder.unit
        due = due_day(self.infusion)
        shown = {
            **super().facts(),
            "Infusion": f"{self.infusion.number}, {self.infusion.get_state_display()}",
            "Cycle": self.infusion.course.cycle,
            "Planned": f"{self.infusion.planned_date:%d-%b-%Y}",
            "Assigned": name_dose(self.infusion.assigned_cells, unit),
        }
        if due.first and due.last:
            shown["Visit window"] = f"{due.first:%d-%b-%Y} to {due.last:%d-%b-%Y}"
        return shown

    def make_form(self, **kwargs: Any) -> forms.Form:
        """The form, with the study's lots where it asks for one."""
        form = super().make_form(**kwargs)
        field = form.fields.get("lot")
        if isinstance(field, LotField):
            field.queryset = ProductLot.objects.filter(study=self.study)
        return form


class GivenForm(ActForm):
    """An infusion as it was given."""

    given_at = MomentField(label="Started")
    stopped_at = MomentField(label="Stopped", required=False)
    given_cells = forms.DecimalField(
        label="Viable cells given",
        max_digits=20,
        decimal_places=4,
        help_text="Total × viability, for example 1.5e9.",
    )
    lot = LotField(required=False)
    interrupted_minutes = forms.IntegerField(
        label="Interrupted for, minutes", min_value=0, max_value=10_000, required=False
    )
    interrupted_because = forms.CharField(
        label="Why it was interrupted", required=False, max_length=500
    )
    reduced_because = forms.CharField(
        label="Why fewer cells were given", required=False, max_length=500
    )

    def clean_interrupted_minutes(self) -> int:
        """Left empty is not interrupted."""
        return self.cleaned_data["interrupted_minutes"] or 0


class GiveInfusion(InfusionAct):
    """An infusion given in order."""

    title, button, roles = "Enter an infusion as given", "Enter", (Role.INVESTIGATOR,)
    form_class: ClassVar[type[forms.Form]] = GivenForm

    def gates(self, now: datetime) -> list[Gate]:
        return gates_for_infusion(self.infusion, now=now)

    def initial(self, now: datetime) -> dict[str, Any]:
        return {"lot": self.infusion.lot}

    def run(self, **entered: Any) -> str:
        give_infusion(self.infusion, by=self.user, **entered)
        return f"Infusion {self.infusion.number} is entered as given."


class GivenAlreadyForm(GivenForm):
    """The same, and how it came to be so."""

    because = forms.CharField(
        label="How it came to be given, and entered now",
        max_length=500,
        widget=forms.Textarea({"rows": 3}),
        help_text="At least 20 characters. Manager and monitor are told at once.",
    )


class RecordGiven(GiveInfusion):
    """An infusion that was given though gates are shut."""

    title = "An infusion that was already given"
    form_class = GivenAlreadyForm
    is_harm = True

    def run(self, **entered: Any) -> str:
        record_given_infusion(self.infusion, by=self.user, **entered)
        return f"Infusion {self.infusion.number} is entered; each gate in the way is a deviation."


class CorrectForm(GivenForm):
    """What was entered, to be corrected."""

    reason = forms.CharField(
        label="Why the entry was wrong", max_length=500, widget=forms.Textarea({"rows": 3})
    )


class CorrectInfusion(InfusionAct):
    """A correction of what was entered as given."""

    title, button, roles = "Correct an infusion", "Correct", (Role.INVESTIGATOR,)
    form_class = CorrectForm

    def initial(self, now: datetime) -> dict[str, Any]:
        return {name: getattr(self.infusion, name) for name in GivenForm.base_fields}

    def run(self, *, reason: str, **entered: Any) -> str:  # type: ignore[override]
        """What is sent as it was shown is no correction: fields show whole minutes only."""
        changed = {
            name: value
            for name, value in entered.items()
            if not _is_same(value, getattr(self.infusion, name))
        }
        correct_infusion(self.infusion, reason=reason, by=self.user, **changed)
        return f"Infusion {self.infusion.number} is corrected."


def _is_same(entered: Any, stored: Any) -> bool:
    if isinstance(entered, datetime) and isinstance(stored, datetime):
        return entered == stored.replace(second=0, microsecond=0)
    return bool(entered == stored)


class NotGivenForm(ActForm):
    """What it is instead."""

    to = forms.ChoiceField(
        label="It was not given, and is",
        choices=[
            (InfusionState.PLANNED.value, "still planned"),
            (InfusionState.MISSED.value, "missed"),
        ],
        widget=forms.RadioSelect,
    )
    is_for_toxicity = forms.BooleanField(label="Missed for toxicity", required=False)
    reason = forms.CharField(
        label="Why it was entered as given", max_length=500, widget=forms.Textarea({"rows": 3})
    )


class MarkNotGiven(InfusionAct):
    """An infusion entered as given by mistake."""

    title, button, roles = "This infusion was not given", "Correct", (Role.INVESTIGATOR,)
    form_class = NotGivenForm
    is_harm = True

    def run(self, **entered: Any) -> str:
        mark_not_given(self.infusion, by=self.user, **entered)
        return f"Infusion {self.infusion.number} was not given."


class MissForm(ReasonForm):
    """Why, and whether it was a toxicity."""

    is_for_toxicity = YesNoField(label="Missed for a toxicity")
    field_order = ["is_for_toxicity", "reason"]


class MissInfusion(InfusionAct):
    """An infusion that will not be given."""

    title, button, roles = "Enter an infusion as missed", "Enter", (Role.INVESTIGATOR,)
    form_class = MissForm

    def run(self, **entered: Any) -> str:
        miss_infusion(self.infusion, by=self.user, **entered)
        return f"Infusion {self.infusion.number} is missed."


class HoldInfusion(InfusionAct):
    """A planned infusion put off."""

    title, button, roles = "Put an infusion off", "Put off", _PLANNERS
    form_class = ReasonForm

    def run(self, **entered: Any) -> str:
        hold_infusion(self.infusion, by=self.user, **entered)
        return f"Infusion {self.infusion.number} is put off."


class ResumeInfusion(InfusionAct):
    """A held infusion planned again, or one entered as missed by mistake."""

    title, button, roles = "Plan an infusion again", "Plan again", _PLANNERS
    form_class = ReasonForm

    def run(self, **entered: Any) -> str:
        resume_infusion(self.infusion, by=self.user, **entered)
        return f"Infusion {self.infusion.number} is planned again."


class RescheduleForm(ReasonForm):
    """Another day."""

    planned_date = DayField(label="New day")
    moves_later = forms.BooleanField(
        label="Move the later infusions by as many days", required=False
    )
    field_order = ["planned_date", "moves_later", "reason"]


class RescheduleInfusion(InfusionAct):
    """An infusion planned on another day."""

    title, button, roles = "Plan an infusion on another day", "Move", _PLANNERS
    form_class = RescheduleForm

    def run(self, **entered: Any) -> str:
        reschedule_infusion(self.infusion, by=self.user, **entered)
        return f"Infusion {self.infusion.number} is planned on another day."


class LotForm(ActForm):
    """A lot."""

    lot = LotField()


class AssignLot(InfusionAct):
    """A lot set aside for an infusion."""

    title, button, roles = "Set a product lot aside", "Set aside", (Role.PHARMACIST,)
    form_class = LotForm

    def run(self, **entered: Any) -> str:
        assign_lot(self.infusion, by=self.user, **entered)
        return f"Lot {entered['lot']} is set aside."


class CheckForm(ActForm):
    """When; the questions are the protocol's."""

    checked_at = MomentField(label="Checked")
    comment = forms.CharField(label="Comment", required=False, max_length=500)


class CheckSafety(InfusionAct):
    """The safety check before an infusion."""

    title, button, roles = "Safety check", "Enter", (Role.INVESTIGATOR,)
    form_class = CheckForm

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        questions = questions_before(self.infusion)
        for question in questions:
            form.fields[f"answer_{question.id}"] = YesNoField(label=question.text)
        order = ["checked_at", *(f"answer_{question.id}" for question in questions), "comment"]
        form.order_fields(order)
        return form

    def run(self, *, checked_at: datetime, comment: str, **answers: Any) -> str:  # type: ignore[override]
        enter_safety_check(
            self.infusion,
            checked_at=checked_at,
            answers={name.removeprefix("answer_"): answer for name, answer in answers.items()},
            comment=comment,
            by=self.user,
        )
        is_clear = all(answers.values())
        return "The safety check is entered." if is_clear else "Entered. A no keeps the gate shut."
