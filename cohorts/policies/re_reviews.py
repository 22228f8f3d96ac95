"""A decision whose basis changed: what may be said of it, and what waits for that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cohorts.engine.basis import Basis, read_tallies
from cohorts.engine.rules import find_toxic, is_closed
from cohorts.models import Decision, Hold, ReReview
from cohorts.policies.rde import rde_changes
from cohorts.states import DecisionState, ReReviewState, ReReviewVerdict
from ntrust.errors import Gate, Refused, refuse_unless_clear

BASIS_RULE: Final = "BASIS_CHANGED_"
"""How the rule of a hold begins that a changed basis placed; the decision's number follows."""


def last_re_review(decision: Decision) -> ReReview | None:
    """The re-review signed last."""
    return decision.re_reviews.filter(state=ReReviewState.SIGNED).last()


def resting_bases(decisions: Sequence[Decision]) -> dict[int, Basis]:
    """What each decision rests on, by its key: its own basis, or that of the re-review which upheld
    it last. One statement."""
    signed = ReReview.objects.filter(decision__in=decisions, state=ReReviewState.SIGNED)
    upheld = dict(signed.order_by("id").values_list("decision_id", "basis"))
    return {decision.pk: upheld.get(decision.pk, decision.basis) for decision in decisions}


def check_can_be_re_reviewed(decision: Decision) -> None:
    """Refuse (`basis_holds`) a decision whose basis has not changed since it was last looked at."""
    if decision.state != DecisionState.BASIS_CHANGED:
        state = DecisionState(decision.state).label
        raise Refused(
            "basis_holds", f"Decision #{decision.number} is {state}: there is nothing to re-review."
        )


@dataclass(frozen=True)
class SecondLook:
    """What a committee says of a decision whose basis changed: verdict, its words, and why."""

    verdict: ReReviewVerdict
    committee_verdict: str
    reason: str


def check_verdict(decision: Decision, look: SecondLook, *, basis: Basis) -> None:
    """Refuse blank reasons, and upholding what a toxic level closed or what was never in force."""
    check_can_be_re_reviewed(decision)
    if not look.reason.strip() or not look.committee_verdict.strip():
        raise Refused(
            "re_review_needs_reason", "Give the committee's words and the reason of the re-review."
        )
    if look.verdict != ReReviewVerdict.UPHELD:
        return
    if decision.circulated_at is None:
        raise Refused(
            "never_in_force",
            f"Decision #{decision.number} was never in force: withdraw it, or decide anew.",
        )
    if changes := rde_changes(decision, basis):
        raise Refused("no_rde", f"This cannot be upheld: {'; '.join(changes)}.")
    toxic = find_toxic(read_tallies(basis))
    if decision.level is not None and is_closed(decision.level.ordinal, toxic):
        raise Refused(
            "level_closed", f"Nothing reopens level {decision.level.ordinal}: it is toxic."
        )


def re_review_gate(hold: Hold) -> Gate | None:
    """Whether the decision whose changed basis placed this hold was looked at again; None for
    holds that other rules and people placed."""
    number = hold.rule.removeprefix(BASIS_RULE)
    if number == hold.rule or not number.isdigit():
        return None
    decision = Decision.objects.get(study_id=hold.study_id, number=int(number))
    is_clear = decision.state != DecisionState.BASIS_CHANGED
    sentence = (
        f"Decision #{number} was re-reviewed."
        if is_clear
        else f"The basis of decision #{number} changed: a committee has to re-review it first."
    )
    return Gate("re_reviewed", is_clear, sentence, None, "safety review committee")


def check_re_reviewed(hold: Hold) -> None:
    """Refuse (`re_review_first`) to lift a hold of a changed basis before that re-review."""
    gate = re_review_gate(hold)
    if gate is not None:
        refuse_unless_clear("re_review_first", [gate])
