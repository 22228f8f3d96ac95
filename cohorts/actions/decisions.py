"""Decisions: proposed by a concluded review, signed by two people, circulated, then in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cohorts.actions.rules import apply_rules, open_cohort_of
from cohorts.actions.seats import close_cohorts
from cohorts.engine import ENGINE_VERSION
from cohorts.engine.basis import recommend_basis
from cohorts.engine.design import Recommendation, Verdict
from cohorts.engine.wire import answer_as_dict
from cohorts.models import SEATS_IN_A_COHORT, Circulation, Decision, DoseLevel
from cohorts.policies import (
    active_protocol,
    check_decision,
    check_override,
    current_basis,
    require_protocol,
    seats_to_offer,
)
from cohorts.states import DECISION, DecisionState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Site, User
from ntrust.policies import check_role
from ntrust.signing import content_hash, sign
from ntrust.states import Role, SiteState

_UNSIGNED = (DecisionState.PROPOSED, DecisionState.PARTLY_SIGNED)


@dataclass(frozen=True)
class Conclusion:
    """What a committee concluded. `seats` None offers what the rules allow."""

    verdict: Verdict
    level: DoseLevel | None
    committee_verdict: str
    reason: str = ""
    seats: int | None = None


def propose_decision(
    change: Change, conclusion: Conclusion, *, packet_hash: str, by: User
) -> Decision:
    """Seal what a review concluded to the data under it; unsigned ones before it are withdrawn.

    Where verdict, level or seats go beyond the recommendation it is an override (see
    `check_override`).
    """
    version = require_protocol(change.study)
    apply_rules(change)
    basis = current_basis(change.study, version)
    advice = recommend_basis(basis)
    seats, is_override = _check_conclusion(change, conclusion, advice)
    _withdraw_unsigned(change)
    facts = {
        "number": Decision.objects.filter(study=change.study).count() + 1,
        "verdict": conclusion.verdict,
        "seats": seats,
        "is_override": is_override,
        "reason": conclusion.reason,
        "committee_verdict": conclusion.committee_verdict,
        "packet_hash": packet_hash,
        "basis": basis,
    }
    content = {
        **facts,
        "study": change.study.key,
        "level": conclusion.level.ordinal if conclusion.level else None,
        "advice": answer_as_dict(advice.answer),
        "rule": advice.rule,
        "protocol_version": version.version,
        "protocol_hash": version.document_hash,
        "engine_version": ENGINE_VERSION,
    }
    return Decision.objects.create(
        **facts,
        study=change.study,
        level=conclusion.level,
        recommendation=change.study.recommendations.latest("id"),
        content=content,
        content_hash=content_hash(content),
        proposed_at=change.now,
        proposed_by=by,
    )


def _check_conclusion(
    change: Change, conclusion: Conclusion, advice: Recommendation
) -> tuple[int, bool]:
    """Seats to open, and whether this is an override. Refuses what may not be decided."""
    level = conclusion.level
    if level is not None and level.study_id != change.study.pk:
        raise Refused("not_found", "There is no such level in this study.")
    offered = seats_to_offer(change.study, level.ordinal) if level else 0
    wanted = offered if conclusion.seats is None else conclusion.seats
    differs = (conclusion.verdict, level.ordinal if level else None) != (
        advice.verdict,
        advice.level,
    )
    is_override = differs or wanted > offered
    if is_override:
        check_override(
            change.study,
            advice=advice,
            level=level,
            reason=conclusion.reason,
            committee_verdict=conclusion.committee_verdict,
        )
    check_decision(
        verdict=conclusion.verdict, level=level, offered=offered, is_override=is_override
    )
    if level is not None and not 1 <= wanted <= SEATS_IN_A_COHORT:
        raise Refused("seats", f"A decision opens one to three seats, not {wanted}.")
    return (wanted if level else 0), is_override


def _withdraw_unsigned(change: Change) -> None:
    for old in Decision.objects.filter(study=change.study, state__in=_UNSIGNED):
        DECISION.check(old.state, DecisionState.WITHDRAWN)
        old.state = DecisionState.WITHDRAWN
        old.save(update_fields=["state"])


def sign_decision(
    decision: Decision, *, by: User, password: str, now: datetime | None = None
) -> Decision:
    """Sign as study manager or as medical monitor; with both, it goes out to sites.

    Refuses a wrong password, one person signing twice, and (`stale_decision`) a decision whose
    data have changed since it was proposed.
    """
    study = decision.study
    role = check_role(by, study, [Role.STUDY_MANAGER, Role.MEDICAL_MONITOR])
    with study_change(study, by=by, reason="decision signed", now=now) as change:
        decision = Decision.objects.select_related("level").get(pk=decision.pk)
        has_one = decision.state == DecisionState.PARTLY_SIGNED
        to = DecisionState.SIGNED if has_one else DecisionState.PARTLY_SIGNED
        DECISION.check(decision.state, to)
        _check_fresh(change, decision)
        field = "manager_signature" if role == Role.STUDY_MANAGER else "monitor_signature"
        other = decision.monitor_signature or decision.manager_signature
        if getattr(decision, field) or (other and other.signer_id == by.pk):
            raise Refused("already_signed", "The second signature is another person's and role's.")
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning=f"approves decision #{decision.number}",
            hash_of=decision.content_hash,
        )
        setattr(decision, field, signature)
        decision.state = to
        if to == DecisionState.SIGNED:
            decision.signed_at = change.now
        decision.save(update_fields=[field, "state", "signed_at"])
        if to == DecisionState.SIGNED:
            _send_out(change, decision)
    return decision


def _check_fresh(change: Change, decision: Decision) -> None:
    version = active_protocol(change.study)
    basis = current_basis(change.study, version) if version else None
    if basis is None or content_hash(basis) != content_hash(decision.basis):
        raise Refused(
            "stale_decision",
            f"The data under decision #{decision.number} have changed since it was proposed: "
            "convene the review again.",
        )


def _send_out(change: Change, decision: Decision) -> None:
    """Every active site and its pharmacy has to acknowledge before the level opens."""
    Circulation.objects.bulk_create(
        Circulation(decision=decision, site=site, is_pharmacy=is_pharmacy)
        for site in Site.objects.filter(study=change.study, state=SiteState.ACTIVE)
        for is_pharmacy in (False, True)
    )
    change.record(
        "DECISION_SIGNED",
        f"Decision #{decision.number} signed: {decision.verdict.replace('_', ' ').lower()}"
        + (f", level {decision.level.ordinal}." if decision.level else "."),
        level=decision.level.ordinal if decision.level else None,
        decision=decision.number,
    )


def acknowledge_decision(
    decision: Decision, *, site: Site, by: User, now: datetime | None = None
) -> Decision:
    """A site's investigator, or its pharmacist for the pharmacy, has read the decision.

    The last acknowledgement puts it in force: cohorts elsewhere close, its seats open. A site
    activated later reads a decision in force before it seats anybody. Refuses a decision that is
    not signed or no longer stands, and a second acknowledgement.
    """
    study = decision.study
    role = check_role(by, study, [Role.INVESTIGATOR, Role.PHARMACIST], site=site)
    with study_change(study, by=by, reason="decision acknowledged", now=now) as change:
        decision = Decision.objects.select_related("level").get(pk=decision.pk)
        if decision.state not in (DecisionState.SIGNED, DecisionState.CIRCULATED):
            state = DecisionState(decision.state).label
            raise Refused("not_in_circulation", f"Decision #{decision.number} is {state}.")
        row = decision.circulation.filter(
            site=site, is_pharmacy=role == Role.PHARMACIST, acknowledged_at__isnull=True
        ).first()
        if row is None:
            raise Refused("already_acknowledged", f"Site {site.code} has acknowledged it already.")
        row.acknowledged_at, row.acknowledged_by = change.now, by
        row.save(update_fields=["acknowledged_at", "acknowledged_by"])
        if decision.state == DecisionState.CIRCULATED:
            _record_late(change, decision, site)
        elif not decision.circulation.filter(acknowledged_at__isnull=True).exists():
            _put_in_force(change, decision)
    return decision


def _record_late(change: Change, decision: Decision, site: Site) -> None:
    change.record(
        "DECISION_ACKNOWLEDGED",
        f"Site {site.code} has acknowledged decision #{decision.number}, which is in force.",
        level=decision.level.ordinal if decision.level else None,
        site=site,
        decision=decision.number,
    )


def _put_in_force(change: Change, decision: Decision) -> None:
    DECISION.check(decision.state, DecisionState.CIRCULATED)
    decision.state, decision.circulated_at = DecisionState.CIRCULATED, change.now
    decision.save(update_fields=["state", "circulated_at"])
    close_cohorts(change, except_at=decision.level)
    open_cohort_of(change, decision)
    change.record(
        "DECISION_CIRCULATED",
        f"Decision #{decision.number} is acknowledged everywhere and in force.",
        level=decision.level.ordinal if decision.level else None,
        decision=decision.number,
    )


def verify_decision(decision: Decision) -> list[str]:
    """Recompute a sealed decision from its own content; what does not agree, in words.

    Of one on paper the rules said nothing here, and the signatures are on the take-over it names.
    """
    problems = []
    if content_hash(decision.content) != decision.content_hash:
        problems.append("the content does not have the hash that was signed")
    signed_hash = decision.content.get("take_over", decision.content_hash)
    is_advised = not decision.is_legacy
    if is_advised and (
        answer_as_dict(recommend_basis(decision.basis).answer) != decision.content["advice"]
    ):
        problems.append("the engine now answers differently on the same basis")
    for signature in (decision.manager_signature, decision.monitor_signature):
        if signature is not None and signature.content_hash != signed_hash:
            problems.append(f"the signature of {signature.printed_name} is on other content")
    return problems
