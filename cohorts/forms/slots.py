"""Seats: requested, reserved, confirmed, given up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.http import Http404

from cohorts.actions import (
    confirm_slot,
    release_slot,
    request_slot,
    reserve_slot,
    withdraw_request,
)
from cohorts.acts import ParticipantAct
from cohorts.models import DoseLevel, Slot
from cohorts.policies import gates_for_confirmation, gates_for_seat, levels_to_seat
from cohorts.states import SlotState
from ntrust.acts import ActForm, ReasonForm
from ntrust.errors import Gate
from ntrust.states import Role


class RequestSlot(ParticipantAct):
    """The site asks for a seat."""

    title, button, roles = "Request a seat", "Request", (Role.INVESTIGATOR,)

    def run(self, **entered: Any) -> str:
        """Put the participant in the queue."""
        request_slot(self.thing, by=self.user)
        return "The request is in the queue."


class ReserveForm(ActForm):
    """Where, and why out of turn when it is."""

    level = forms.ModelChoiceField(
        label="Dose level", queryset=DoseLevel.objects.none(), empty_label=None
    )
    override_reason = forms.CharField(
        label="Reason for passing the queue or the site's cap over",
        help_text="Leave empty unless it is needed. At least 20 characters; kept and reported.",
        required=False,
        max_length=500,
        widget=forms.Textarea({"rows": 3}),
    )


class ReserveSlot(ParticipantAct):
    """A seat for the participant who is next."""

    title, button, roles = "Reserve a seat", "Reserve", (Role.STUDY_MANAGER,)
    form_class = ReserveForm

    def make_form(self, **kwargs: Any) -> forms.Form:
        """Levels of this study."""
        form = super().make_form(**kwargs)
        field = form.fields["level"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = DoseLevel.objects.filter(study=self.study)
        return form

    def initial(self, now: datetime) -> dict[str, Any]:
        """The level that seats people now."""
        return {"level": next(iter(levels_to_seat(self.study)), None)}

    def gates(self, now: datetime) -> list[Gate]:
        """Those of the level that seats people now."""
        levels = levels_to_seat(self.study)
        if not levels:
            return []
        return gates_for_seat(self.study, levels[0], now=now, participant=self.thing)

    def run(self, **entered: Any) -> str:
        """Reserve."""
        slot = reserve_slot(self.thing, by=self.user, **entered)
        return f"Seat {slot.seat} at level {entered['level'].ordinal} is reserved."


class SlotAct(ParticipantAct):
    """Acts on the participant's newest slot."""

    slot: Slot

    def find(self) -> None:
        """The newest slot; 404 for a participant who never asked."""
        super().find()
        slot = (
            self.thing.slots.select_related(
                "cohort__level", "cohort__decision", "participant__site", "participant__study"
            )
            .order_by("id")
            .last()
        )
        if slot is None:
            raise Http404
        self.slot = slot

    def facts(self) -> Mapping[str, Any]:
        """Who, and which seat."""
        cohort = self.slot.cohort
        where = f"seat {self.slot.seat}, level {cohort.level.ordinal}" if cohort else "none yet"
        state = SlotState(self.slot.state).label
        return {**super().facts(), "Seat": f"{where} ({state})"}


class WithdrawRequest(SlotAct):
    """The participant no longer waits."""

    title, button = "Withdraw the request for a seat", "Withdraw"
    roles = (Role.INVESTIGATOR, Role.STUDY_MANAGER)
    form_class = ReasonForm
    is_harm = True

    def run(self, **entered: Any) -> str:
        """Withdraw."""
        withdraw_request(self.slot, by=self.user, **entered)
        return "The request is withdrawn."


class ConfirmSlot(SlotAct):
    """From now on the participant counts as pending."""

    title, button, roles = "Confirm the seat", "Confirm", (Role.STUDY_MANAGER,)

    def gates(self, now: datetime) -> list[Gate]:
        """Looked at again since it was reserved."""
        if self.slot.state != SlotState.RESERVED:
            return []
        return gates_for_confirmation(self.slot, now=now)

    def run(self, **entered: Any) -> str:
        """Confirm."""
        confirm_slot(self.slot, by=self.user)
        return "The seat is confirmed: the participant counts as pending."


class ReleaseSlot(SlotAct):
    """A seat given up before lymphodepletion."""

    title, button = "Give the seat up", "Give up"
    roles = (Role.STUDY_MANAGER, Role.INVESTIGATOR)
    form_class = ReasonForm
    is_harm = True

    def run(self, **entered: Any) -> str:
        """Give up."""
        release_slot(self.slot, by=self.user, **entered)
        return "The seat is free again."
