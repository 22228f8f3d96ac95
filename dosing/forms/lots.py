"""What is done with a product lot."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.http import Http404
from django.urls import reverse

from cohorts.acts import StudyAct
from dosing.actions import correct_lot, discard_lot, quarantine_lot, receive_lot, release_lot
from dosing.queries import find_lot
from ntrust.acts import ActForm, DayField, MomentField, ReasonForm
from ntrust.states import Role

_POWERS_FROM: Final = 1_000_000
_PHARMACY = (Role.STUDY_MANAGER, Role.PHARMACIST)


class LabelForm(ActForm):
    """What label and certificate say."""

    received_at = MomentField(label="Received", help_text="In UTC.")
    total_cells = forms.DecimalField(
        label="Total cells",
        max_digits=20,
        decimal_places=4,
        help_text="In the ladder's unit, for example 1.2e10.",
    )
    viability = forms.DecimalField(
        label="Viability", max_digits=5, decimal_places=4, help_text="A share, such as 0.93."
    )
    expires_on = DayField(label="Last day of use")


class ReceiveForm(LabelForm):
    """A new lot."""

    code = forms.CharField(label="Lot code", max_length=20)
    field_order = ["code"]


class ReceiveLot(StudyAct):
    """A lot received; it is in quarantine until released."""

    title, button, roles = "Receive a product lot", "Receive", _PHARMACY
    form_class = ReceiveForm

    def run(self, **entered: Any) -> str:
        lot = receive_lot(self.study, by=self.user, **entered)
        return f"Lot {lot} is received, in quarantine."

    def done_url(self) -> str:
        """The list of lots."""
        return reverse("dosing:lots", args=[self.study.key])


class LotAct(StudyAct):
    """Acts on the lot of the address: `<str:code>`."""

    def find(self) -> None:
        """The lot, for those who read lots."""
        super().find()
        lot = find_lot(self.viewer, self.kwargs["code"])
        if lot is None:
            raise Http404
        self.thing, self.subjects = lot, (f"lot {lot}",)

    def facts(self) -> Mapping[str, Any]:
        """Which lot."""
        lot = self.thing
        return {
            "Lot": lot.code,
            "State": lot.get_state_display(),
            "Last day of use": f"{lot.expires_on:%d-%b-%Y}",
        }

    def done_url(self) -> str:
        """The list of lots."""
        return reverse("dosing:lots", args=[self.study.key])


class ReleaseLot(LotAct):
    """A lot that infusions may be given from."""

    title, button, roles = "Release a product lot", "Release", (Role.STUDY_MANAGER,)

    def run(self, **entered: Any) -> str:
        release_lot(self.thing, by=self.user)
        return f"Lot {self.thing} is released."


class QuarantineLot(LotAct):
    """A lot stopped at once."""

    title, button = "Put a product lot in quarantine", "Stop infusions from it"
    roles = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.PHARMACIST)
    form_class = ReasonForm
    is_harm = True

    def run(self, **entered: Any) -> str:
        quarantine_lot(self.thing, by=self.user, **entered)
        return f"Lot {self.thing} is in quarantine; the sites concerned are told."


class DiscardLot(LotAct):
    """A lot discarded."""

    title, button, roles = "Discard a product lot", "Discard", _PHARMACY
    form_class = ReasonForm
    is_harm = True

    def run(self, **entered: Any) -> str:
        discard_lot(self.thing, by=self.user, **entered)
        return f"Lot {self.thing} is discarded."


class CorrectLotForm(LabelForm):
    """What was entered, to be corrected."""

    reason = forms.CharField(
        label="Why the entry was wrong", max_length=500, widget=forms.Textarea({"rows": 3})
    )


class CorrectLot(LotAct):
    """A correction of what was entered about a lot."""

    title, button, roles = "Correct a product lot", "Correct", _PHARMACY
    form_class = CorrectLotForm

    def initial(self, now: Any) -> dict[str, Any]:
        """As it was entered, without zeros that say nothing."""
        lot = self.thing
        return {
            **{name: getattr(lot, name) for name in LabelForm.base_fields},
            "total_cells": _as_typed(lot.total_cells),
            "viability": _as_typed(lot.viability),
        }

    def run(self, *, received_at: Any, **entered: Any) -> str:  # type: ignore[override]
        """The receipt is shown in whole minutes: as shown, it is left as it is."""
        shown = self.thing.received_at.replace(second=0, microsecond=0)
        received = None if received_at == shown else received_at
        correct_lot(self.thing, by=self.user, received_at=received, **entered)
        return f"Lot {self.thing} is corrected."


def _as_typed(value: Decimal) -> str:
    """A number as people write it: 0.93, 1.2e10."""
    plain = value.normalize()
    return f"{plain:f}" if plain < _POWERS_FROM else f"{plain:e}".replace("e+", "e")
