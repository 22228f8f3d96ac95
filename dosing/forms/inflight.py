"""The site's answer about an infusion in flight, and the medical monitor's word on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.urls import reverse

from dosing.actions import answer_in_flight, instruct_infusion
from dosing.forms.infusions import InfusionAct
from dosing.policies import gates_for_proceeding, open_questions
from dosing.states import InFlightAnswer, InfusionState
from ntrust.acts import MomentField, SignForm
from ntrust.errors import Gate
from ntrust.states import Role


class InFlightForm(SignForm):
    """The answer, signed."""

    answer = forms.ChoiceField(
        label="This infusion is", choices=InFlightAnswer.choices, widget=forms.RadioSelect
    )
    given_at = MomentField(
        label="Given at",
        required=False,
        help_text="Only where it was already given; it is entered next.",
    )
    reason = forms.CharField(
        label="What was done, and on whose word",
        max_length=500,
        widget=forms.Textarea({"rows": 3}),
    )


class InFlightAct(InfusionAct):
    """Acts on what is asked about the infusion of the address."""

    def facts(self) -> Mapping[str, Any]:
        """Which infusion, why it is asked about, and until when."""
        asked = open_questions(self.infusion)
        causes = dict.fromkeys(self.cover(question.because) for question in asked)
        due = min((question.due_at for question in asked), default=None)
        words = [question.instruction for question in asked if question.instruction]
        return {
            **super().facts(),
            "Asked because": " ".join(causes) or "nothing is asked any more",
            "Answer due": f"{due:%d-%b-%Y %H:%M} UTC" if due else "no longer",
            "The medical monitor's word": words[0] if words else "none signed",
        }

    def done_url(self) -> str:
        """The list of what is in flight."""
        return reverse("dosing:in_flight", args=[self.study.key])


class AnswerInFlight(InFlightAct):
    """Held, already given, or proceeding on instruction."""

    title, button, roles = "Answer about an infusion", "Sign the answer", (Role.INVESTIGATOR,)
    form_class = InFlightForm

    def gates(self, now: datetime) -> list[Gate]:
        """What it takes to proceed; any other answer needs nothing."""
        return gates_for_proceeding(self.infusion, open_questions(self.infusion))

    def run(self, **entered: Any) -> str:
        self.infusion = answer_in_flight(self.infusion, by=self.user, **entered)
        if self.owes_entry:
            return "The answer is signed. Enter the infusion now, as it was given."
        return "The answer is signed."

    @property
    def owes_entry(self) -> bool:
        """Whether it was said to be given, and is not entered."""
        last = self.infusion.in_flight.last()
        is_said = last is not None and last.answer == InFlightAnswer.ALREADY_GIVEN
        return is_said and self.infusion.state != InfusionState.GIVEN

    def done_url(self) -> str:
        """The entry of an infusion already given; else the list."""
        if not self.owes_entry:
            return super().done_url()
        names = [self.study.key, self.thing.screening_number]
        cycle = self.infusion.course.cycle
        numbers = [self.infusion.number] if cycle == 1 else [cycle, self.infusion.number]
        return reverse("dosing:infusion_given_already", args=[*names, *numbers])


class InstructForm(SignForm):
    """The instruction, signed."""

    reason = forms.CharField(
        label="Why it may go on", max_length=500, widget=forms.Textarea({"rows": 3})
    )


class InstructInfusion(InFlightAct):
    """The medical monitor's signed word that it may go on after a DLT."""

    title, button, roles = "Let an infusion proceed", "Sign", (Role.MEDICAL_MONITOR,)
    form_class = InstructForm

    def run(self, **entered: Any) -> str:
        instruct_infusion(self.infusion, by=self.user, **entered)
        return "Signed. The site is told, and answers."
