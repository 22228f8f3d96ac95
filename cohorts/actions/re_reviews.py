"""A signed decision whose basis changed: looked at again, and signed again by two people."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from cohorts.actions.decisions import what_was_known
from cohorts.actions.part_1 import resume_rde
from cohorts.actions.rules import (
    UNSIGNED_RE_REVIEWS,
    apply_rules,
    withdraw_re_review,
)
from cohorts.actions.seats import move_cohort
from cohorts.actions.signing import add_signature
from cohorts.engine.basis import recommend_basis
from cohorts.models import Cohort, Decision, ReReview
from cohorts.policies import (
    SecondLook,
    active_protocol,
    check_verdict,
    current_basis,
    require_protocol,
)
from cohorts.states import (
    DECISION,
    LIVE_COHORTS,
    RE_REVIEW,
    CohortState,
    DecisionState,
    ReReviewState,
    ReReviewVerdict,
)
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.signing import content_hash
from ntrust.states import Role


def propose_re_review(  # noqa: PLR0913 - what is sealed
    change: Change,
    decision: Decision,
    look: SecondLook,
    *,
    instead: Decision | None,
    packet_hash: str,
    meeting: Mapping[str, Any],
    by: User,
) -> ReReview:
    """Seal what was said to the data under it, for two signatures.

    Refuses a decision whose basis holds, blank words, upholding what a toxic level closed or what
    was never in force (see `check_verdict`). Unsigned re-reviews before it are withdrawn.
    """
    version = require_protocol(change.study)
    apply_rules(change)
    basis = current_basis(change.study, version)
    decision = Decision.objects.select_related("level").get(pk=decision.pk)
    check_verdict(decision, look, basis=basis)
    for old in ReReview.objects.filter(decision=decision, state__in=UNSIGNED_RE_REVIEWS):
        withdraw_re_review(change, old, because="A later review concluded.")
    facts = {
        "number": ReReview.objects.filter(decision=decision).count() + 1,
        "verdict": look.verdict,
        "reason": look.reason,
        "committee_verdict": look.committee_verdict,
        "packet_hash": packet_hash,
        "basis": basis,
    }
    content = {
        **facts,
        **what_was_known(version, recommend_basis(basis)),
        **_names(decision, instead),
        "meeting": dict(meeting),
    }
    return ReReview.objects.create(
        **facts,
        decision=decision,
        instead=instead,
        content=content,
        content_hash=content_hash(content),
        proposed_at=change.now,
        proposed_by=by,
    )


def _names(decision: Decision, instead: Decision | None) -> dict[str, Any]:
    """Which decision was looked at again, why, and what takes its place."""
    return {
        "study": decision.study.key,
        "decision": decision.number,
        "decision_hash": decision.content_hash,
        "basis_change": decision.basis_change,
        "instead": instead.content_hash if instead else None,
    }


def sign_re_review(
    re_review: ReReview, *, by: User, password: str, now: datetime | None = None
) -> ReReview:
    """Sign as study manager or as medical monitor; with both, the decision is re-reviewed.

    One that is upheld stands again, on the basis of now; what another opened is closed. Refuses a
    wrong password, one person signing twice, and (`stale_decision`) one whose data have changed
    since it was proposed.
    """
    study = re_review.decision.study
    role = check_role(by, study, [Role.STUDY_MANAGER, Role.MEDICAL_MONITOR])
    with study_change(study, by=by, reason="re-review signed", now=now) as change:
        re_review = ReReview.objects.select_related("decision__level").get(pk=re_review.pk)
        _check_fresh(change, re_review)
        has_one = re_review.state == ReReviewState.PARTLY_SIGNED
        to = ReReviewState.SIGNED if has_one else ReReviewState.PARTLY_SIGNED
        RE_REVIEW.check(re_review.state, to)
        verdict = ReReviewVerdict(re_review.verdict)
        field = add_signature(
            change,
            re_review,
            by=by,
            role=role,
            password=password,
            meaning=f"re-review of decision #{re_review.decision.number}: {verdict.name.lower()}",
        )
        re_review.state = to
        if to == ReReviewState.SIGNED:
            re_review.signed_at = change.now
        re_review.save(update_fields=[field, "state", "signed_at"])
        if to == ReReviewState.SIGNED:
            _apply(change, re_review, verdict)
        else:
            change.record(
                "RE_REVIEW_PARTLY_SIGNED",
                f"The re-review of decision #{re_review.decision.number} is signed by the "
                f"{Role(role).label}.",
                decision=re_review.decision.number,
            )
    return re_review


def _check_fresh(change: Change, re_review: ReReview) -> None:
    """Refuse one that news has withdrawn, or whose basis is not that of now."""
    if re_review.state == ReReviewState.SIGNED:
        return
    version = active_protocol(change.study)
    basis = current_basis(change.study, version) if version else None
    if basis is None or content_hash(basis) != content_hash(re_review.basis):
        raise Refused(
            "stale_decision",
            f"The data under the re-review of decision #{re_review.decision.number} have changed "
            "since it was proposed: convene the review again.",
        )


def _apply(change: Change, re_review: ReReview, verdict: ReReviewVerdict) -> None:
    decision = re_review.decision
    DECISION.check(decision.state, DecisionState.RE_REVIEWED)
    decision.state, decision.re_review_verdict = DecisionState.RE_REVIEWED, verdict
    decision.save(update_fields=["state", "re_review_verdict"])
    if verdict != ReReviewVerdict.UPHELD:
        for cohort in Cohort.objects.filter(decision=decision, state__in=LIVE_COHORTS):
            move_cohort(cohort, to=CohortState.CLOSED)
    else:
        resume_rde(change, decision)
    change.record(
        "DECISION_RE_REVIEWED",
        f"Decision #{decision.number} was re-reviewed: {verdict.label}.",
        level=decision.level.ordinal if decision.level else None,
        decision=decision.number,
        verdict=str(verdict),
    )
