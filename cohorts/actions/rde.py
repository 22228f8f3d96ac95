"""The RDE: proposed after a concluded review, sealed, and signed like every decision."""

from __future__ import annotations

from dataclasses import dataclass

from cohorts.actions.rules import UNSIGNED, apply_rules, withdraw_decision
from cohorts.actions.sealing import sealed_account
from cohorts.engine import ENGINE_VERSION
from cohorts.engine.design import Recommendation
from cohorts.engine.wire import answer_as_dict
from cohorts.models import Decision, DoseLevel
from cohorts.policies import check_rde, current_basis, require_protocol, sealed_rde
from cohorts.states import SELECT_RDE
from ntrust.change import Change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.signing import content_hash


@dataclass(frozen=True)
class Selection:
    """Which level is to be the RDE, why, and what the committee said to it."""

    level: DoseLevel
    reason: str
    committee_verdict: str


def propose_rde(change: Change, selection: Selection, *, packet_hash: str, by: User) -> Decision:
    """Seal the selection of the RDE to the data under it. An unsigned one before it is withdrawn.

    Refuses a blank reason or committee verdict, what `check_rde` refuses, the same proposal twice,
    and while another decision still waits for its signatures.
    """
    if not selection.reason.strip():
        raise Refused("reason_needed", "Say why this level is the RDE.")
    if not selection.committee_verdict.strip():
        raise Refused("committee_verdict_needed", "Record what the committee said to the RDE.")
    apply_rules(change)
    advice = check_rde(change.study, selection.level)
    _withdraw_unsigned(change, selection)
    decision = _seal(change, selection, advice, packet_hash=packet_hash, by=by)
    change.record(
        "RDE_PROPOSED",
        f"Level {selection.level.ordinal} is proposed as the RDE: decision #{decision.number} "
        "awaits signatures.",
        level=selection.level.ordinal,
        decision=decision.number,
    )
    return decision


def _withdraw_unsigned(change: Change, selection: Selection) -> None:
    for old in Decision.objects.filter(study=change.study, state__in=UNSIGNED):
        if old.verdict != SELECT_RDE:
            raise Refused(
                "unsigned_decision", f"Decision #{old.number} waits for its signatures first."
            )
        if (old.level_id, old.reason) == (selection.level.pk, selection.reason.strip()):
            raise Refused("already_proposed", f"Decision #{old.number} proposes this already.")
        withdraw_decision(change, old, because="Another level is proposed as the RDE.")


def _seal(
    change: Change, selection: Selection, advice: Recommendation, *, packet_hash: str, by: User
) -> Decision:
    version, level = require_protocol(change.study), selection.level
    facts = {
        "number": Decision.objects.filter(study=change.study).count() + 1,
        "verdict": SELECT_RDE,
        "seats": 0,
        "is_override": False,
        "reason": selection.reason.strip(),
        "committee_verdict": selection.committee_verdict.strip(),
        "packet_hash": packet_hash,
        "basis": current_basis(change.study, version),
    }
    content = {
        **facts,
        **sealed_account(change),
        "level": level.ordinal,
        "rde": sealed_rde(advice, level),
        "advice": answer_as_dict(advice.answer),
        "rule": advice.rule,
        "protocol_version": version.version,
        "protocol_hash": version.document_hash,
        "engine_version": ENGINE_VERSION,
    }
    return Decision.objects.create(
        **facts,
        study=change.study,
        level=level,
        recommendation=change.study.recommendations.latest("id"),
        content=content,
        content_hash=content_hash(content),
        proposed_at=change.now,
        proposed_by=by,
    )
