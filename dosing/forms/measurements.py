"""What was measured at a visit: recorded together, corrected one by one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import Http404
from django.urls import reverse

from cohorts.acts import ParticipantAct, StudyAct
from cohorts.models import Participant
from cohorts.policies import document_of
from cohorts.protocol import ProtocolDocument
from cohorts.protocol.conduct import MeasurementData
from dosing.actions import Reading, correct_measurement, record_measurements
from dosing.models import Measurement
from dosing.queries import find_measurement
from ntrust.acts import ActForm, DayField
from ntrust.models import Site
from ntrust.states import Role


def _value_field(label: str, **more: Any) -> forms.DecimalField:
    return forms.DecimalField(label=label, max_digits=16, decimal_places=6, **more)


def _time_field() -> forms.TimeField:
    return forms.TimeField(
        label="Time, where it matters",
        required=False,
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
    )


def _visit_field(document: ProtocolDocument) -> forms.ChoiceField:
    choices = [(visit.key, visit.name) for visit in document.visits]
    return forms.ChoiceField(label="Visit", required=False, choices=[("", "not planned"), *choices])


def _unit_field(measured: MeasurementData) -> forms.ChoiceField:
    units = [measured.unit, *measured.accepts]
    return forms.ChoiceField(label=f"{measured.name}: unit", choices=[(u, u) for u in units])


def _moment(site: Site, day: date, at: time | None) -> datetime | None:
    """A time of day at the site."""
    return datetime.combine(day, at, tzinfo=ZoneInfo(site.timezone)) if at is not None else None


class VisitForm(ActForm):
    """A visit and its values; a value is left empty when it was not measured."""

    measured_on = DayField(label="Day")
    time = _time_field()
    comment = forms.CharField(label="Comment", required=False, max_length=500)

    def __init__(self, *args: Any, document: ProtocolDocument, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.measured = document.measurements
        self.fields["visit"] = _visit_field(document)
        for one in self.measured:
            self.fields[f"value_{one.key}"] = _value_field(
                one.name,
                required=False,
                help_text=f"Plausible: {one.lowest} to {one.highest} {one.unit}",
            )
            if one.accepts:
                unit = _unit_field(one)
                unit.required = False
                self.fields[f"unit_{one.key}"] = unit
        names = [f"{part}_{one.key}" for one in self.measured for part in ("value", "unit")]
        self.order_fields(["visit", "measured_on", "time", *names, "comment"])

    def readings(self, site: Site) -> dict[str, Reading]:
        """What was entered, by measurement."""
        entered = self.cleaned_data
        day = entered["measured_on"]
        return {
            one.key: Reading(
                value=entered[f"value_{one.key}"],
                unit=entered.get(f"unit_{one.key}") or one.unit,
                measured_on=day,
                measured_at=_moment(site, day, entered["time"]),
                visit=entered["visit"],
                comment=entered["comment"],
            )
            for one in self.measured
            if entered[f"value_{one.key}"] is not None
        }


class RecordMeasurements(ParticipantAct):
    """The values of one visit."""

    title, button, roles = "Enter measurements", "Enter", (Role.INVESTIGATOR,)
    form_class = VisitForm
    form: VisitForm

    def make_form(self, **kwargs: Any) -> forms.Form:
        document = document_of(self.thing.protocol_version)
        self.form = VisitForm(document=document, **kwargs)
        return self.form

    def run(self, **entered: Any) -> str:
        readings = self.form.readings(self.thing.site)
        rows = record_measurements(self.thing, readings=readings, by=self.user)
        return f"{len(rows)} value{'s' if len(rows) > 1 else ''} entered."

    def done_url(self) -> str:
        return reverse("dosing:measurements", args=[self.study.key, self.thing.screening_number])


class CorrectionForm(ActForm):
    """One value, put right."""

    measured_on = DayField(label="Day")
    time = _time_field()
    value = _value_field("Value")
    comment = forms.CharField(label="Comment", required=False, max_length=500)
    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea({"rows": 3}))

    def __init__(
        self, *args: Any, document: ProtocolDocument, measurement: str, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        measured = document.measurement(measurement)
        self.fields["visit"] = _visit_field(document)
        self.fields["unit"] = _unit_field(measured)
        self.order_fields(["visit", "measured_on", "time", "value", "unit", "comment", "reason"])


class CorrectMeasurement(StudyAct):
    """A value that was entered wrongly; the wrong one stays in the history."""

    title, button, roles = "Correct a measurement", "Correct", (Role.INVESTIGATOR,)
    form_class = CorrectionForm
    thing: Measurement
    person: Participant

    def find(self) -> None:
        super().find()
        found = find_measurement(self.viewer, self.kwargs["number"])
        if found is None:
            raise Http404
        self.thing, self.person, self.site = found, found.participant, found.participant.site
        self.subjects = (self.person.screening_number, str(self.person))

    def facts(self) -> Mapping[str, Any]:
        document = document_of(self.person.protocol_version)
        name = document.measurement(self.thing.measurement).name
        value = f"{self.thing.entered_value.normalize():f} {self.thing.entered_unit}"
        return {"Participant": str(self.person), "Measurement": name, "Entered": value}

    def initial(self, now: datetime) -> dict[str, Any]:
        return {
            "visit": self.thing.visit,
            "measured_on": self.thing.measured_on,
            "time": self.thing.measured_at
            and self.thing.measured_at.astimezone(ZoneInfo(self.person.site.timezone)).time(),
            "value": self.thing.entered_value.normalize(),
            "unit": self.thing.entered_unit,
            "comment": self.thing.comment,
        }

    def make_form(self, **kwargs: Any) -> forms.Form:
        document = document_of(self.person.protocol_version)
        return CorrectionForm(document=document, measurement=self.thing.measurement, **kwargs)

    def run(self, *, reason: str, time: time | None, **entered: Any) -> str:  # type: ignore[override]
        day = entered["measured_on"]
        reading = Reading(measured_at=_moment(self.person.site, day, time), **entered)
        correct_measurement(self.thing, reading=reading, reason=reason, by=self.user)
        return "The value is corrected."

    def done_url(self) -> str:
        return reverse("dosing:measurements", args=[self.study.key, self.person.screening_number])
