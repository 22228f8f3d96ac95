"""Decisions: proposed by a concluded review, signed by two people, circulated, then in force."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from cohorts.actions.part_1 import check_phase, follow_signature
from cohorts.actions.rules import UNSIGNED, apply_rules, open_cohort_of, withdraw_decision
from cohorts.actions.sealing import check_doubts, sealed_account
from cohorts.actions.seats import close_cohorts
from cohorts.actions.signing import add_signature
from cohorts.engine import ENGINE_VERSION
from cohorts.engine.basis import recommend_basis
from cohorts.engine.design import Recommendation
from cohorts.engine.wire import answer_as_dict
from cohorts.models import Circulation, Decision, ProtocolVersion
from cohorts.policies import (
    DECISION_ALERTS,
    Conclusion,
    Standing,
    active_protocol,
    check_conclusion,
    check_override_stands,
    check_part_1_open,
    check_study_open,
    current_basis,
    is_in_part_2,
    require_protocol,
)
from cohorts.states import DECISION, DecisionState, ReReviewState
from ntrust.actions import answer_by_act
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Site, User
from ntrust.policies import check_role
from ntrust.signing import content_hash
from ntrust.states import Role, SiteState

NO_MEETING: Final[Mapping[str, Any]] = {}


def propose_decision(
    change: Change,
    conclusion: Conclusion,
    *,
    packet_hash: str,
    by: User,
    meeting: Mapping[str, Any] = NO_MEETING,
) -> Decision:
    """Seal what a review concluded to the data under it; unsigned ones before it are withdrawn.

    Where verdict, level or seats differ from the recommendation it is an override (see
    `check_conclusion`). `meeting`: votes and quorum, as plain data to seal with it.
    """
    version = require_protocol(change.study)
    check_part_1_open(change.study)
    apply_rules(change)
    basis = current_basis(change.study, version)
    advice = recommend_basis(basis)
    standing = check_conclusion(change.study, conclusion, advice)
    for old in Decision.objects.filter(study=change.study, state__in=UNSIGNED):
        withdraw_decision(change, old, because="A later review concluded.")
    facts = {
        **_concluded(conclusion, standing),
        "number": Decision.objects.filter(study=change.study).count() + 1,
        "packet_hash": packet_hash,
        "basis": basis,
    }
    content = {
        **facts,
        **what_was_known(version, advice),
        **sealed_account(change),
        "level": conclusion.level.ordinal if conclusion.level else None,
        "committee": answer_as_dict(conclusion.of_committee(advice)),
        "meeting": dict(meeting),
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


def _concluded(conclusion: Conclusion, standing: Standing) -> dict[str, Any]:
    return {
        "verdict": conclusion.verdict,
        "seats": standing.seats,
        "is_override": standing.is_override,
        "is_less_safe": standing.is_less_safe,
        "reason": conclusion.reason,
        "committee_verdict": conclusion.committee_verdict,
    }


def what_was_known(version: ProtocolVersion, advice: Recommendation) -> dict[str, Any]:
    """What the rules said and by which rules, as plain data to be sealed."""
    return {
        "advice": answer_as_dict(advice.answer),
        "rule": advice.rule,
        "protocol_version": version.version,
        "protocol_hash": version.document_hash,
        "engine_version": ENGINE_VERSION,
    }


def sign_decision(
    decision: Decision, *, by: User, password: str, now: datetime | None = None
) -> Decision:
    """Sign as study manager or as medical monitor; with both, it goes out to sites.

    Refuses a wrong password, one person signing twice, (`stale_decision`) a decision whose data
    have changed since it was proposed, an override whose level was held since, and
    (`re_review_first`) one that takes another's place before that re-review is signed.
    """
    study = decision.study
    role = check_role(by, study, [Role.STUDY_MANAGER, Role.MEDICAL_MONITOR])
    with study_change(study, by=by, reason="decision signed", now=now) as change:
        decision = Decision.objects.select_related("level").get(pk=decision.pk)
        _check_fresh(change, decision)
        has_one = decision.state == DecisionState.PARTLY_SIGNED
        to = DecisionState.SIGNED if has_one else DecisionState.PARTLY_SIGNED
        DECISION.check(decision.state, to)
        check_phase(change.study, decision)
        _check_place_is_free(decision)
        check_override_stands(decision)
        field = add_signature(
            change,
            decision,
            by=by,
            role=role,
            password=password,
            meaning=f"approves decision #{decision.number}",
        )
        decision.state = to
        if to == DecisionState.SIGNED:
            decision.signed_at = change.now
        decision.save(update_fields=[field, "state", "signed_at"])
        if to == DecisionState.SIGNED:
            _send_out(change, decision)
            follow_signature(change, decision)
        else:
            change.record(
                "DECISION_PARTLY_SIGNED",
                f"Decision #{decision.number} signed by the {Role(role).label}.",
                level=decision.level.ordinal if decision.level else None,
                decision=decision.number,
            )
    return decision


def _check_fresh(change: Change, decision: Decision) -> None:
    """Refuse one that news has withdrawn, or whose basis is not that of now."""
    if decision.state not in (*UNSIGNED, DecisionState.WITHDRAWN):
        return
    version = active_protocol(change.study)
    basis = current_basis(change.study, version) if version else None
    if basis is None or content_hash(basis) != content_hash(decision.basis):
        raise Refused(
            "stale_decision",
            f"The data under decision #{decision.number} have changed since it was proposed: "
            "convene the review again.",
        )
    check_doubts(change, decision)


def _check_place_is_free(decision: Decision) -> None:
    """What takes the place of a decision waits until that one's re-review is signed."""
    takes = getattr(decision, "takes_place_by", None)
    if takes is not None and takes.state != ReReviewState.SIGNED:
        raise Refused(
            "re_review_first",
            f"Decision #{decision.number} takes the place of decision "
            f"#{takes.decision.number}: sign that re-review first.",
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
    not signed or no longer stands, one that a later signed decision has overtaken (`overtaken`),
    and a second acknowledgement.
    """
    study = decision.study
    role = check_role(by, study, [Role.INVESTIGATOR, Role.PHARMACIST], site=site)
    with study_change(study, by=by, reason="decision acknowledged", now=now) as change:
        check_study_open(change.study)
        decision = Decision.objects.select_related("level").get(pk=decision.pk)
        if decision.state != DecisionState.SIGNED and not decision.is_in_force:
            state = DecisionState(decision.state).label
            raise Refused("not_in_circulation", f"Decision #{decision.number} is {state}.")
        _check_not_overtaken(decision)
        row = decision.circulation.filter(
            site=site, is_pharmacy=role == Role.PHARMACIST, acknowledged_at__isnull=True
        ).first()
        if row is None:
            raise Refused("already_acknowledged", f"Site {site.code} has acknowledged it already.")
        row.acknowledged_at, row.acknowledged_by = change.now, by
        row.save(update_fields=["acknowledged_at", "acknowledged_by"])
        _record_read(change, decision, site, row)
        answer_by_act(
            change,
            kinds=DECISION_ALERTS,
            role=role,
            site=site,
            by=by,
            decision=decision.number,
        )
        is_everywhere = not decision.circulation.filter(acknowledged_at__isnull=True).exists()
        if decision.state == DecisionState.SIGNED and is_everywhere:
            _put_in_force(change, decision)
    return decision


def _check_not_overtaken(decision: Decision) -> None:
    """What was still going round when a later decision was signed never comes in force after it."""
    if decision.is_in_force:
        return
    later = Decision.objects.filter(
        study=decision.study, number__gt=decision.number, signed_at__isnull=False
    ).last()
    if later is not None:
        raise Refused(
            "overtaken",
            f"Decision #{decision.number} was not yet in force when decision #{later.number} was "
            "signed: that one goes before it.",
        )


def _record_read(change: Change, decision: Decision, site: Site, row: Circulation) -> None:
    who = f"The pharmacy of site {site.code}" if row.is_pharmacy else f"Site {site.code}"
    in_force = ", which is in force" if decision.is_in_force else ""
    change.record(
        "DECISION_ACKNOWLEDGED",
        f"{who} has acknowledged decision #{decision.number}{in_force}.",
        level=decision.level.ordinal if decision.level else None,
        site=site,
        decision=decision.number,
    )


def _put_in_force(change: Change, decision: Decision) -> None:
    DECISION.check(decision.state, DecisionState.CIRCULATED)
    decision.state, decision.circulated_at = DecisionState.CIRCULATED, change.now
    decision.save(update_fields=["state", "circulated_at"])
    if not is_in_part_2(change.study):  # there, cohorts open when Part 2 is started
        close_cohorts(change, except_at=decision.level)
        open_cohort_of(change, decision)
    change.record(
        "DECISION_CIRCULATED",
        f"Decision #{decision.number} is acknowledged everywhere and in force.",
        level=decision.level.ordinal if decision.level else None,
        decision=decision.number,
    )
