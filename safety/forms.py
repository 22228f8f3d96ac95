"""What a site states about a participant: an event, a DLT, the word at the window's end; and the
take-over of a trial that runs elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404
from django.urls import reverse

from cohorts.acts import ParticipantAct, StudyAct
from cohorts.policies import document_of
from ntrust.acts import ActForm, MomentField, ReasonForm, SignForm
from ntrust.errors import Gate
from ntrust.states import Role
from safety.actions import (
    report_event,
    sign_take_over,
    sign_window_statement,
    stage_take_over,
    withdraw_take_over,
)
from safety.models import TakeOver
from safety.policies import gates_for_statement, has_counted_dlt
from safety.queries import open_take_over
from safety.spreadsheets import MOST_BYTES, read_workbook
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


class WorkbookForm(ActForm):
    """The workbook of a take-over."""

    workbook = forms.FileField(
        label="Workbook (XLSX)",
        max_length=120,
        widget=forms.ClearableFileInput({"accept": ".xlsx"}),
    )


class StageTakeOver(StudyAct):
    """Keep the workbook, checked, for two signatures."""

    title, button, roles = "Stage a take-over", "Stage", (Role.STUDY_MANAGER,)
    form_class = WorkbookForm

    def run(self, *, workbook: UploadedFile) -> str:  # type: ignore[override]
        book = read_workbook(workbook.read(MOST_BYTES + 1))
        stage_take_over(self.study, book=book, by=self.user)
        return "The take-over is staged: study manager and medical monitor sign it."

    def done_url(self) -> str:
        """Where take-overs are."""
        return reverse("safety:take_over", args=[self.study.key])


class TakeOverAct(StudyAct):
    """Acts on the take-over that waits for signatures."""

    thing: TakeOver

    def find(self) -> None:
        """The open one; none is not there (404)."""
        super().find()
        take_over = open_take_over(self.study)
        if take_over is None:
            raise Http404
        self.thing = take_over

    def facts(self) -> Mapping[str, Any]:
        """What it comes to, and its hash."""
        promised = self.thing.promised
        letters = sorted(promised["letters"].items(), key=lambda one: int(one[0]))
        return {
            "State": self.thing.get_state_display(),
            **{name.capitalize(): count for name, count in promised["created"].items()},
            **{f"Level {level}": said for level, said in letters},
            "Hash of the content": self.thing.content_hash,
        }

    def done_url(self) -> str:
        """Where take-overs are."""
        return reverse("safety:take_over", args=[self.study.key])


class SignTakeOverForm(SignForm):
    """The signature, on the hash that was shown."""

    seen_hash = forms.CharField(max_length=64, widget=forms.HiddenInput)


class SignTakeOver(TakeOverAct):
    """The signature of the study manager, or of the medical monitor."""

    title, button = "Sign the take-over", "Sign"
    roles = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)
    form_class = SignTakeOverForm

    def initial(self, now: datetime) -> dict[str, Any]:
        """What is signed is what was shown."""
        return {"seen_hash": self.thing.content_hash}

    def run(self, **entered: Any) -> str:
        signed = sign_take_over(self.thing, by=self.user, **entered)
        return "The trial is taken over." if signed.applied_at else "Your signature is recorded."


class WithdrawTakeOver(TakeOverAct):
    """Take a staged workbook away again."""

    title, button, roles = "Withdraw the take-over", "Withdraw", (Role.STUDY_MANAGER,)
    form_class = ReasonForm
    is_harm = True

    def run(self, reason: str) -> str:  # type: ignore[override]
        withdraw_take_over(self.thing, reason=reason, by=self.user)
        return "The take-over is withdrawn."
