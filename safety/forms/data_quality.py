"""Rows verified, data queries, and locked cuts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse

from cohorts.acts import ParticipantAct, StudyAct
from ntrust.acts import ActForm, ReasonForm, SignForm
from ntrust.states import Role
from safety.actions import (
    answer_query,
    close_query,
    lock_cut,
    raise_query,
    reopen_query,
    verify_rows,
    withdraw_verification,
)
from safety.models import DataQuery, Verification
from safety.policies import ANSWERERS, ASKERS, SOURCES, VERIFIERS, SourceRow, source_rows
from safety.queries.data_quality import find_query


def _say(row: SourceRow) -> str:
    lapsed = " (verified once, changed since)" if row.has_lapsed else ""
    return f"{SOURCES[row.table].label}: {row.words}{lapsed}"


class VerificationForm(ActForm):
    """Which rows, against which document."""

    rows = forms.MultipleChoiceField(
        label="What agrees with its source",
        widget=forms.CheckboxSelectMultiple,
        help_text="Only what somebody else entered.",
        error_messages={"invalid_choice": "One of these has changed since: look again."},
    )
    source = forms.CharField(
        label="Source document",
        max_length=200,
        help_text="What it is and where it is kept. Do not name people.",
    )


class VerifyRows(ParticipantAct):
    """A second person has compared rows with their source."""

    title, button, roles = "Verify against source", "Verify", VERIFIERS
    form_class = VerificationForm

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        field = form.fields["rows"]
        assert isinstance(field, forms.MultipleChoiceField)
        rows = source_rows(self.study, people=[self.thing])
        field.choices = [
            (f"{one.table}:{one.row}:{one.facts_hash}", _say(one))
            for one in rows
            if not one.is_verified
        ]
        return form

    def run(self, *, rows: list[str], source: str) -> str:  # type: ignore[override]
        chosen = [row.split(":") for row in rows]
        seen = [(table, int(row), facts_hash) for table, row, facts_hash in chosen]
        written = verify_rows(self.thing, rows=seen, source=source, by=self.user)
        return f"{len(written)} verified."


class WithdrawVerification(StudyAct):
    """A verification was wrong."""

    title, button, roles = "Withdraw a verification", "Withdraw", VERIFIERS
    form_class = ReasonForm
    thing: Verification

    def find(self) -> None:
        super().find()
        found = Verification.objects.select_related("participant__site").filter(
            study=self.study, pk=self.kwargs["number"], withdrawn_at__isnull=True
        )
        verification = found.first()
        if verification is None or not self.viewer.sees(verification.participant.site_id):
            raise Http404
        self.thing, self.site = verification, verification.participant.site

    def facts(self) -> Mapping[str, Any]:
        return {
            "Participant": str(self.thing.participant),
            "What": SOURCES[self.thing.table].label,
            "Source document": self.thing.source,
            "Verified by": str(self.thing.verified_by),
        }

    def run(self, reason: str) -> str:  # type: ignore[override]
        withdraw_verification(self.thing, reason=reason, by=self.user)
        return "The verification is withdrawn."

    def done_url(self) -> str:
        number = self.thing.participant.screening_number
        return reverse("safety:participant", args=[self.study.key, number])


class QuestionForm(ActForm):
    """What is asked, about what."""

    row = forms.ChoiceField(label="About")
    text = forms.CharField(
        label="What is asked", max_length=1000, widget=forms.Textarea({"rows": 3})
    )


class RaiseQuery(ParticipantAct):
    """A question to the site."""

    title, button, roles = "Ask the site about data", "Ask", ASKERS
    form_class = QuestionForm

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        field = form.fields["row"]
        assert isinstance(field, forms.ChoiceField)
        rows = source_rows(self.study, people=[self.thing])
        field.choices = [
            (":", "the participant"),
            *((f"{one.table}:{one.row}", _say(one)) for one in rows),
        ]
        return form

    def run(self, *, row: str, text: str) -> str:  # type: ignore[override]
        table, _, pk = row.partition(":")
        query = raise_query(
            self.thing, text=text, table=table, row=int(pk) if pk else None, by=self.user
        )
        return f"Query {query.number} is with the site."


class TextForm(ActForm):
    """What there is to say."""

    text = forms.CharField(label="Your words", max_length=1000, widget=forms.Textarea({"rows": 3}))


class QueryAct(StudyAct):
    """Acts on the query of the address: `<slug:key>` and `<int:number>`."""

    thing: DataQuery
    form_class = TextForm

    def find(self) -> None:
        super().find()
        query = find_query(self.viewer, self.kwargs["number"])
        if query is None:
            raise Http404
        self.thing, self.site = query, query.site

    def facts(self) -> Mapping[str, Any]:
        last = self.thing.entries.last()
        return {
            "Participant": str(self.thing.participant),
            "About": self.thing.about,
            "State": self.thing.get_state_display(),
            "Said last": last.text if last else "-",
        }

    def done_url(self) -> str:
        return reverse("safety:query", args=[self.study.key, self.thing.number])


class AnswerQuery(QueryAct):
    """The site's answer."""

    title, button, roles = "Answer a query", "Answer", ANSWERERS

    def run(self, text: str) -> str:  # type: ignore[override]
        answer_query(self.thing, text=text, by=self.user)
        return "The query is answered."


class CloseQuery(QueryAct):
    """It is settled."""

    title, button, roles = "Close a query", "Close", ASKERS

    def run(self, text: str) -> str:  # type: ignore[override]
        close_query(self.thing, text=text, by=self.user)
        return "The query is closed."


class ReopenQuery(QueryAct):
    """It is not settled."""

    title, button, roles = "Ask again", "Ask again", ASKERS

    def run(self, text: str) -> str:  # type: ignore[override]
        reopen_query(self.thing, text=text, by=self.user)
        return "The query is with the site again."


class CutForm(SignForm):
    """What the cut is for, and the signature."""

    purpose = forms.CharField(label="What the cut is for", max_length=200)


class LockCut(StudyAct):
    """The data as they are now, locked."""

    title, button, roles = "Lock a data cut", "Sign and lock", (Role.STUDY_MANAGER,)
    form_class = CutForm

    def facts(self) -> Mapping[str, Any]:
        return {
            "What it does": "It keeps how good the data are now, under your signature. Nothing is "
            "forbidden by it: what is written later is listed as after the cut.",
        }

    def run(self, **entered: Any) -> str:
        cut = lock_cut(self.study, by=self.user, **entered)
        return f"Data cut {cut.number} is locked."

    def done_url(self) -> str:
        return reverse("safety:data", args=[self.study.key])
