"""What a site states about a participant: an event, a DLT, the word at the window's end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms

from cohorts.acts import ParticipantAct
from cohorts.policies import document_of
from ntrust.acts import ActForm, MomentField, SignForm
from ntrust.errors import Gate
from ntrust.states import Role
from safety.actions import report_event, sign_window_statement
from safety.policies import gates_for_statement, has_counted_dlt
from safety.states import Causality


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


class EventForm(ActForm):
    """An adverse event; with "dose-limiting" it is a DLT report too."""

    term = forms.CharField(label="What happened", max_length=200)
    onset_at = MomentField(label="When it began")
    aware_at = MomentField(label="When you learned of it")
    grade = forms.TypedChoiceField(
        label="Worst grade so far",
        choices=[(n, str(n)) for n in range(1, 6)],
        coerce=int,
        widget=forms.RadioSelect,
    )
    grading_system = forms.ChoiceField(
        label="Graded by",
        choices=[(name, name) for name in ("CTCAE v5.0", "ASTCT CRS", "ASTCT ICANS")],
    )
    causality = forms.ChoiceField(label="Related to the product", choices=Causality.choices)
    is_serious = forms.TypedChoiceField(
        label="Serious",
        choices=[("no", "no"), ("yes", "yes")],
        coerce=lambda word: word == "yes",
        widget=forms.RadioSelect,
    )
    criterion = forms.ChoiceField(
        label="Dose-limiting by", required=False, help_text="Leave empty when it is not a DLT."
    )


class ReportEvent(ParticipantAct):
    """An adverse event and, where the investigator says so, the DLT report on it."""

    title, button, roles = "Report an event", "Report", (Role.INVESTIGATOR,)
    form_class = EventForm
    is_harm = True

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        criteria = document_of(self.thing.protocol_version).dlt_criteria
        field = form.fields["criterion"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [("", "not dose-limiting")] + [
            (one.id, f"{one.id}: {one.text}") for one in criteria
        ]
        return form

    def run(self, *, criterion: str, **entered: Any) -> str:  # type: ignore[override]
        report_event(self.thing, criterion=criterion or None, by=self.user, **entered)
        return "The DLT is reported." if criterion else "The event is entered."
