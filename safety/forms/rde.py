"""Proposing the RDE after a concluded review."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.urls import reverse

from cohorts.actions import Selection
from cohorts.acts import StudyAct
from cohorts.models import DoseLevel
from cohorts.policies import active_protocol, gates_for_rde, highest_rde, recommend_now
from cohorts.queries.words import name_answer
from ntrust.acts import ActForm
from ntrust.errors import Gate
from ntrust.states import Role
from safety.actions import select_rde


class RdeForm(ActForm):
    """Which level, why, and what the committee said."""

    level = forms.ModelChoiceField(
        label="Dose level", queryset=DoseLevel.objects.none(), empty_label=None
    )
    reason = forms.CharField(
        label="Why this level", max_length=1000, widget=forms.Textarea({"rows": 3})
    )
    committee_verdict = forms.CharField(
        label="What the committee said to it", max_length=1000, widget=forms.Textarea({"rows": 3})
    )


class SelectRde(StudyAct):
    """The manager proposes; manager and medical monitor then sign."""

    title, button, roles = "Propose the RDE", "Propose", (Role.STUDY_MANAGER,)
    form_class = RdeForm
    previews = True

    def make_form(self, **kwargs: Any) -> forms.Form:
        """Levels that may be selected; all of them, to be refused in words, when none may."""
        form = super().make_form(**kwargs)
        field = form.fields["level"]
        assert isinstance(field, forms.ModelChoiceField)
        levels = DoseLevel.objects.filter(study=self.study).order_by("-ordinal")
        advice = recommend_now(self.study)
        highest = highest_rde(advice) if advice else None
        field.queryset = levels.filter(ordinal__lte=highest) if highest is not None else levels
        return form

    def facts(self) -> Mapping[str, Any]:
        """What the rules say."""
        advice = recommend_now(self.study)
        if advice is None:
            return {}
        said = name_answer(advice.verdict, advice.level, advice.outcome, advice.mtd).text
        return {"The rules say": said}

    def gates(self, now: datetime) -> list[Gate]:
        """Whether there is anything to select."""
        return gates_for_rde(self.study) if active_protocol(self.study) else []

    def run(self, **entered: Any) -> str:
        decision = select_rde(self.study, Selection(**entered), by=self.user)
        return f"Decision #{decision.number} is proposed: manager and medical monitor sign it."

    def done_url(self) -> str:
        return reverse("cohorts:part_2", args=[self.study.key])
