"""What the medical monitor rules on exposure: who counts, and who is replaced."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import Http404

from cohorts.actions import adjudicate_missed_infusion, confirm_not_evaluable, withdraw_ruling
from cohorts.acts import ParticipantAct
from cohorts.models import Outcome
from cohorts.policies import document_of
from ntrust.acts import ReasonForm
from ntrust.states import Role


class Ruling(ParticipantAct):
    """What the medical monitor rules; the service's own word on the facts stands above it."""

    roles = (Role.MEDICAL_MONITOR,)
    form_class = ReasonForm

    outcome: Outcome

    def find(self) -> None:
        """The participant, once there is something to rule on; before that nothing is there."""
        super().find()
        outcome = Outcome.objects.filter(participant=self.thing).first()
        if outcome is None:
            raise Http404
        self.outcome = outcome

    def facts(self) -> Mapping[str, Any]:
        return {**super().facts(), "The rules say": self.outcome.because}


class GroundForm(ReasonForm):
    """The protocol's ground, and what happened."""

    ground = forms.ChoiceField(label="Replaced because")
    field_order = ["ground", "reason"]


class RuleNotEvaluable(Ruling):
    """Not evaluable: the seat goes to a replacement."""

    title, button = "Confirm: not evaluable", "Confirm"
    is_harm = True

    def make_form(self, **kwargs: Any) -> forms.Form:
        """The grounds of the participant's protocol; none is asked for where it names none."""
        grounds = document_of(self.thing.protocol_version).replacement.grounds
        if not grounds:
            return ReasonForm(**kwargs)
        form = GroundForm(**kwargs)
        field = form.fields["ground"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(ground, ground) for ground in grounds]
        return form

    def run(self, **entered: Any) -> str:
        confirm_not_evaluable(self.thing, by=self.user, **entered)
        return f"{self.thing} is not evaluable: the seat is free for a replacement."


class RuleCounts(Ruling):
    """One who missed an infusion for a toxicity that is no DLT counts."""

    title, button = "Confirm: counts", "Confirm"

    def run(self, **entered: Any) -> str:
        adjudicate_missed_infusion(self.thing, by=self.user, **entered)
        return f"{self.thing} counts as far as exposure and window go."


class WithdrawRuling(Ruling):
    """A ruling taken back."""

    title, button = "Take the ruling back", "Take back"

    def run(self, **entered: Any) -> str:
        withdraw_ruling(self.thing, by=self.user, **entered)
        return "The ruling is taken back."
