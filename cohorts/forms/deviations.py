"""Protocol deviations: entered by hand, classified, closed, taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse

from cohorts.actions import (
    classify_deviation,
    close_deviation,
    reopen_deviation,
    report_deviation,
)
from cohorts.acts import ParticipantAct, StudyAct
from cohorts.models import Deviation
from cohorts.queries import find_deviation
from cohorts.queries.deviations import CLASSIFIERS, name_kind
from cohorts.states import DeviationKind, Severity
from ntrust.acts import ActForm, MomentField, ReasonForm
from ntrust.errors import Refused
from ntrust.models import Site
from ntrust.states import Role


class DeviationForm(ActForm):
    """What was done otherwise than the protocol says."""

    kind = forms.ChoiceField(label="What it concerns", choices=DeviationKind.choices)
    occurred_at = MomentField(label="When it happened")
    sentence = forms.CharField(
        label="What was done, and what the protocol says",
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
        help_text="Do not name people; numbers only.",
    )


class ReportDeviation(ParticipantAct):
    """A deviation of one participant."""

    title, button = "Note a protocol deviation", "Note"
    roles = (Role.INVESTIGATOR, Role.STUDY_MANAGER)
    form_class = DeviationForm

    def initial(self, now: datetime) -> dict[str, Any]:
        return {"occurred_at": now}

    def run(self, **entered: Any) -> str:
        report_deviation(self.thing.site, participant=self.thing, by=self.user, **entered)
        return "The deviation is in the log."


class SiteDeviationForm(DeviationForm):
    """A deviation of a site as a whole."""

    site = forms.ChoiceField(label="Site")
    field_order = ["site", "kind", "occurred_at", "sentence"]


class ReportSiteDeviation(StudyAct):
    """A deviation that concerns no single participant. Times are UTC: the site is chosen here."""

    title, button = "Note a deviation of a site", "Note"
    roles = (Role.INVESTIGATOR, Role.STUDY_MANAGER)
    form_class = SiteDeviationForm

    def initial(self, now: datetime) -> dict[str, Any]:
        return {"occurred_at": now}

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        field = form.fields["site"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(site.code, f"{site.code} {site.name}") for site in self._sites()]
        return form

    def run(self, *, site: str, **entered: Any) -> str:  # type: ignore[override]
        chosen = next((one for one in self._sites() if one.code == site), None)
        if chosen is None:
            raise Refused("other_site", "This site is not yours.")
        report_deviation(chosen, by=self.user, **entered)
        return "The deviation is in the log."

    def done_url(self) -> str:
        return reverse("cohorts:deviations", args=[self.study.key])

    def _sites(self) -> list[Site]:
        sites = self.study.sites.all()
        return [site for site in sites if self.viewer.sees(site.pk)]


class DeviationAct(StudyAct):
    """Acts on the deviation of the address: `<slug:key>` and `<int:number>`."""

    thing: Deviation
    roles = CLASSIFIERS

    def find(self) -> None:
        super().find()
        deviation = find_deviation(self.viewer, self.kwargs["number"])
        if deviation is None:
            raise Http404
        self.thing, self.site = deviation, deviation.site
        person = deviation.participant
        self.subjects = (person.screening_number, str(person)) if person else ()

    def facts(self) -> Mapping[str, Any]:
        return {
            "Whose": self.thing.participant or f"site {self.thing.site.code}",
            "What": f"{name_kind(self.thing.kind)}: {self.thing.sentence}",
            "State": self.thing.get_state_display(),
            "Classified": self.thing.get_severity_display() or "not yet",
            "Why": self.thing.comment or "not stated",
            "Done about it": self.thing.action_taken or "not stated",
        }

    def done_url(self) -> str:
        return reverse("cohorts:deviations", args=[self.study.key])


class ClassificationForm(ActForm):
    """How much it matters."""

    severity = forms.ChoiceField(
        label="This deviation is",
        choices=[
            (Severity.MINOR, "minor"),
            (Severity.IMPORTANT, "important: it bears on rights, safety or the data"),
        ],
        widget=forms.RadioSelect,
    )
    comment = forms.CharField(label="Why", max_length=500, widget=forms.Textarea({"rows": 3}))


class ClassifyDeviation(DeviationAct):
    """How much a deviation matters."""

    title, button = "Classify a deviation", "Classify"
    form_class = ClassificationForm

    def run(self, **entered: Any) -> str:
        classify_deviation(self.thing, by=self.user, **entered)
        return "The deviation is classified."


class ClosingForm(ActForm):
    """What was done."""

    action_taken = forms.CharField(
        label="What was done about it", max_length=500, widget=forms.Textarea({"rows": 3})
    )


class CloseDeviation(DeviationAct):
    """Nothing more to be done about it."""

    title, button = "Close a deviation", "Close"
    form_class = ClosingForm

    def run(self, **entered: Any) -> str:
        close_deviation(self.thing, by=self.user, **entered)
        return "The deviation is closed."


class ReopenDeviation(DeviationAct):
    """Something more to be done about it."""

    title, button = "Take a deviation up again", "Take up again"
    form_class = ReasonForm

    def run(self, **entered: Any) -> str:
        reopen_deviation(self.thing, by=self.user, **entered)
        return "The deviation is open again."
