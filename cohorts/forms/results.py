"""Data entry at screening: a form made from the protocol's fields, under each criterion's text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from cohorts.actions import enter_results
from cohorts.engine.eligibility import NEVER, FieldKind, Reading
from cohorts.forms.screening import ScreeningAct
from cohorts.models import Screening, ScreeningResult
from cohorts.policies import (
    Entry,
    day_at,
    describe_state,
    document_of,
    judge_screening,
    read_entries,
    require_screening,
)
from cohorts.protocol.eligibility import FieldData
from ntrust import clock
from ntrust.acts import ActForm, DayField
from ntrust.change import rehearsal, waiting_at_most
from ntrust.errors import Refused
from ntrust.previews import WAIT
from ntrust.states import Role

PARTS = ("unit", "upper_limit", "measured_on", "never", "comment")


@dataclass(frozen=True)
class EntryRow:
    """One field of the protocol with its inputs."""

    label: str
    help: str
    unit: str
    value: BoundField
    parts: tuple[BoundField, ...]


@dataclass(frozen=True)
class EntrySet:
    """The fields a criterion reads, under its text."""

    id: str
    text: str
    words: str
    sentence: str
    passes: bool | None
    is_open: bool
    rows: tuple[EntryRow, ...]


class ResultsForm(ActForm):
    """One input a field of the protocol; only what changed becomes an entry."""

    day = DayField(
        label="Measured on",
        required=False,
        help_text="The day of all that you enter or change now, unless its own day is changed.",
    )
    reason = forms.CharField(
        label="Why results are corrected",
        required=False,
        max_length=500,
        help_text="Only for a correction; a result measured later than the last needs no reason.",
    )

    def __init__(self, *args: Any, screening: Screening, today: date, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.screening, self.today = screening, today
        participant = screening.participant
        self.document = document_of(participant.protocol_version)
        self.group = self.document.eligibility.group_of(participant.disease)
        self.asked = self.document.eligibility.asked_of(self.group)
        self.stored = {row.field: row for row in screening.results.all()}
        self.entries: list[Entry] = []
        for each in self.asked:
            self._add(each, self.stored.get(each.key))

    def clean(self) -> dict[str, Any]:
        """Read what changed; a wrong field is named in place."""
        cleaned = super().clean() or {}
        if any(name not in cleaned for name in self.fields):
            return cleaned
        self.entries = [entry for each in self.asked if (entry := self._entry(each, cleaned))]
        _, faults = read_entries(
            self.entries,
            asked=self.document.eligibility,
            group=self.group,
            stored=self.stored,
            reason=cleaned["reason"],
            today=self.today,
        )
        for fault in faults:
            self.add_error(fault.field, fault.sentence)
        for each in self.asked:
            if cleaned.get(each.key) and cleaned.get(f"{each.key}__never"):
                self.add_error(each.key, f"{each.label}: a date, or never; not both.")
        return cleaned

    def common(self) -> list[BoundField]:
        """The inputs that belong to no field."""
        return [self["day"], self["reason"]]

    def sets(self) -> list[EntrySet]:
        """The form in the order of the criteria; a field stands under the first that reads it."""
        readings = {
            each.criterion: each
            for each in judge_screening(
                self.screening,
                today=self.today,
                document=self.document,
                rows=self.stored.values(),
            )
        }
        known = {each.key: each for each in self.asked}
        found = []
        for criterion in self.document.eligibility.criteria:
            reading = readings.get(criterion.id)
            if reading is None:
                continue
            keys = [key for key in _reads(criterion.check) if key in known]
            rows = tuple(self._row(known.pop(key)) for key in dict.fromkeys(keys))
            if rows:
                found.append(_entry_set(criterion.id, criterion.text, reading, rows))
        rest = tuple(self._row(each) for each in known.values())
        return [*found, EntrySet("", "Other", "", "", None, True, rest)] if rest else found

    def _add(self, each: FieldData, row: ScreeningResult | None) -> None:
        key, field = each.key, each.entry()
        is_never = row is not None and row.value == NEVER
        initial: dict[str, Any] = {key: "" if row is None or is_never else row.entered}
        if each.kind is FieldKind.NUMBER:
            widget: forms.Widget = forms.TextInput({"inputmode": "decimal"})
        elif each.kind is FieldKind.DATE:
            widget = forms.DateInput({"type": "date"})
            initial[key] = "" if row is None or is_never else row.value
        else:
            widget = forms.Select(choices=[("", "—"), *((word, word) for word in field.answers)])
            initial[key] = row.value if row else ""
        self.fields[key] = forms.CharField(
            label=each.label, required=False, widget=widget, help_text=each.help, max_length=80
        )
        if each.accepts:
            units = [(unit, unit) for unit in (each.unit, *each.accepts)]
            self._part(each, "unit", forms.ChoiceField(label="Unit", choices=units, required=False))
            initial[f"{key}__unit"] = row.unit if row else each.unit
        if each.has_upper_limit:
            text = forms.TextInput({"inputmode": "decimal"})
            part = forms.CharField(
                label="Upper limit of normal", required=False, max_length=40, widget=text
            )
            self._part(each, "upper_limit", part)
            initial[f"{key}__upper_limit"] = row.upper_limit_entered if row else ""
        if each.may_be_never:
            self._part(each, "never", forms.BooleanField(label="never", required=False))
            initial[f"{key}__never"] = is_never
        if each.valid_days is not None:
            self._part(each, "measured_on", DayField(label="Measured on", required=False))
            initial[f"{key}__measured_on"] = row.measured_on if row else None
        if each.kind is FieldKind.JUDGEMENT:
            part = forms.CharField(label="Comment", required=False, max_length=500)
            self._part(each, "comment", part)
            initial[f"{key}__comment"] = row.comment if row else ""
        self.initial = {**initial, **self.initial}

    def _part(self, each: FieldData, part: str, field: forms.Field) -> None:
        self.fields[f"{each.key}__{part}"] = field

    def _entry(self, each: FieldData, cleaned: Mapping[str, Any]) -> Entry | None:
        """What was typed for a field; None when it is as it was."""
        key = each.key
        names = [key, *(f"{key}__{part}" for part in PARTS)]
        typed = {name: cleaned[name] for name in names if name in self.fields}
        before = {name: self.initial.get(name) for name in typed}
        if not typed[key] and key not in self.stored:
            typed.pop(f"{key}__unit", None)
            before.pop(f"{key}__unit", None)
        if _plain(typed) == _plain(before):
            return None
        measured_on = typed.get(f"{key}__measured_on")
        if each.valid_days is not None and measured_on == before.get(f"{key}__measured_on"):
            measured_on = cleaned["day"] or measured_on
        return Entry(
            field=key,
            value=NEVER if typed.get(f"{key}__never") else typed[key],
            unit=typed.get(f"{key}__unit", each.unit),
            measured_on=measured_on,
            upper_limit=typed.get(f"{key}__upper_limit", ""),
            comment=typed.get(f"{key}__comment", ""),
        )

    def _row(self, each: FieldData) -> EntryRow:
        names = (f"{each.key}__{part}" for part in PARTS)
        return EntryRow(
            label=each.label,
            help=each.help,
            unit="" if each.accepts else each.unit,
            value=self[each.key],
            parts=tuple(self[name] for name in names if name in self.fields),
        )


def _plain(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: "" if value in (None, False) else str(value) for name, value in values.items()}


def _reads(check: Any) -> Iterator[str]:
    """Keys of the fields a check reads, half-lives included."""
    for _, part in check.walk():
        if part.field is not None:
            yield part.field
        if part.period is not None and part.period.half_life is not None:
            yield part.period.half_life


def _entry_set(name: str, text: str, reading: Reading, rows: tuple[EntryRow, ...]) -> EntrySet:
    is_wrong = any(bound.errors for row in rows for bound in (row.value, *row.parts))
    return EntrySet(
        id=name,
        text=text,
        words=describe_state(reading.kind, reading.state),
        sentence=reading.sentence,
        passes=reading.passes,
        is_open=is_wrong or reading.passes is not True,
        rows=rows,
    )


@dataclass(frozen=True)
class EligibilityNow:
    """What the criteria would say with what is typed in."""

    unmet: tuple[Reading, ...]
    missing: tuple[Reading, ...]
    met: int


class EnterResults(ScreeningAct):
    """Results of a screening, as many as there are. Sent with `step` "look", it answers what the
    criteria would say, as a part of the page, and keeps nothing."""

    title, button, roles = "Enter results", "Save", (Role.INVESTIGATOR,)
    form_class = ResultsForm
    template = "cohorts/results.html"
    form: ResultsForm

    def make_form(self, **kwargs: Any) -> forms.Form:
        today = day_at(self.screening.participant.site, clock.now())
        self.form = ResultsForm(screening=self.screening, today=today, **kwargs)
        return self.form

    def context(self) -> dict[str, Any]:
        with self.zone():
            context = {
                "form": self.form,
                "sets": self.form.sets(),
                "look": self.request.path,
            }
            return {"fields": render_to_string("cohorts/result_fields.html", context)}

    def initial(self, now: datetime) -> dict[str, Any]:
        return {}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Look, or save."""
        if request.POST.get("step") != "look":
            return super().post(request, *args, **kwargs)
        with self.zone():
            form = self.form_to_check(data=request.POST)
            is_valid = form.is_valid()
        context: dict[str, Any] = {"unread": len(form.errors)}
        if is_valid:
            try:
                context["now"] = self._look(form.cleaned_data["reason"])
            except Refused as refusal:
                context["refusal"] = self.cover(refusal.sentence)
        return render(request, "cohorts/eligibility_now.html", context)

    def _look(self, reason: str) -> EligibilityNow:
        """Enter what is typed, read the criteria, and undo it."""
        with rehearsal(), waiting_at_most(WAIT):
            if self.form.entries:
                enter_results(self.thing, entries=self.form.entries, reason=reason, by=self.user)
            readings = judge_screening(require_screening(self.thing), today=self.form.today)
        return EligibilityNow(
            unmet=tuple(one for one in readings if one.passes is False),
            missing=tuple(one for one in readings if one.passes is None),
            met=sum(one.passes is True for one in readings),
        )

    def run(self, *, reason: str, **entered: Any) -> str:  # type: ignore[override]
        entries = self.form.entries
        enter_results(self.thing, entries=entries, reason=reason, by=self.user)
        return f"{len(entries)} result{'s' if len(entries) != 1 else ''} saved."
