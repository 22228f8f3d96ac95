"""The manager's rota: who is on call, who is away, and who stands in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse

from cohorts.acts import StudyAct
from ntrust.actions import (
    enter_absence,
    name_deputy,
    put_on_call,
    take_off_call,
    withdraw_absence,
)
from ntrust.acts import ActForm, MomentField, ReasonForm
from ntrust.models import Absence, Membership, Shift
from ntrust.states import READ_ONLY_ROLES, Role


class OnCallAct(StudyAct):
    """Acts on the rota. People are chosen from those who hold a role now."""

    roles = (Role.STUDY_MANAGER,)

    def done_url(self) -> str:
        """The rota."""
        return reverse("safety:on_call", args=[self.study.key])

    def members(self) -> dict[str, Membership]:
        """Everybody who acts in the study, by the number of what they hold, with its name."""
        rows = Membership.objects.filter(
            study=self.study, revoked_at__isnull=True, user__is_active=True
        ).exclude(role__in=[*READ_ONLY_ROLES, Role.DATA_MONITOR])
        found = rows.select_related("user", "site").order_by("role", "site__code", "id")
        return {str(row.pk): row for row in found}

    def make_form(self, **kwargs: Any) -> forms.Form:
        """The form with the people there are."""
        form = super().make_form(**kwargs)
        choices = [(key, _named(row)) for key, row in self.members().items()]
        for name in ("person", "deputy"):
            field = form.fields.get(name)
            if isinstance(field, forms.ChoiceField):
                field.choices = [("", "Choose"), *choices]
        return form


def _named(row: Membership) -> str:
    role = Role(row.role).label
    return f"{row.user}, {role} at {row.site.code}" if row.site else f"{row.user}, {role}"


class ShiftForm(ActForm):
    """Who, and from when to when."""

    person = forms.ChoiceField(label="Person, and the role in which they are called")
    starts_at = MomentField(label="From")
    ends_at = MomentField(label="To")
    reason = ReasonForm.base_fields["reason"]


class PutOnCall(OnCallAct):
    """Somebody is on call for a time."""

    title, button = "Put somebody on call", "Put on call"
    form_class = ShiftForm

    def run(  # type: ignore[override]
        self, person: str, starts_at: datetime, ends_at: datetime, reason: str
    ) -> str:
        row = self.members()[person]
        put_on_call(
            self.study,
            user=row.user,
            role=row.role,
            site=row.site,
            starts_at=starts_at,
            ends_at=ends_at,
            reason=reason,
            by=self.user,
        )
        return f"{row.user} is on call."


class AbsenceForm(ActForm):
    """Who, who instead, and from when to when."""

    person = forms.ChoiceField(label="Who is away")
    deputy = forms.ChoiceField(label="Who is told meanwhile, as well and at once")
    starts_at = MomentField(label="From")
    ends_at = MomentField(label="To")
    reason = ReasonForm.base_fields["reason"]


class EnterAbsence(OnCallAct):
    """Somebody is away for a time."""

    title, button = "Enter an absence", "Enter the absence"
    form_class = AbsenceForm

    def run(  # type: ignore[override]
        self, person: str, deputy: str, starts_at: datetime, ends_at: datetime, reason: str
    ) -> str:
        members = self.members()
        away, instead = members[person].user, members[deputy].user
        enter_absence(
            self.study,
            user=away,
            deputy=instead,
            starts_at=starts_at,
            ends_at=ends_at,
            reason=reason,
            by=self.user,
        )
        return f"{instead} is told while {away} is away."


class DeputyForm(ActForm):
    """Who, and who is told when they do not answer."""

    person = forms.ChoiceField(label="When this person does not answer")
    deputy = forms.ChoiceField(label="this one is told")
    reason = ReasonForm.base_fields["reason"]


class NameDeputy(OnCallAct):
    """Who is told when somebody does not answer."""

    title, button = "Name a deputy", "Name the deputy"
    form_class = DeputyForm

    def run(self, person: str, deputy: str, reason: str) -> str:  # type: ignore[override]
        members = self.members()
        silent, instead = members[person].user, members[deputy].user
        name_deputy(self.study, user=silent, deputy=instead, reason=reason, by=self.user)
        return f"{instead} is told when {silent} does not answer."


class TakeOffCall(OnCallAct):
    """A shift is withdrawn."""

    title, button = "Withdraw a shift", "Withdraw"
    form_class = ReasonForm
    thing: Shift

    def find(self) -> None:
        """The shift, of this study and not withdrawn."""
        super().find()
        rows = Shift.objects.filter(study=self.study, withdrawn_at__isnull=True)
        found = rows.select_related("user", "site").filter(pk=self.kwargs["row"]).first()
        if found is None:
            raise Http404
        self.thing = found

    def facts(self) -> Mapping[str, Any]:
        """Whose shift."""
        row = self.thing
        return {
            "On call": f"{row.user}, {Role(row.role).label}",
            "From": f"{row.starts_at:%d-%b-%Y %H:%M} UTC",
            "To": f"{row.ends_at:%d-%b-%Y %H:%M} UTC",
        }

    def run(self, reason: str) -> str:  # type: ignore[override]
        take_off_call(self.thing, reason=reason, by=self.user)
        return "The shift is withdrawn."


class WithdrawAbsence(OnCallAct):
    """Somebody is back, or stays."""

    title, button = "Withdraw an absence", "Withdraw"
    form_class = ReasonForm
    thing: Absence

    def find(self) -> None:
        """The absence, of this study and not withdrawn."""
        super().find()
        rows = Absence.objects.filter(study=self.study, withdrawn_at__isnull=True)
        found = rows.select_related("user", "deputy").filter(pk=self.kwargs["row"]).first()
        if found is None:
            raise Http404
        self.thing = found

    def facts(self) -> Mapping[str, Any]:
        """Who is away, and who is told meanwhile."""
        row = self.thing
        return {
            "Away": str(row.user),
            "Told meanwhile": str(row.deputy),
            "From": f"{row.starts_at:%d-%b-%Y %H:%M} UTC",
            "To": f"{row.ends_at:%d-%b-%Y %H:%M} UTC",
        }

    def run(self, reason: str) -> str:  # type: ignore[override]
        withdraw_absence(self.thing, reason=reason, by=self.user)
        return f"{self.thing.user} is not away any more."
