"""DLT reports: adjudicated, cleared, superseded; the effect is shown before anything is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse

from cohorts.acts import StudyAct
from cohorts.policies import document_of
from ntrust.acts import ActForm, MomentField, ReasonForm, SignForm
from ntrust.states import Role
from safety.actions import (
    adjudicate_dlt,
    clear_dlt,
    readjudicate_dlt,
    rule_superseding,
    settle_alert,
    supersede_dlt,
)
from safety.models import DltReport, InboxAlert, Superseding
from safety.policies import resolves_to
from safety.queries.reports import find_alert, find_report, find_superseding
from safety.states import COUNTED_REPORTS, SupersedingKind


class ReportsAct(StudyAct):
    """Acts from the page of DLT reports."""

    previews = True

    def done_url(self) -> str:
        """Where the reports are."""
        return reverse("safety:reports", args=[self.study.key])


class ReportAct(ReportsAct):
    """Acts on the report of the address: `<int:report>`. Another site's is not there (404)."""

    thing: DltReport

    def find(self) -> None:
        """The report, where this person may know it."""
        super().find()
        report = find_report(self.viewer, self.kwargs["report"])
        if report is None:
            raise Http404
        self.about(report)

    def about(self, report: DltReport) -> None:
        """Set what the act is about."""
        participant = report.event.participant
        self.thing, self.site = report, participant.site
        self.subjects = (participant.screening_number, str(participant))

    def facts(self) -> Mapping[str, Any]:
        """Which report it is."""
        return _facts(self.thing)


def _facts(report: DltReport) -> dict[str, Any]:
    event = report.event
    facts = {
        "Participant": str(event.participant),
        "Event": f"{event} ({event.grading_system})",
        "Began": f"{event.onset_at:%d-%b-%Y %H:%M} UTC",
        "Criterion": report.criterion or "not yet stated",
        "State": report.get_state_display(),
    }
    if report.counts_at is not None:
        facts["Clock ends"] = f"{report.counts_at:%d-%b-%Y %H:%M} UTC"
    return facts


class MinutesForm(SignForm):
    """A word that only the committee may give where somebody died."""

    committee_reference = forms.CharField(
        label="Minutes of the committee's ruling, where a death is ruled unrelated",
        required=False,
        max_length=200,
    )


class AdjudicationForm(MinutesForm):
    """The medical monitor's word."""

    is_confirmed = forms.TypedChoiceField(
        label="This DLT is",
        choices=[("yes", "confirmed: it goes on counting"), ("no", "refuted: it no longer counts")],
        coerce=lambda word: word == "yes",
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea({"rows": 3}))


class AdjudicateDlt(ReportAct):
    """The medical monitor's first word on a report."""

    title, button, roles = "Adjudicate the DLT", "Sign", (Role.MEDICAL_MONITOR,)
    form_class = AdjudicationForm

    def run(self, **entered: Any) -> str:
        report = adjudicate_dlt(self.thing, by=self.user, **entered)
        return f"The DLT is {report.get_state_display()}."


class SignedReasonForm(MinutesForm):
    """Why, signed."""

    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea({"rows": 3}))


class ReadjudicateDlt(ReportAct):
    """The medical monitor's second word: a new report with the opposite one."""

    title, button, roles = "Rule on the DLT again", "Sign", (Role.MEDICAL_MONITOR,)
    form_class = SignedReasonForm

    def facts(self) -> Mapping[str, Any]:
        """What it would become."""
        counts = self.thing.state in COUNTED_REPORTS
        becomes = "refuted: it no longer counts" if counts else "confirmed: it counts again"
        return {**super().facts(), "It becomes": becomes}

    def run(self, **entered: Any) -> str:
        report = readjudicate_dlt(self.thing, by=self.user, **entered)
        return f"The DLT is {report.get_state_display()} now."


class ResolutionForm(SignForm):
    """When and how far an event resolved."""

    resolved_at = MomentField(label="When it had resolved")
    grade = forms.TypedChoiceField(label="It was then", coerce=int, widget=forms.RadioSelect)


class ClearDlt(ReportAct):
    """The investigator's signed word that a provisional DLT resolved inside its limit."""

    title, button, roles = "Sign the resolution", "Sign", (Role.INVESTIGATOR,)
    form_class = ResolutionForm

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        field = form.fields["grade"]
        assert isinstance(field, forms.ChoiceField)
        most = resolves_to(self.thing)
        field.choices = [
            ("0", "over"),
            *((str(grade), f"grade {grade}") for grade in range(1, 6)),
        ]
        wanted = f"grade {most} or less" if most else "that the event is over"
        field.help_text = f"Resolved means {wanted}."
        return form

    def run(self, **entered: Any) -> str:
        clear_dlt(self.thing, by=self.user, **entered)
        return "The report is cleared: it does not count."


class SupersedingForm(ActForm):
    """What becomes of a report, and why."""

    kind = forms.ChoiceField(
        label="What is to be said instead",
        choices=SupersedingKind.choices,
        widget=forms.RadioSelect,
        help_text="Worse, late and a criterion that waits for nothing count at once. The others "
        "wait for the medical monitor; the report stands until then.",
    )
    criterion = forms.ChoiceField(label="Criterion", required=False)
    twin = forms.ChoiceField(
        label="The same as", required=False, help_text="For a duplicate: the report that stays."
    )
    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea({"rows": 3}))


class SupersedeDlt(ReportAct):
    """The investigator's word that a report is to be superseded."""

    title, button, roles = "Supersede the DLT report", "Send", (Role.INVESTIGATOR,)
    form_class = SupersedingForm
    is_harm = True
    refuses_stale = False

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        version = self.thing.event.participant.protocol_version
        criterion, twin = form.fields["criterion"], form.fields["twin"]
        assert isinstance(criterion, forms.ChoiceField)
        assert isinstance(twin, forms.ChoiceField)
        criterion.choices = [
            ("", "as it is"),
            *((one.id, f"{one.id}: {one.text}") for one in document_of(version).dlt_criteria),
        ]
        twin.choices = [
            ("", "no other report"),
            *((str(one.pk), f"#{one.pk}: {one.event}") for one in self._twins()),
        ]
        return form

    def _twins(self) -> list[DltReport]:
        rows = DltReport.objects.filter(
            event__participant=self.thing.event.participant, superseded_by__isnull=True
        )
        return list(rows.exclude(pk=self.thing.pk).select_related("event"))

    def run(self, *, twin: str, **entered: Any) -> str:  # type: ignore[override]
        same = next((one for one in self._twins() if str(one.pk) == twin), None)
        if entered["kind"] != SupersedingKind.DUPLICATE:
            same = None
        done = supersede_dlt(self.thing, twin=same, by=self.user, **entered)
        if done.successor is None:
            return "The medical monitor is asked. The report stands until then."
        return "The report is superseded."


class RulingForm(MinutesForm):
    """The medical monitor's ruling."""

    is_accepted = forms.TypedChoiceField(
        label="The report",
        choices=[("yes", "is superseded as proposed"), ("no", "stands as it is")],
        coerce=lambda word: word == "yes",
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(label="Reason", max_length=500, widget=forms.Textarea({"rows": 3}))


class RuleSuperseding(ReportsAct):
    """The medical monitor's ruling on what a site proposed: `<int:superseding>`."""

    title, button, roles = "Rule on the superseding", "Sign", (Role.MEDICAL_MONITOR,)
    form_class = RulingForm
    thing: Superseding

    def find(self) -> None:
        """What was proposed."""
        super().find()
        found = find_superseding(self.viewer, self.kwargs["superseding"])
        if found is None:
            raise Http404
        participant = found.report.event.participant
        self.thing, self.site = found, participant.site
        self.subjects = (participant.screening_number, str(participant))

    def facts(self) -> Mapping[str, Any]:
        """The report, and what is to be said instead."""
        one = self.thing
        facts = {**_facts(one.report), "Proposed": one.get_kind_display()}
        if one.criterion:
            facts["New criterion"] = one.criterion
        if one.twin_id:
            facts["The same as"] = f"#{one.twin_id}"
        return {**facts, "Why": one.reason, "By": f"{one.proposed_by}"}

    def run(self, **entered: Any) -> str:
        ruled = rule_superseding(self.thing, by=self.user, **entered)
        return "The report is superseded." if ruled.successor else "The report stands."


class SettleAlert(ReportsAct):
    """The word that an alert which could not be applied is dealt with: `<int:alert>`."""

    title, button = "Settle the alert", "Settle"
    roles = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)
    form_class = ReasonForm
    previews = False
    thing: InboxAlert

    def find(self) -> None:
        """The alert."""
        super().find()
        found = find_alert(self.study, self.kwargs["alert"])
        if found is None:
            raise Http404
        self.thing = found

    def facts(self) -> Mapping[str, Any]:
        """What was sent, by whom, and what went wrong."""
        failed = self.thing.results.first()
        return {
            "Received": f"{self.thing.received_at:%d-%b-%Y %H:%M} UTC",
            "From": str(self.thing.received_by),
            "What went wrong": failed.said if failed else "",
            "Hash of the content": self.thing.content_hash,
        }

    def run(self, reason: str) -> str:  # type: ignore[override]
        settle_alert(self.thing, reason=reason, by=self.user)
        return "The alert is settled."
