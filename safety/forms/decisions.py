"""Signing a decision or its re-review, and acknowledging that it was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import Http404
from django.urls import reverse

from cohorts.actions import acknowledge_decision, sign_decision, sign_re_review
from cohorts.acts import StudyAct
from cohorts.models import Circulation, Decision, ReReview
from cohorts.queries.words import name_answer
from cohorts.states import ReReviewState, ReReviewVerdict
from ntrust.acts import ActForm, SignForm
from ntrust.errors import Refused
from ntrust.states import Role
from safety.queries.decisions import find_decision, read_decision

_SIGNERS = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)


class DecisionAct(StudyAct):
    """Acts on the decision of the address: `<int:number>`. One that this person may not read is
    not there (404)."""

    thing: Decision

    def find(self) -> None:
        super().find()
        decision = find_decision(self.study, self.kwargs["number"])
        if decision is None or read_decision(self.viewer, decision) is None:
            raise Http404
        self.thing = decision

    def facts(self) -> Mapping[str, Any]:
        """What was decided, what the rules had said, and what is signed."""
        row = self.thing
        level = row.level.ordinal if row.level else None
        facts: dict[str, Any] = {
            "Decision": f"#{row.number}: {name_answer(row.verdict, level).text}",
            "State": row.get_state_display(),
        }
        if row.seats:
            facts["Seats to open"] = row.seats
        advised = row.content.get("advice")
        if advised:
            facts["The rules say"] = name_answer(
                advised["verdict"], advised["level"], advised["outcome"], advised["mtd"]
            ).text
        if row.is_override:
            facts["Override"] = "less safe than the rules" if row.is_less_safe else "safer"
            facts["Reason"] = self.cover(row.reason)
            facts["Committee"] = self.cover(row.committee_verdict) or "—"
        return facts

    def done_url(self) -> str:
        return reverse("safety:decision", args=[self.study.key, self.thing.number])


class SignDecision(DecisionAct):
    """The signature of the study manager, or of the medical monitor."""

    title, button, roles = "Sign the decision", "Sign", _SIGNERS
    form_class = SignForm
    previews = True

    def facts(self) -> Mapping[str, Any]:
        """With the hash of what is signed, and of the packet under it."""
        return {
            **super().facts(),
            "Meaning": f"approves decision #{self.thing.number}",
            "Hash of the content": self.thing.content_hash,
            "Hash of the packet": self.thing.packet_hash,
        }

    def run(self, **entered: Any) -> str:
        signed = sign_decision(self.thing, by=self.user, **entered)
        if signed.signed_at is None:
            return "Your signature is recorded; the other one is still to come."
        return "The decision is signed by both: sites and pharmacies are asked to acknowledge it."


class SignReReview(DecisionAct):
    """The signature under the re-review that awaits it."""

    title, button, roles = "Sign the re-review", "Sign", _SIGNERS
    form_class = SignForm
    previews = True
    re_review: ReReview

    def find(self) -> None:
        super().find()
        waiting = self.thing.re_reviews.filter(
            state__in=[ReReviewState.PROPOSED, ReReviewState.PARTLY_SIGNED]
        ).last()
        if waiting is None:
            raise Http404
        self.re_review = waiting

    def facts(self) -> Mapping[str, Any]:
        """What the committee said, and the hash of what is signed."""
        row = self.re_review
        return {
            **super().facts(),
            "Basis changed": self.thing.basis_change,
            "Re-review": ReReviewVerdict(row.verdict).label,
            "Committee's words": row.committee_verdict,
            "Why": row.reason,
            "Hash of the re-review": row.content_hash,
        }

    def run(self, **entered: Any) -> str:
        signed = sign_re_review(self.re_review, by=self.user, **entered)
        if signed.signed_at is None:
            return "Your signature is recorded; the other one is still to come."
        return f"Decision #{self.thing.number} is re-reviewed."


class AcknowledgeForm(ActForm):
    """For which site."""

    site = forms.ChoiceField(label="Site")


class AcknowledgeDecision(DecisionAct):
    """A site's investigator, or its pharmacist for the pharmacy, has read the decision."""

    title, button = "Acknowledge the decision", "We have read it and will act on it"
    roles = (Role.INVESTIGATOR, Role.PHARMACIST)
    form_class = AcknowledgeForm

    def make_form(self, **kwargs: Any) -> forms.Form:
        form = super().make_form(**kwargs)
        field = form.fields["site"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(site.code, str(site)) for site in self._sites().values()]
        return form

    def _sites(self) -> dict[str, Any]:
        """The person's own sites that were asked."""
        rows = Circulation.objects.filter(
            decision=self.thing, site_id__in=self.viewer.site_ids
        ).select_related("site")
        return {row.site.code: row.site for row in rows.order_by("site__code")}

    def run(self, site: str) -> str:  # type: ignore[override]
        asked = self._sites().get(site)
        if asked is None:
            raise Refused("not_found", "There is no such site among yours.")
        acknowledge_decision(self.thing, site=asked, by=self.user)
        return f"Site {site} has acknowledged decision #{self.thing.number}."
