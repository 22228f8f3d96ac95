"""Consent forms, consents, and the move to the version consented to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.urls import reverse

from cohorts.actions import add_consent_form, re_pin, record_consent
from cohorts.acts import ParticipantAct, StudyAct
from cohorts.policies import active_protocol, consent_gate
from ntrust.acts import ActForm, DayField, ReasonForm
from ntrust.errors import Gate
from ntrust.states import Role


class ConsentFormForm(ActForm):
    """A version of the consent form."""

    label = forms.CharField(label="Version of the form", max_length=40)
    version = forms.ChoiceField(label="For protocol version")
    effective_on = DayField(label="In effect from")


class AddConsentForm(StudyAct):
    """A new version of the consent form."""

    title, button, roles = "Add a consent form", "Add", (Role.STUDY_MANAGER,)
    form_class = ConsentFormForm

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        field = form.fields["version"]
        assert isinstance(field, forms.ChoiceField)
        names = self.study.protocol_versions.order_by("-id").values_list("version", flat=True)
        field.choices = [(name, name) for name in names]
        return form

    def run(self, *, version: str, **entered: Any) -> str:  # type: ignore[override]
        chosen = self.study.protocol_versions.get(version=version)
        add_consent_form(self.study, version=chosen, by=self.user, **entered)
        return "The consent form is added."

    def done_url(self) -> str:
        return reverse("cohorts:consents", args=[self.study.key])


class ConsentSignedForm(ActForm):
    """Who signed which form is known from the page; when, from here."""

    form = forms.ChoiceField(label="Consent form signed")
    signed_on = DayField(label="Signed on")
    correction = forms.CharField(
        label="Why it is corrected",
        required=False,
        max_length=500,
        help_text="Only where this form is recorded already with a wrong day.",
    )


class RecordConsent(ParticipantAct):
    """A participant signed a consent form."""

    title, button, roles = "Record a consent", "Record", (Role.INVESTIGATOR,)
    form_class = ConsentSignedForm

    def initial(self, now: datetime) -> dict[str, Any]:
        assert self.site is not None  # `find` sets it
        return {"signed_on": now.astimezone(ZoneInfo(self.site.timezone)).date()}

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        field = form.fields["form"]
        assert isinstance(field, forms.ChoiceField)
        rows = self.study.consent_forms.select_related("protocol_version").order_by("-id")
        field.choices = [
            (row.label, f"{row.label}, protocol version {row.protocol_version.version}")
            for row in rows
        ]
        return form

    def run(self, *, form: str, **entered: Any) -> str:  # type: ignore[override]
        chosen = self.study.consent_forms.get(label=form)
        record_consent(self.thing, form=chosen, by=self.user, **entered)
        return "The consent is recorded."


class RePin(ParticipantAct):
    """A participant who consented again moves to the version in force."""

    title, button = "Move to the version in force", "Move"
    roles = (Role.STUDY_MANAGER,)
    form_class = ReasonForm

    def gates(self, now: datetime) -> list[Gate]:
        return [consent_gate(self.thing)]

    def facts(self) -> Mapping[str, Any]:
        version = active_protocol(self.study)
        return {
            **super().facts(),
            "Enrolled under": f"version {self.thing.protocol_version.version}",
            "In force": f"version {version.version}" if version else "none",
            "You confirm": "the eligibility was looked at under the version in force",
        }

    def run(self, **entered: Any) -> str:
        re_pin(self.thing, by=self.user, **entered)
        return "The participant is enrolled under the version in force."
