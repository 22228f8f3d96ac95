"""From consent to confirmed eligibility, or to screen failure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from cohorts.actions import (
    confirm_eligibility,
    fail_screening,
    plan_treatment_dates,
    screen_participant,
    sign_screening,
)
from cohorts.acts import ParticipantAct, StudyAct
from cohorts.engine.eligibility import failed
from cohorts.models import Screening
from cohorts.policies import (
    active_protocol,
    day_at,
    document_of,
    gates_for_eligibility,
    gates_for_screening_signature,
    judge_screening,
    screening_of,
)
from cohorts.queries.screening_log import find_consenting_site
from ntrust import clock
from ntrust.acts import ActForm, DayField, MomentField, SignForm
from ntrust.errors import Gate
from ntrust.models import Site
from ntrust.states import Role


class AttemptForm(ActForm):
    """A consent to screening."""

    disease = forms.ChoiceField(label="Disease")
    consented_at = MomentField(label="Consent signed at")
    screening_number = forms.CharField(
        label="Screening number",
        max_length=20,
        required=False,
        help_text="Leave empty for the site's next number.",
    )


class Consent(StudyAct):
    """A new candidate at the site of the address, `<str:code>`; another site is not there."""

    title, button, roles = "New participant", "Record consent", (Role.INVESTIGATOR,)
    form_class = AttemptForm
    site: Site

    def find(self) -> None:
        super().find()
        site = find_consenting_site(self.viewer, self.kwargs["code"])
        if site is None:
            raise Http404
        self.site, self.number = site, ""

    def facts(self) -> Mapping[str, Any]:
        return {"Site": str(self.site)}

    def initial(self, now: datetime) -> dict[str, Any]:
        return {"consented_at": timezone.localtime(now)}

    def make_form(self, **kwargs: Any) -> forms.Form:
        return _with_diseases(self, super().make_form(**kwargs))

    def run(self, **entered: Any) -> str:
        person = screen_participant(self.site, by=self.user, **entered)
        self.number = person.screening_number
        return f"{person} is in screening."

    def done_url(self) -> str:
        if self.number:
            return reverse("safety:participant", args=[self.study.key, self.number])
        return reverse("cohorts:screening_log", args=[self.study.key])


class Rescreen(ParticipantAct):
    """A new attempt of somebody who failed screening."""

    title, button, roles = "Screen again", "Record consent", (Role.INVESTIGATOR,)
    form_class = AttemptForm
    number = ""

    def facts(self) -> Mapping[str, Any]:
        return {"First attempt": self.thing.screening_number, **super().facts()}

    def initial(self, now: datetime) -> dict[str, Any]:
        return {"consented_at": timezone.localtime(now), "disease": self.thing.disease}

    def make_form(self, **kwargs: Any) -> forms.Form:
        return _with_diseases(self, super().make_form(**kwargs))

    def run(self, **entered: Any) -> str:
        person = screen_participant(self.thing.site, rescreens=self.thing, by=self.user, **entered)
        self.number = person.screening_number
        return f"{self.thing} is screened again as {person}."

    def done_url(self) -> str:
        number = self.number or self.thing.screening_number
        return reverse("safety:participant", args=[self.study.key, number])


def _with_diseases(act: StudyAct, form: forms.Form) -> forms.Form:
    version = active_protocol(act.study)
    field = form.fields["disease"]
    assert isinstance(field, forms.ChoiceField)
    names = document_of(version).diseases if version else ()
    field.choices = [(name, name) for name in names]
    return form


class ScreeningAct(ParticipantAct):
    """Acts on a participant's screening."""

    screening: Screening

    def find(self) -> None:
        super().find()
        screening = screening_of(self.thing)
        if screening is None:
            raise Http404
        self.screening = screening

    def facts(self) -> Mapping[str, Any]:
        return {**super().facts(), "Screening": self.screening.get_state_display()}


class DatesForm(ActForm):
    """Reference dates of the criteria."""

    visit_date = DayField(label="Screening visit", required=False)
    lymphodepletion_date = DayField(label="Planned start of lymphodepletion", required=False)
    first_infusion_date = DayField(label="Planned infusion 1", required=False)


class PlanDates(ScreeningAct):
    """Screening visit and planned treatment."""

    title, button, roles = "Dates of screening and treatment", "Save", (Role.INVESTIGATOR,)
    form_class = DatesForm

    def initial(self, now: datetime) -> dict[str, Any]:
        return {name: getattr(self.screening, name) for name in DatesForm.base_fields}

    def run(self, **entered: Any) -> str:
        plan_treatment_dates(self.thing, by=self.user, **entered)
        return "The dates are saved."


class SignScreening(ScreeningAct):
    """The investigator's word that every criterion is fulfilled."""

    title, button, roles = "Sign the screening", "Sign", (Role.INVESTIGATOR,)
    form_class = SignForm

    def gates(self, now: datetime) -> list[Gate]:
        return gates_for_screening_signature(self.screening, now=now)

    def run(self, **entered: Any) -> str:
        sign_screening(self.thing, by=self.user, **entered)
        return "The screening is signed. The study manager confirms it."


class FailureForm(SignForm):
    """A screen failure, signed."""

    reason = forms.CharField(
        label="Reason",
        max_length=500,
        required=False,
        widget=forms.Textarea({"rows": 3}),
        help_text="Needed where no criterion failed, such as consent withdrawn.",
    )
    field_order = ["reason", "password"]


class FailScreening(ScreeningAct):
    """The investigator's word that the participant failed screening."""

    title, button, roles = "Sign the screen failure", "Sign", (Role.INVESTIGATOR,)
    form_class = FailureForm
    is_harm = True

    def facts(self) -> Mapping[str, Any]:
        today = day_at(self.thing.site, clock.now())
        criteria = failed(judge_screening(self.screening, today=today))
        return {**super().facts(), "Criteria that failed": ", ".join(criteria) or "none"}

    def run(self, **entered: Any) -> str:
        fail_screening(self.thing, by=self.user, **entered)
        return "The screen failure is signed."


class ConfirmEligibility(ScreeningAct):
    """The study manager's word on a signed screening."""

    title, button, roles = "Confirm eligibility", "Confirm", (Role.STUDY_MANAGER,)

    def gates(self, now: datetime) -> list[Gate]:
        return gates_for_eligibility(self.screening, now=now)

    def run(self, **entered: Any) -> str:
        return f"{confirm_eligibility(self.thing, by=self.user)} is eligible."
