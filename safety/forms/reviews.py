"""Convening a review, and recording what the committee concluded at its meeting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django import forms
from django.http import Http404
from django.urls import reverse

from cohorts.actions import Conclusion, SecondLook
from cohorts.acts import StudyAct
from cohorts.engine.design import Answer, Verdict
from cohorts.models import SEATS_IN_A_COHORT
from cohorts.policies import document_of, recommend_now, require_protocol
from cohorts.queries.words import name_answer
from cohorts.states import ReReviewVerdict
from ntrust.acts import ActForm
from ntrust.errors import Refused
from ntrust.states import Role
from safety.actions import (
    Member,
    Minutes,
    Votes,
    conclude_re_review,
    conclude_review,
    convene_review,
)
from safety.models import Review
from safety.queries.reviews import (
    Choice,
    answers_to_choose,
    decisions_to_re_review,
    open_review,
)
from safety.states import Vote

MEMBERS: Final = 8
"""Members that the form has room for."""
_CONFLICT, _ABSENT = "CONFLICT", "ABSENT"
_AT_THE_MEETING: Final = [
    ("", "not on the list"),
    (Vote.FOR, "present, votes for"),
    (Vote.AGAINST, "present, votes against"),
    (Vote.ABSTAIN, "present, abstains"),
    (_CONFLICT, "present, conflict of interest: no vote"),
    (_ABSENT, "absent"),
]
_AGREES, _OTHER = "AGREES", "OTHER"


class ConveneForm(ActForm):
    """What the review is for."""

    re_reviews = forms.ChoiceField(
        label="Decision to look at again",
        required=False,
        help_text="Only for a decision whose basis changed.",
    )


class ConveneReview(StudyAct):
    """Freeze a packet for the committee."""

    title, button, roles = "Convene a review", "Freeze the packet", (Role.STUDY_MANAGER,)
    form_class = ConveneForm
    number = 0

    def facts(self) -> Mapping[str, Any]:
        """From what the packet is cut, and what is over by it."""
        advice = recommend_now(self.study)
        before = open_review(self.study)
        said = (
            name_answer(advice.verdict, advice.level, advice.outcome, advice.mtd).text
            if advice
            else "nothing"
        )
        facts: dict[str, Any] = {
            "Data cut": f"revision {self.study.revision}",
            "The rules say": said,
        }
        if before is not None:
            facts["Convened now"] = f"review {before.number}: it is over when a new one is convened"
        return facts

    def initial(self, now: datetime) -> dict[str, Any]:
        """The decision of the link, where one led here."""
        return {"re_reviews": self.request.GET.get("again", "")}

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        field = form.fields["re_reviews"]
        assert isinstance(field, forms.ChoiceField)
        marked = decisions_to_re_review(self.study)
        field.choices = [
            ("", "none: the review leads to a new decision"),
            *((str(one.number), f"#{one.number}: {one.basis_change}") for one in marked),
        ]
        return form

    def run(self, re_reviews: str) -> str:  # type: ignore[override]
        named = {str(one.number): one for one in decisions_to_re_review(self.study)}
        review = convene_review(self.study, re_reviews=named.get(re_reviews), by=self.user)
        self.number = review.number
        return f"Review {review.number} is convened, and its packet frozen."

    def done_url(self) -> str:
        if self.number:
            return reverse("safety:review", args=[self.study.key, self.number])
        return reverse("safety:reviews", args=[self.study.key])


class MeetingForm(ActForm):
    """Who met, how they voted, and what the committee said; the decision comes in subclasses.

    Rows without a name are left out. Counts of votes are those of the minutes, and are checked
    against the members'.
    """

    minutes_reference = forms.CharField(label="Where the minutes are", max_length=200)
    votes_for = forms.IntegerField(label="Votes for, as in the minutes", min_value=0)
    votes_against = forms.IntegerField(label="Votes against", min_value=0)
    votes_abstain = forms.IntegerField(label="Abstentions", min_value=0)

    def __init__(self, *args: Any, roles: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own = list(self.fields)
        members = []
        for number in range(1, MEMBERS + 1):
            self.fields[f"name_{number}"] = forms.CharField(
                label=f"Member {number}, as on the committee's list",
                max_length=80,
                required=number == 1,
            )
            if roles:
                self.fields[f"role_{number}"] = forms.ChoiceField(
                    label=f"Member {number}: role", choices=[("", ""), *roles], required=False
                )
            self.fields[f"at_{number}"] = forms.ChoiceField(
                label=f"Member {number}: at the meeting", choices=_AT_THE_MEETING, required=False
            )
            self.fields[f"conflict_{number}"] = forms.CharField(
                label=f"Member {number}: conflict of interest declared",
                max_length=300,
                required=False,
            )
            members += [
                name
                for what in ("name", "role", "at", "conflict")
                if (name := f"{what}_{number}") in self.fields
            ]
        self.order_fields(["minutes_reference", *members, *own[1:]])

    def clean(self) -> dict[str, Any]:
        """A row is whole: a name with what the member did, a conflict with its words."""
        cleaned = super().clean() or {}
        for number in range(1, MEMBERS + 1):
            name, did = cleaned.get(f"name_{number}"), cleaned.get(f"at_{number}")
            words = (cleaned.get(f"conflict_{number}") or "").strip()
            if name and not did:
                self.add_error(f"at_{number}", "Say whether they were there, and how they voted.")
            if did and not name:
                self.add_error(f"name_{number}", "Name the member.")
            if (did == _CONFLICT) != bool(words) and did != _ABSENT:
                self.add_error(
                    f"conflict_{number}",
                    "A member with a conflict of interest does not vote; say which it is.",
                )
        return cleaned


def _minutes(entered: Mapping[str, Any]) -> Minutes:
    """What was entered, as the action takes it."""
    members = []
    for number in range(1, MEMBERS + 1):
        if not entered.get(f"name_{number}"):
            continue
        did = entered[f"at_{number}"]
        members.append(
            Member(
                member=entered[f"name_{number}"],
                role=entered.get(f"role_{number}", ""),
                is_present=did != _ABSENT,
                conflict=entered[f"conflict_{number}"],
                vote=did if did in Vote.values else "",
            )
        )
    return Minutes(
        attendees=sum(one.is_present for one in members),
        reference=entered["minutes_reference"],
        members=tuple(members),
        votes=Votes(entered["votes_for"], entered["votes_against"], entered["votes_abstain"]),
    )


def _seats_field() -> forms.IntegerField:
    return forms.IntegerField(
        label="Seats to open",
        required=False,
        min_value=1,
        max_value=SEATS_IN_A_COHORT,
        help_text="Empty: as many as the rules offer.",
    )


class ConclusionForm(MeetingForm):
    """A meeting that leads to a decision."""

    committee = forms.ChoiceField(
        label="The committee",
        choices=[(_AGREES, "agrees with the recommendation"), (_OTHER, "gave another verdict")],
        widget=forms.RadioSelect,
    )
    committee_answer = forms.ChoiceField(label="Its verdict, where it is another", required=False)
    committee_verdict = forms.CharField(
        label="The committee's verdict in its own words",
        required=False,
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
    )
    decided = forms.ChoiceField(label="What is decided")
    seats = _seats_field()
    reason = forms.CharField(
        label="Reason, where the decision differs from the recommendation",
        required=False,
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
        help_text="Safer: a reason is enough. Less safe: the committee's own verdict, and a reason "
        "of substance; both are shown with the decision ever after.",
    )

    def clean(self) -> dict[str, Any]:
        """Another verdict says which, and in which words."""
        cleaned = super().clean()
        if cleaned.get("committee") == _OTHER:
            for name in ("committee_answer", "committee_verdict"):
                if not cleaned.get(name):
                    self.add_error(name, "Needed, where the committee gave another verdict.")
        return cleaned


class ReReviewForm(MeetingForm):
    """A meeting that looked at a decision again."""

    verdict = forms.ChoiceField(
        label="The decision is", choices=ReReviewVerdict.choices, widget=forms.RadioSelect
    )
    committee_verdict = forms.CharField(
        label="The committee's verdict in its own words",
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
    )
    reason = forms.CharField(label="Reason", max_length=1000, widget=forms.Textarea({"rows": 3}))
    decided = forms.ChoiceField(
        label="What is decided in its place", required=False, help_text="Only for one that changed."
    )
    seats = _seats_field()


class RecordMeeting(StudyAct):
    """Conclude the review that is convened; which form depends on what it was convened for."""

    title, button, roles = "Record the meeting", "Conclude the review", (Role.STUDY_MANAGER,)
    form_class = MeetingForm
    thing: Review
    number = 0

    def find(self) -> None:
        """The review of the address, while it is convened; any other is not there (404)."""
        super().find()
        review = open_review(self.study)
        if review is None or review.number != self.kwargs["number"]:
            raise Http404
        self.thing = review

    def facts(self) -> Mapping[str, Any]:
        advice = recommend_now(self.study)
        facts: dict[str, Any] = {
            "Review": self.thing.number,
            "Packet cut": f"{self.thing.packet.cut_at:%d-%b-%Y %H:%M} UTC, "
            f"revision {self.thing.packet.revision}",
            "Hash of the packet": self.thing.packet.content_hash,
        }
        if advice is not None:
            facts["The rules say"] = name_answer(
                advice.verdict, advice.level, advice.outcome, advice.mtd
            ).text
        if self.thing.re_reviews is not None:
            again = self.thing.re_reviews
            facts["Decision looked at again"] = f"#{again.number}: {again.basis_change}"
        return facts

    def make_form(self, **kwargs: Any) -> forms.Form:
        document = document_of(require_protocol(self.study))
        roles = [(role.key, role.name) for role in document.review.roles]
        is_again = self.thing.re_reviews_id is not None
        form_class = ReReviewForm if is_again else ConclusionForm
        form = form_class(roles=roles, **kwargs)
        choices = [(one.value, one.label) for one in self._choices(with_wait=False)]
        nothing = ("", "nothing" if is_again else "as the committee answered")
        _set_choices(form, "decided", [nothing, *choices])
        form.fields["decided"].required = False
        if not is_again:
            answers = [(one.value, one.label) for one in self._choices(with_wait=True)]
            _set_choices(form, "committee_answer", [("", ""), *answers])
        return form

    def _choices(self, *, with_wait: bool) -> list[Choice]:
        return answers_to_choose(self.study, with_wait=with_wait)

    def run(self, **entered: Any) -> str:
        if self.thing.re_reviews is not None:
            self._look_again(entered)
            self.number = self.thing.re_reviews.number
            return "The re-review awaits the signatures of study manager and medical monitor."
        decision = conclude_review(
            self.thing,
            conclusion=self._conclusion(entered),
            minutes=_minutes(entered),
            by=self.user,
        )
        self.number = decision.number
        return (
            f"Decision #{decision.number} awaits the signatures of study manager and medical "
            "monitor."
        )

    def _look_again(self, entered: Mapping[str, Any]) -> None:
        verdict = ReReviewVerdict(entered["verdict"])
        conclude_re_review(
            self.thing,
            look=SecondLook(verdict, entered["committee_verdict"], entered["reason"]),
            minutes=_minutes(entered),
            instead=self._instead(entered),
            by=self.user,
        )

    def _conclusion(self, entered: Mapping[str, Any]) -> Conclusion:
        agrees = entered["committee"] == _AGREES
        answer = None if agrees else self._chosen(entered["committee_answer"])
        decided = self._chosen(entered["decided"]) or answer or self._advised()
        return self._as_conclusion(
            decided,
            entered,
            committee_verdict=entered["committee_verdict"] or "agrees with the recommendation",
            committee_agrees=agrees,
            committee_answer=answer,
        )

    def _instead(self, entered: Mapping[str, Any]) -> Conclusion | None:
        decided = self._chosen(entered["decided"])
        if decided is None:
            return None
        return self._as_conclusion(decided, entered, committee_verdict=entered["committee_verdict"])

    def _as_conclusion(
        self, decided: Answer, entered: Mapping[str, Any], **said: Any
    ) -> Conclusion:
        level = None
        if decided.level is not None:
            level = self.study.levels.get(ordinal=decided.level)
        return Conclusion(
            Verdict(decided.verdict),
            level,
            reason=entered["reason"],
            seats=entered["seats"],
            **said,
        )

    def _advised(self) -> Answer:
        advice = recommend_now(self.study)
        if advice is None:
            raise Refused("no_protocol", "No protocol version is active.")
        return advice.answer

    def _chosen(self, value: str) -> Answer | None:
        found = {one.value: one.answer for one in self._choices(with_wait=True)}
        return found.get(value)

    def done_url(self) -> str:
        if self.number:
            return reverse("safety:decision", args=[self.study.key, self.number])
        return reverse("safety:review", args=[self.study.key, self.thing.number])


def _set_choices(form: forms.Form, name: str, choices: list[tuple[str, str]]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices
