"""Holds: placed at once, lifted by a signed decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse

from cohorts.actions import Grounds, place_hold, propose_lift, sign_lift
from cohorts.acts import StudyAct
from cohorts.models import DoseLevel
from cohorts.policies import needs_committee
from cohorts.queries.holds import PLACERS, find_hold, find_lift, where_of
from cohorts.states import HoldScope
from ntrust.acts import ActForm, ReasonForm, SignForm
from ntrust.models import Site

_SCOPES = [
    (scope.value, scope.label) for scope in (HoldScope.STUDY, HoldScope.LEVEL, HoldScope.SITE)
]
"""What a person holds; Part 2 is held by its boundary."""


class PlaceForm(ReasonForm):
    """What is held, and why."""

    scope = forms.ChoiceField(
        label="Hold", choices=_SCOPES, widget=forms.RadioSelect, initial=HoldScope.STUDY
    )
    level = forms.ModelChoiceField(
        label="Level",
        queryset=DoseLevel.objects.none(),
        required=False,
        help_text="Only for a level: all above it are held with it.",
    )
    site = forms.ModelChoiceField(
        label="Site",
        queryset=Site.objects.none(),
        required=False,
        help_text="Only for one site.",
    )
    field_order = ["scope", "level", "site", "reason"]


class HoldAct(StudyAct):
    """Acts on holds; afterwards their list."""

    roles = PLACERS

    def done_url(self) -> str:
        """The list of holds."""
        return reverse("cohorts:holds", args=[self.study.key])


class PlaceHold(HoldAct):
    """Enrolment and dosing stop, at once."""

    title, button = "Place a hold", "Place the hold"
    form_class = PlaceForm
    is_harm = True
    previews = True

    def facts(self) -> Mapping[str, Any]:
        """What it does, and how it ends."""
        return {
            "What it stops": "seats, lymphodepletion and infusions, from now on",
            "What it asks": "each site about every infusion that is planned there",
            "How it ends": "by the medical monitor's signature; by two where the monitor placed it",
        }

    def make_form(self, **kwargs: Any) -> forms.Form:
        """The form, with the study's own levels and sites."""
        form = super().make_form(**kwargs)
        for name, model in (("level", DoseLevel), ("site", Site)):
            field = form.fields[name]
            assert isinstance(field, forms.ModelChoiceField)
            field.queryset = model._default_manager.filter(study=self.study)
        return form

    def run(self, **entered: Any) -> str:
        place_hold(self.study, by=self.user, **entered)
        return "The hold is in force. Those who are concerned are told."


class GroundsForm(ActForm):
    """Why it may be lifted, and what was looked at."""

    reason = forms.CharField(
        label="Why it may be lifted", max_length=1000, widget=forms.Textarea({"rows": 3})
    )
    looked_at = forms.CharField(
        label="What was looked at", max_length=1000, widget=forms.Textarea({"rows": 3})
    )
    committee_verdict = forms.CharField(
        label="The committee's verdict",
        max_length=1000,
        required=False,
        widget=forms.Textarea({"rows": 2}),
    )
    minutes_reference = forms.CharField(
        label="Reference to its minutes", max_length=200, required=False
    )


class ProposeLift(HoldAct):
    """A proposal to lift the hold of the address: `<int:number>`."""

    title, button = "Propose to lift a hold", "Propose"
    form_class = GroundsForm

    def find(self) -> None:
        """The hold, where this person may know it."""
        super().find()
        hold = find_hold(self.viewer, self.kwargs["number"])
        if hold is None:
            raise Http404
        self.thing = hold

    def facts(self) -> Mapping[str, Any]:
        """What is held, since when, why, and what is under it now."""
        hold = self.thing
        under = [f"{row['subject']}: {row['why']}" for row in hold.met_by]
        return {
            "Held": where_of(hold),
            "Since": f"{hold.placed_at:%d-%b-%Y %H:%M} UTC",
            "Why": hold.reason,
            "Under it now": "; ".join(under) or "see the reports of the participants",
            "The committee's verdict": "needed" if needs_committee(hold) else "not needed",
        }

    def run(self, **entered: Any) -> str:
        propose_lift(self.thing, grounds=Grounds(**entered), by=self.user)
        return "Proposed. It is lifted once it is signed."


class SignLift(HoldAct):
    """A signature under the proposal of the address: `<int:number>`."""

    title, button = "Sign to lift a hold", "Sign"
    form_class = SignForm

    def find(self) -> None:
        """The proposal, where this person may know its hold."""
        super().find()
        lift = find_lift(self.viewer, self.kwargs["number"])
        if lift is None:
            raise Http404
        self.thing = lift

    def facts(self) -> Mapping[str, Any]:
        """What is signed."""
        lift = self.thing
        return {
            "Held": where_of(lift.hold),
            "Since": f"{lift.hold.placed_at:%d-%b-%Y %H:%M} UTC",
            "Why": lift.hold.reason,
            "It may be lifted because": lift.reason,
            "Looked at": lift.looked_at,
            "The committee's verdict": lift.committee_verdict or "none",
            "Minutes": lift.minutes_reference or "none",
            "Proposed by": lift.proposed_by.printed_name,
        }

    def run(self, **entered: Any) -> str:
        lift = sign_lift(self.thing, by=self.user, **entered)
        if lift.signed_at is None:
            return "Signed. The hold stays until the second signature."
        return "The hold is lifted. Those who are concerned are told."
