"""What a site enters about an event: the alert, on one page."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django import forms
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from cohorts.protocol import AdverseEventsData, ProtocolDocument
from ntrust.acts import ActForm, MomentField
from safety.policies import read_event, strongest
from safety.states import Causality

TO_FOLLOW: Final = "to-follow"
"""The choice of a DLT whose criterion is not stated yet: it counts at once."""
NOT_KNOWN: Final = ("", "not known yet")
_UNLISTED: Final = ("CTCAE v5.0", "ASTCT CRS", "ASTCT ICANS")
"""Offered where a protocol names no grading system."""
RELATED: Final = [*Causality.choices, NOT_KNOWN]
NOW: Final = "now"
BEGAN: Final = [(NOW, "just now"), ("then", "at another time")]
ONGOING: Final = [("yes", "yes, it goes on"), ("no", "no, it has ended")]
NOT_STATED: Final = ("", "not stated yet")
_SERIOUS: Final = {"yes": True, "no": False, "": None}


class EventForm(ActForm):
    """An adverse event; with "dose-limiting" it is a DLT report too. Four answers are enough.

    `began` "now" is the time at which the page was opened (`page_at`), which is sent with it: so
    the same alert sent twice is the same event.
    """

    page_at = forms.CharField(required=False, widget=forms.HiddenInput, max_length=30)
    term = forms.CharField(
        label="What happened",
        max_length=200,
        widget=forms.TextInput({"list": "terms", "autocomplete": "off"}),
    )
    began = forms.ChoiceField(
        label="Began", choices=BEGAN, widget=forms.RadioSelect, required=False
    )
    onset_at = MomentField(label="When it began", required=False)
    grading_system = forms.ChoiceField(label="Graded by", widget=forms.RadioSelect)
    grade = forms.TypedChoiceField(
        label="Worst grade so far",
        choices=[(n, str(n)) for n in range(1, 6)],
        coerce=int,
        widget=forms.RadioSelect,
    )
    causality = forms.ChoiceField(
        label="Related to the product", choices=RELATED, widget=forms.RadioSelect, required=False
    )
    is_serious = forms.TypedChoiceField(
        label="Serious",
        choices=[("no", "no"), ("yes", "yes"), NOT_KNOWN],
        coerce=_SERIOUS.__getitem__,
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
    )
    is_ongoing = forms.ChoiceField(
        label="Ongoing", choices=ONGOING, required=False, widget=forms.RadioSelect
    )
    ended_at = MomentField(label="When it ended", required=False)
    criterion = forms.ChoiceField(
        label="Dose-limiting", required=False, widget=forms.RadioSelect, initial=""
    )
    aware_at = MomentField(
        label="When you learned of it", required=False, help_text="It may follow."
    )
    category = forms.ChoiceField(
        label="What kind of event",
        required=False,
        widget=forms.RadioSelect,
        help_text="It may follow. The DLT criteria ask for it.",
    )

    def clean(self) -> dict[str, Any]:
        """Both times from what was chosen; what only chose between them is taken out."""
        entered = {**(super().clean() or {})}
        began, opened = entered.pop("began", ""), entered.pop("page_at", "")
        is_ongoing = entered.pop("is_ongoing", "")
        if began == NOW and entered.get("onset_at") is not None:
            self.add_error("began", "It began just now, or at that time; not both.")
        elif began == NOW and "onset_at" in entered:
            entered["onset_at"] = self._opened(opened)
        if "onset_at" in entered and entered["onset_at"] is None:
            self.add_error("onset_at", "Say when it began.")
        if is_ongoing == "no" and "ended_at" in entered and entered["ended_at"] is None:
            self.add_error("ended_at", "Say when it ended.")
        if is_ongoing == "yes" and entered.get("ended_at") is not None:
            self.add_error("is_ongoing", "It goes on, or it ended then; not both.")
        return entered

    def _opened(self, sent: str) -> datetime | None:
        """When the page was opened; None where that was not sent."""
        try:
            moment: datetime = MomentField().clean(sent)
        except forms.ValidationError:
            return None
        return moment

    def fit(self, document: ProtocolDocument) -> None:
        """Offer what the participant's protocol names, in its words."""
        rules = document.adverse_events
        systems = systems_of(rules)
        self._offer("grading_system", [(key, key) for key in systems])
        self.fields["grading_system"].initial = systems[0]
        self._offer("category", [(one.key, one.name) for one in rules.categories] + [NOT_KNOWN])
        self._offer("criterion", [NOT_STATED, *criteria_of(document)])
        self.fields["grade"].help_text = grades_in_words(rules)
        if not rules.categories:
            del self.fields["category"]

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices


def criteria_of(document: ProtocolDocument) -> list[tuple[str, str]]:
    """By what an event may be dose-limiting."""
    return [
        (TO_FOLLOW, "dose-limiting; the criterion follows later"),
        *((one.id, f"{one.id}: {one.text}") for one in document.dlt_criteria),
    ]


def systems_of(rules: AdverseEventsData) -> tuple[str, ...]:
    """Grading systems to choose from."""
    return tuple(system.key for system in rules.systems) or _UNLISTED


def grades_in_words(rules: AdverseEventsData, *, only: str = "") -> SafeString:
    """Each system's grades in its own words, one fold a system; `only` one of them, open."""
    systems = [one for one in rules.systems if only in ("", one.key)]
    return format_html_join(
        "",
        "<details{}><summary>{}</summary><ul>{}</ul></details>",
        (
            (
                SafeString(" open") if only else "",
                f"{system.key} in words",
                format_html_join(
                    "",
                    "<li><b>{}</b> {}</li>",
                    ((system.label(one.grade), one.text) for one in system.grades),
                ),
            )
            for system in systems
        ),
    )


def say_readings(event: Any) -> str:
    """What the criteria say of an event, in the words shown after it was entered."""
    readings = read_event(event, now=event.entered_at)
    asked = [one.sentence for one in readings if one.is_candidate]
    if asked:
        said = "; ".join(asked)
        return f"{said[:1].upper()}{said[1:]}."
    return "It meets no DLT criterion." if strongest(readings) == "DOES_NOT" else ""
