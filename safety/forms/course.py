"""What becomes of an event: another grade, its end, what was missing, and the words on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django import forms
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from cohorts.acts import StudyAct
from cohorts.engine.toxicity import Answer
from cohorts.models import Participant
from cohorts.policies import document_of
from cohorts.protocol import AdverseEventsData
from ntrust.acts import ActForm, MomentField, ReasonForm, SignForm
from ntrust.states import Role
from safety.actions import (
    EventDetails,
    add_grade,
    complete_event,
    end_event,
    raise_alert,
    rule_on_event,
    state_not_dlt,
)
from safety.forms.events import (
    NOT_KNOWN,
    RELATED,
    TO_FOLLOW,
    criteria_of,
    grades_in_words,
    say_readings,
)
from safety.models import AdverseEvent, EventGrade
from safety.policies import course_of, has_standing_report, read_event
from safety.queries import find_event
from safety.states import ActionTaken, AlertKind, EventOutcome, Seriousness

_FINDING, _RELATED = "finding_", "related_"
_NOT_LOOKED: Final = ("", "not looked at")


class EventAct(StudyAct):
    """Acts on the event of the address: `<slug:key>` and `<int:event>`. Another site's event is not
    there (404)."""

    thing: AdverseEvent
    person: Participant

    def find(self) -> None:
        """The event, where this person may know it."""
        super().find()
        found = find_event(self.viewer, self.kwargs["event"])
        if found is None:
            raise Http404
        self.thing, self.person = found, found.participant
        self.site = self.person.site
        self.subjects = (self.person.screening_number, str(self.person))

    @property
    def rules(self) -> AdverseEventsData:
        """How the participant's protocol has events entered."""
        return document_of(self.person.protocol_version).adverse_events

    def facts(self) -> Mapping[str, Any]:
        """Which event, whose, and what it is graded."""
        return {
            "Participant": str(self.person),
            "Event": self.thing.term,
            "Worst grade": f"{self.thing.grade}, {self.thing.grading_system}",
        }

    def done_url(self) -> str:
        """The event's page."""
        return reverse("safety:one_event", args=[self.study.key, self.thing.pk])


class StepField(forms.ModelChoiceField):
    """A step of an event's course, which the entered one corrects."""

    def __init__(self, **kwargs: Any) -> None:
        nothing = "nothing: it is new"
        super().__init__(
            EventGrade.objects.none(), label="Corrects", required=False, empty_label=nothing
        )

    def label_from_instance(self, obj: Any) -> str:
        """Its grade, and since when."""
        return f"grade {obj.grade} since {timezone.localtime(obj.since):%d-%b-%Y %H:%M}"


class GradeForm(ActForm):
    """A grade, from when on, and what it rests on."""

    grade = forms.TypedChoiceField(
        label="Grade",
        choices=[(n, str(n)) for n in range(1, 6)],
        coerce=int,
        empty_value=None,
        required=False,
        widget=forms.RadioSelect,
    )
    since = MomentField(label="Since")
    corrects = StepField()
    reason = forms.CharField(
        label="Reason, where a grade is corrected", required=False, max_length=500
    )


class AddGrade(EventAct):
    """Another grade of an event, with its findings where the system has any."""

    title, button, roles = "Add a grade", "Add", (Role.INVESTIGATOR,)
    form_class = GradeForm
    refuses_stale = False

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        form.fields["grade"].help_text = grades_in_words(self.rules, only=self.thing.grading_system)
        steps = form.fields["corrects"]
        assert isinstance(steps, StepField)
        steps.queryset = EventGrade.objects.filter(pk__in=[s.pk for s in course_of(self.thing)])
        system = self.rules.system(self.thing.grading_system)
        for feature in system.features if system is not None else ():
            form.fields[f"{_FINDING}{feature.key}"] = forms.ChoiceField(
                label=feature.text,
                required=False,
                choices=[*((one.key, one.text) for one in feature.findings), _NOT_LOOKED],
                widget=forms.RadioSelect,
            )
        return form

    def run(  # type: ignore[override]
        self,
        *,
        grade: int | None,
        since: datetime,
        corrects: EventGrade | None,
        reason: str,
        **found: str,
    ) -> str:
        step = add_grade(
            self.thing,
            grade=grade,
            since=since,
            corrects=corrects,
            reason=reason,
            findings={key.removeprefix(_FINDING): word for key, word in found.items() if word},
            by=self.user,
        )
        return f"Grade {step.grade} is entered."


class EndForm(ActForm):
    """When an event ended, and how."""

    ended_at = MomentField(label="Ended")
    outcome = forms.ChoiceField(
        label="Outcome", choices=EventOutcome.choices, widget=forms.RadioSelect
    )
    reason = forms.CharField(
        label="Reason, where an end is corrected", required=False, max_length=500
    )


class EndEvent(EventAct):
    """The end of an event."""

    title, button, roles = "It ended", "Enter", (Role.INVESTIGATOR,)
    form_class = EndForm

    def run(self, **entered: Any) -> str:
        end_event(self.thing, by=self.user, **entered)
        return "The end is entered."


class CompleteForm(ReasonForm):
    """What the alert left open. An empty field changes nothing."""

    causality = forms.ChoiceField(
        label="Related to the product", required=False, choices=RELATED, widget=forms.RadioSelect
    )
    category = forms.ChoiceField(
        label="What kind of event", required=False, widget=forms.RadioSelect
    )
    serious = forms.ChoiceField(
        label="Serious",
        required=False,
        choices=[("no", "no"), ("yes", "yes, by these criteria"), NOT_KNOWN],
        widget=forms.RadioSelect,
    )
    seriousness = forms.MultipleChoiceField(
        label="Criteria of seriousness",
        required=False,
        choices=Seriousness.choices,
        widget=forms.CheckboxSelectMultiple,
    )
    steroid = forms.ChoiceField(
        label="Systemic steroids needed for it",
        required=False,
        choices=[("no", "no"), ("yes", "yes"), NOT_KNOWN],
        widget=forms.RadioSelect,
    )
    aware_at = MomentField(label="When you learned of it", required=False)
    action_taken = forms.ChoiceField(
        label="Done with the product",
        required=False,
        choices=[*ActionTaken.choices, NOT_KNOWN],
        widget=forms.RadioSelect,
    )
    outcome = forms.ChoiceField(
        label="Outcome",
        required=False,
        choices=[*EventOutcome.choices, NOT_KNOWN],
        widget=forms.RadioSelect,
    )
    narrative = forms.CharField(
        label="Narrative", required=False, max_length=10_000, widget=forms.Textarea({"rows": 6})
    )

    def clean(self) -> dict[str, Any]:
        """Serious is by a criterion; not serious by none."""
        entered = {**(super().clean() or {})}
        serious, criteria = entered.get("serious"), entered.get("seriousness")
        if serious == "no" and criteria:
            self.add_error("seriousness", "Not serious has no criterion.")
        if serious == "yes" and not criteria:
            self.add_error("seriousness", "Say by which criteria.")
        return entered


class CompleteEvent(EventAct):
    """Everything that may follow the alert."""

    title, button, roles = "Complete the event", "Enter", (Role.INVESTIGATOR,)
    form_class = CompleteForm
    keeps_draft = True

    def initial(self, now: datetime) -> dict[str, Any]:
        """What is known already."""
        event = self.thing
        return {
            **{
                name: getattr(event, name)
                for name in CompleteForm.base_fields
                if hasattr(event, name)
            },
            "serious": {None: "", True: "yes", False: "no"}[event.is_serious],
            "steroid": {None: "", True: "yes", False: "no"}[event.treatments.get("steroid")],
            **{f"{_RELATED}{key}": word for key, word in event.causalities.items()},
        }

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        category = form.fields["category"]
        assert isinstance(category, forms.ChoiceField)
        category.choices = [(one.key, one.name) for one in self.rules.categories] + [NOT_KNOWN]
        for component in self.rules.others:
            form.fields[f"{_RELATED}{component.key}"] = forms.ChoiceField(
                label=f"Related to: {component.name}",
                required=False,
                choices=RELATED,
                widget=forms.RadioSelect,
            )
        form.order_fields(["causality", *(n for n in form.fields if n.startswith(_RELATED))])
        form.order_fields([*(n for n in form.fields if n != "reason"), "reason"])
        return form

    def run(  # type: ignore[override]
        self, *, reason: str, serious: str, seriousness: list[str], steroid: str, **entered: Any
    ) -> str:
        related = {
            key.removeprefix(_RELATED): word
            for key, word in entered.items()
            if key.startswith(_RELATED) and word
        }
        said = {
            name: word or None for name, word in entered.items() if not name.startswith(_RELATED)
        }
        details = EventDetails(
            seriousness=tuple(seriousness) if serious else None,
            causalities=related or None,
            treatments={"steroid": steroid == "yes"} if steroid else None,
            **said,
        )
        event = complete_event(self.thing, details=details, reason=reason, by=self.user)
        return f"It is entered. {say_readings(event)}".strip()


class DltForm(ActForm):
    """By which criterion."""

    criterion = forms.ChoiceField(label="Dose-limiting by", widget=forms.RadioSelect)


class StateDlt(EventAct):
    """The investigator's word that an event entered before is dose-limiting: a DLT report."""

    title, button, roles = "Report as a DLT", "Report", (Role.INVESTIGATOR,)
    form_class = DltForm
    is_harm = True
    refuses_stale = False
    previews = True

    def initial(self, now: datetime) -> dict[str, Any]:
        """The first criterion that the event meets."""
        readings = read_event(self.thing, now=now)
        met = [one.criterion for one in readings if one.answer == Answer.MEETS]
        return {"criterion": met[0] if met else TO_FOLLOW}

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        field = form.fields["criterion"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = criteria_of(document_of(self.person.protocol_version))
        return form

    def run(self, *, criterion: str) -> str:  # type: ignore[override]
        stated = "" if criterion == TO_FOLLOW else criterion
        if has_standing_report(self.thing):
            return "It is reported already, and that report stands; to change it, supersede it."
        received = raise_alert(AlertKind.DLT, self.thing, criterion=stated, by=self.user)
        return received.said if received.kept is not None else "The DLT is reported."


class StateNotDlt(EventAct):
    """The investigator's word that an event is not dose-limiting."""

    title, button, roles = "Not dose-limiting", "State it", (Role.INVESTIGATOR,)
    form_class = ReasonForm

    def run(self, *, reason: str) -> str:  # type: ignore[override]
        word = state_not_dlt(self.thing, reason=reason, by=self.user)
        if word.rule == "MEETS":
            return "It is stated. A criterion is met, so the medical monitor rules on it."
        return "It is stated."


class RulingForm(SignForm, ReasonForm):
    """The medical monitor's ruling, signed."""

    is_dlt = forms.TypedChoiceField(
        label="The event is",
        choices=[("yes", "a dose-limiting toxicity"), ("no", "not dose-limiting")],
        coerce=lambda word: word == "yes",
        widget=forms.RadioSelect,
    )
    committee_reference = forms.CharField(
        label="Minutes of the committee's ruling, where a death is ruled unrelated",
        required=False,
        max_length=200,
    )


class RuleOnEvent(EventAct):
    """The medical monitor's word where the criteria and the investigator differ."""

    title, button, roles = "Rule on the event", "Sign", (Role.MEDICAL_MONITOR,)
    form_class = RulingForm

    def run(self, **entered: Any) -> str:
        rule_on_event(self.thing, by=self.user, **entered)
        return "The ruling is signed."
