"""Calls to the medical monitor about people whose lymphodepletion has begun."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse

from cohorts.acts import StudyAct
from cohorts.models import DoseLevel
from dosing.actions import answer_call
from dosing.queries import find_call
from dosing.states import CallAnswer
from ntrust.acts import SignForm
from ntrust.states import Role


class AnswerForm(SignForm):
    """The answer, signed."""

    answer = forms.ChoiceField(
        label="Infusion 1", choices=CallAnswer.choices, widget=forms.RadioSelect
    )
    lower_to = forms.ModelChoiceField(
        label="The dose of level",
        queryset=DoseLevel.objects.none(),
        required=False,
        help_text="Only for a lower dose.",
    )
    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea({"rows": 3}))
    field_order = ["answer", "lower_to", "reason", "password"]


class AnswerCall(StudyAct):
    """The medical monitor's word on the call of the address: `<int:number>`."""

    title, button, roles = "Answer a call", "Sign the answer", (Role.MEDICAL_MONITOR,)
    form_class = AnswerForm

    def find(self) -> None:
        """The call, in this study."""
        super().find()
        call = find_call(self.viewer, self.kwargs["number"])
        if call is None:
            raise Http404
        self.thing = call
        self.subjects = (str(call.participant), call.participant.screening_number)

    def facts(self) -> Mapping[str, Any]:
        """Who, why, and until when."""
        call = self.thing
        return {
            "Participant": str(call.participant),
            "Question": call.get_kind_display(),
            "Hold": call.hold.reason if call.hold else "none",
            "Lymphodepletion began": f"{call.course.started_at:%d-%b-%Y %H:%M} UTC",
            "Planned infusion 1": f"{call.course.planned_infusion_at:%d-%b-%Y %H:%M} UTC",
            "Answer due": f"{call.due_at:%d-%b-%Y %H:%M} UTC",
        }

    def make_form(self, **kwargs: Any) -> forms.Form:
        """The form, with the levels below."""
        form = super().make_form(**kwargs)
        field = form.fields["lower_to"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = DoseLevel.objects.filter(
            study=self.study, ordinal__lt=self.thing.course.level.ordinal
        )
        return form

    def run(self, **entered: Any) -> str:
        answer_call(self.thing, by=self.user, **entered)
        return "The answer is signed; the site is told."

    def done_url(self) -> str:
        """The list of calls."""
        return reverse("dosing:calls", args=[self.study.key])
