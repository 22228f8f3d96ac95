"""How participation ends: early, or complete."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms

from cohorts.actions import leave_study
from cohorts.acts import ParticipantAct
from cohorts.states import DEPARTURES
from dosing.actions import complete_follow_up
from dosing.policies import gates_for_end
from ntrust.acts import ReasonForm
from ntrust.errors import Gate
from ntrust.states import Role


class LeavingForm(ReasonForm):
    """How, and why."""

    to = forms.ChoiceField(
        label="The participant",
        choices=[(state.value, state.label) for state in DEPARTURES],
        widget=forms.RadioSelect,
    )
    field_order = ["to", "reason"]


class LeaveStudy(ParticipantAct):
    """Withdrawal, loss or death."""

    title, button, roles = "Leaves the study", "Enter", (Role.INVESTIGATOR,)
    form_class = LeavingForm
    is_harm = True

    def run(self, **entered: Any) -> str:
        leave_study(self.thing, by=self.user, **entered)
        return "Entered. Those who are concerned are told."


class CompleteFollowUp(ParticipantAct):
    """Off study, with nothing owed."""

    title, button, roles = "Complete follow-up", "Complete", (Role.INVESTIGATOR,)

    def gates(self, now: datetime) -> list[Gate]:
        return gates_for_end(self.thing, now=now)

    def run(self, **entered: Any) -> str:
        complete_follow_up(self.thing, by=self.user)
        return "Follow-up is complete."
