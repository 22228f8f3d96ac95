"""After every change: run the rules, store what they say, and act on what follows from it."""

from __future__ import annotations

from typing import Final

from django.db.models import Q, QuerySet

from cohorts.actions.holds import place_rule_hold
from cohorts.actions.seats import settle_cohorts
from cohorts.engine import ENGINE_VERSION
from cohorts.engine.account import account_for
from cohorts.engine.advice import name_answer
from cohorts.engine.basis import Basis, changed_since, read_tallies, recommend_basis
from cohorts.engine.design import TOXIC_AT
from cohorts.engine.design import Recommendation as Advice
from cohorts.engine.rules import find_toxic, is_closed
from cohorts.engine.wire import answer_as_dict
from cohorts.models import (
    ACCOUNT,
    Cohort,
    Decision,
    ProtocolVersion,
    Recommendation,
    ReReview,
    in_force,
)
from cohorts.policies import (
    BASIS_RULE,
    active_protocol,
    current_basis,
    current_rows,
    holds_on,
    last_re_review,
    pooled_outcomes,
    rde_changes,
    resting_bases,
)
from cohorts.states import (
    DECISION,
    RE_REVIEW,
    CohortState,
    DecisionState,
    DltStatus,
    ReReviewState,
)
from ntrust.change import Change
from ntrust.instruments import RECOMMENDATIONS
from ntrust.signing import content_hash

_RESTING_ON_BASIS = in_force() | Q(state__in=[DecisionState.SIGNED, DecisionState.BASIS_CHANGED])
UNSIGNED: Final = (DecisionState.PROPOSED, DecisionState.PARTLY_SIGNED)
UNSIGNED_RE_REVIEWS: Final = (ReReviewState.PROPOSED, ReReviewState.PARTLY_SIGNED)
NEWS: Final = "The data under it have changed since it was proposed."


def apply_rules(change: Change) -> None:
    """Run at the end of each change: decisions whose basis changed, holds, cohorts, advice.

    Nothing happens while no protocol version is active.
    """
    version = active_protocol(change.study)
    if version is None:
        return
    with RECOMMENDATIONS.time():
        _answer(change, version)


def _answer(change: Change, version: ProtocolVersion) -> None:
    basis = current_basis(change.study, version)
    _withdraw_stale(change, basis)
    _mark_changed_decisions(change, basis)
    _hold_toxic_level(change, basis)
    _hold_possible_second_dlt(change, version, basis)
    settle_cohorts(change, read_tallies(basis))
    _store_recommendation(change, version, basis)


def _store_recommendation(change: Change, version: ProtocolVersion, basis: Basis) -> Recommendation:
    """Store what the rules say and the account of it, unless nothing they read has changed."""
    advice = recommend_basis(basis)
    rows = current_rows(change.study, version)
    facts = {
        "protocol_version_id": version.pk,
        "engine_version": ENGINE_VERSION,
        "basis_hash": content_hash(basis),
        "rows": rows,
        "suspended_by": _suspended_by(change, advice),
    }
    last = Recommendation.objects.filter(study=change.study).order_by("-id").first()
    if last is not None and all(getattr(last, name) == facts[name] for name in facts):
        return last
    account = account_for(basis, rows)
    row = Recommendation.objects.create(
        **facts,
        **{name: account[name] for name in ACCOUNT},
        study=change.study,
        revision=change.study.revision,
        computed_at=change.now,
        outcome=account["outcome"] or "",
        basis=basis,
    )
    _tell_change(change, last, advice)
    return row


def _tell_change(change: Change, last: Recommendation | None, advice: Advice) -> None:
    is_new = last is None or answer_as_dict(advice.answer) != {
        "verdict": last.verdict,
        "level": last.level,
        "outcome": last.outcome or None,
        "mtd": last.mtd,
    }
    if is_new:
        change.record(
            "RECOMMENDATION_CHANGED",
            f"The rules now say: {name_answer(advice.answer)}.",
            level=advice.level,
            rule=advice.rule,
        )


def _suspended_by(change: Change, advice: Advice) -> list[dict[str, object]]:
    return [
        {
            "hold": hold.pk,
            "scope": hold.scope,
            "level": hold.level.ordinal if hold.level else None,
            "rule": hold.rule,
            "reason": hold.reason,
        }
        for hold in holds_on(change.study, level=advice.level)
    ]


def _mark_changed_decisions(change: Change, basis: Basis) -> None:
    """A signed decision whose basis no longer holds says so, and what it opened is held.

    One that has said so already is looked at again: further news is another reason to hold.
    """
    toxic = find_toxic(read_tallies(basis))
    standing = Decision.objects.filter(_RESTING_ON_BASIS, study=change.study)
    decisions = list(standing.select_related("level"))
    bases = resting_bases(decisions)
    for decision in decisions:
        level = decision.level.ordinal if decision.level else None
        opened = None if level is None or is_closed(level, toxic) else level
        changes = changed_since(bases[decision.pk], basis, opened=opened)
        changes += rde_changes(decision, basis)
        is_marked = decision.state == DecisionState.BASIS_CHANGED
        if not changes or (is_marked and "; ".join(changes) == decision.basis_change):
            continue
        if decision.state != DecisionState.BASIS_CHANGED:
            DECISION.check(decision.state, DecisionState.BASIS_CHANGED)
            decision.state = DecisionState.BASIS_CHANGED
        decision.basis_changed_at = change.now
        decision.basis_change = "; ".join(changes)
        decision.save(update_fields=["state", "basis_changed_at", "basis_change"])
        change.record(
            "BASIS_CHANGED",
            f"Decision #{decision.number} no longer rests on what was signed: "
            f"{decision.basis_change}.",
            level=level,
            decision=decision.number,
        )
        _hold_opened(change, decision)


def _hold_opened(change: Change, decision: Decision) -> None:
    """What was opened is held; after a re-review, in other words: it is another hold."""
    if decision.level is None:
        return
    upheld = last_re_review(decision)
    since = f", upheld by re-review {upheld.number}," if upheld else ""
    place_rule_hold(
        change,
        level=decision.level,
        rule=f"{BASIS_RULE}{decision.number}",
        reason=f"The basis of decision #{decision.number}{since} changed: {decision.basis_change}.",
    )


def _withdraw_stale(change: Change, basis: Basis) -> None:
    """What waits for signatures is withdrawn by news: nobody could sign it any more."""
    now = content_hash(basis)
    for waiting in unsigned_of(change):
        if content_hash(waiting.basis) != now:
            _withdraw(change, waiting)


def withdraw_unsigned(change: Change) -> None:
    """Everything of the study that waits for signatures is withdrawn by news."""
    for waiting in unsigned_of(change):
        _withdraw(change, waiting)


def _withdraw(change: Change, waiting: Decision | ReReview) -> None:
    if isinstance(waiting, Decision):
        withdraw_decision(change, waiting, because=NEWS)
    else:
        withdraw_re_review(change, waiting, because=NEWS)


def unsigned_of(change: Change) -> list[Decision | ReReview]:
    """What of the study waits for signatures. One statement while nothing does."""
    waits = Q(state__in=UNSIGNED) | Q(re_reviews__state__in=UNSIGNED_RE_REVIEWS)
    if not Decision.objects.filter(waits, study=change.study).exists():
        return []
    decisions = Decision.objects.filter(study=change.study, state__in=UNSIGNED)
    return [*decisions, *_unsigned_re_reviews(change)]


def _unsigned_re_reviews(change: Change) -> QuerySet[ReReview]:
    rows = ReReview.objects.filter(decision__study=change.study, state__in=UNSIGNED_RE_REVIEWS)
    return rows.select_related("decision")


def withdraw_decision(change: Change, decision: Decision, *, because: str) -> None:
    """A decision that is not signed by both is none any more."""
    DECISION.check(decision.state, DecisionState.WITHDRAWN)
    decision.state, decision.withdrawn_because = DecisionState.WITHDRAWN, because
    decision.save(update_fields=["state", "withdrawn_because"])
    change.record(
        "DECISION_WITHDRAWN",
        f"Decision #{decision.number} is withdrawn before its signatures: {because}",
        decision=decision.number,
    )


def withdraw_re_review(change: Change, re_review: ReReview, *, because: str) -> None:
    """A re-review that is not signed by both is none any more."""
    RE_REVIEW.check(re_review.state, ReReviewState.WITHDRAWN)
    re_review.state, re_review.withdrawn_because = ReReviewState.WITHDRAWN, because
    re_review.save(update_fields=["state", "withdrawn_because"])
    number = re_review.decision.number
    change.record(
        "RE_REVIEW_WITHDRAWN",
        f"The re-review of decision #{number} is withdrawn before its signatures: {because}",
        decision=number,
    )


def _hold_toxic_level(change: Change, basis: Basis) -> None:
    toxic = find_toxic(read_tallies(basis))
    if toxic is not None:
        place_rule_hold(
            change,
            level=change.study.levels.get(ordinal=toxic),
            rule="SECOND_DLT",
            reason=f"Two or more DLTs at level {toxic}: it and all above are closed.",
        )


def _hold_possible_second_dlt(change: Change, version: ProtocolVersion, basis: Basis) -> None:
    """Dosing stops where counting the provisional DLTs would make two."""
    rows = pooled_outcomes(change.study, version).filter(dlt=DltStatus.PROVISIONAL)
    provisional = rows.values_list("level__ordinal", flat=True)
    tallies = read_tallies(basis)
    for level in sorted(set(provisional)):
        possible = tallies[level].x + list(provisional).count(level)
        if tallies[level].x < TOXIC_AT <= possible:
            place_rule_hold(
                change,
                level=change.study.levels.get(ordinal=level),
                rule="POSSIBLE_SECOND_DLT",
                reason=f"A provisional DLT may be the second at level {level}.",
            )


def open_cohort_of(change: Change, decision: Decision) -> Cohort | None:
    """Open the seats of a circulated decision; a STOP opens none."""
    if decision.level is None:
        return None
    number = Cohort.objects.filter(study=change.study).count() + 1
    cohort = Cohort.objects.create(
        study=change.study,
        level=decision.level,
        number=number,
        seats=decision.seats,
        decision=decision,
        state=CohortState.OPEN,
        opened_at=change.now,
    )
    change.record(
        "COHORT_OPENED",
        f"Cohort {number} opened: {decision.seats} seats at level {decision.level.ordinal}.",
        level=decision.level.ordinal,
    )
    return cohort
