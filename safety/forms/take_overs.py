"""The take-over of a trial that runs elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404
from django.urls import reverse

from cohorts.acts import StudyAct
from ntrust.acts import ActForm, ReasonForm, SignForm
from ntrust.states import Role
from safety.actions import (
    sign_take_over,
    stage_take_over,
    withdraw_take_over,
)
from safety.models import TakeOver
from safety.queries import open_take_over
from safety.spreadsheets import MOST_BYTES, read_workbook


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
