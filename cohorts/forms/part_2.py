"""Starting Part 2, and ending the study."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.urls import reverse

from cohorts.actions import complete_study, start_part_2, terminate_study
from cohorts.acts import StudyAct
from cohorts.policies import (
    SHORTEST_REASON,
    active_protocol,
    document_of,
    gates_for_completion,
    gates_for_start,
)
from ntrust.acts import SignForm
from ntrust.errors import Gate
from ntrust.states import Role


class Part2Act(StudyAct):
    """Acts of the manager that lead back to the page of Part 2."""

    roles = (Role.STUDY_MANAGER,)
    previews = True

    def facts(self) -> Mapping[str, Any]:
        """Where the study is."""
        return {"Study": self.study.get_state_display()}

    def done_url(self) -> str:
        return reverse("cohorts:part_2", args=[self.study.key])


class StartPart2(Part2Act):
    """The expansion cohorts open."""

    title, button = "Start Part 2", "Start"

    def gates(self, now: datetime) -> list[Gate]:
        version = active_protocol(self.study)
        return gates_for_start(self.study, version) if version else []

    def facts(self) -> Mapping[str, Any]:
        """What would be opened."""
        version = active_protocol(self.study)
        planned = document_of(version).part_2.cohorts if version else ()
        return {
            **super().facts(),
            "Cohorts": "; ".join(f"{one.disease}: {one.seats} seats" for one in planned) or "none",
        }

    def run(self, **entered: Any) -> str:
        cohorts = start_part_2(self.study, by=self.user)
        return f"Part 2 is started: {len(cohorts)} expansion cohorts are open."


class TerminateForm(SignForm):
    """Why, and the signature."""

    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea({"rows": 3}))
    field_order = ["reason", "password"]


class CompleteForm(TerminateForm):
    """Also why, if people are still on study."""

    still_on_study = forms.CharField(
        label="Why it ends with people still on study",
        help_text=f"Leave empty when nobody is. At least {SHORTEST_REASON} characters.",
        required=False,
        max_length=500,
        widget=forms.Textarea({"rows": 3}),
    )
    field_order = ["reason", "still_on_study", "password"]


class CompleteStudy(Part2Act):
    """The study ends as planned."""

    title, button, form_class = "Complete the study", "Sign and complete", CompleteForm
    is_harm = True

    def gates(self, now: datetime) -> list[Gate]:
        return gates_for_completion(self.study)

    def run(self, **entered: Any) -> str:
        complete_study(self.study, by=self.user, **entered)
        return "The study is complete. Safety is reported for ever after."


class TerminateStudy(Part2Act):
    """The study ends early."""

    title, button, form_class = "Terminate the study", "Sign and terminate", TerminateForm
    is_harm = True

    def run(self, **entered: Any) -> str:
        terminate_study(self.study, by=self.user, **entered)
        return "The study is terminated: no more enrolment and dosing. Safety is still reported."
