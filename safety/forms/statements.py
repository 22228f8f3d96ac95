"""The word at the end of a DLT window."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms

from cohorts.acts import ParticipantAct
from ntrust.acts import SignForm
from ntrust.errors import Gate
from ntrust.states import Role
from safety.actions import (
    sign_window_statement,
)
from safety.policies import gates_for_statement, has_counted_dlt


class StatementForm(SignForm):
    """The statement, signed."""

    has_dlt = forms.TypedChoiceField(
        label="In the DLT window of this participant there was",
        choices=[("no", "no dose-limiting toxicity"), ("yes", "a dose-limiting toxicity")],
        coerce=lambda word: word == "yes",
        widget=forms.RadioSelect,
    )
    field_order = ["has_dlt", "password"]


class SignStatement(ParticipantAct):
    """The investigator's signed word at the end of the DLT window."""

    title, button, roles = "Sign the window statement", "Sign", (Role.INVESTIGATOR,)
    form_class = StatementForm

    def gates(self, now: datetime) -> list[Gate]:
        has_dlt = has_counted_dlt(self.thing)
        return gates_for_statement(self.thing, has_dlt=has_dlt, now=now)

    def run(self, **entered: Any) -> str:
        sign_window_statement(self.thing, by=self.user, **entered)
        return "The statement is signed."
