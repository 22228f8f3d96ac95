"""After every change: run the rules, store what they say, and act on what follows from it."""

from __future__ import annotations

from cohorts.actions.holds import place_rule_hold
from cohorts.actions.seats import settle_cohorts
from cohorts.engine import ENGINE_VERSION
from cohorts.engine.advice import name_answer
from cohorts.engine.basis import Basis, changed_since, read_tallies, recommend_basis
from cohorts.engine.design import TOXIC_AT
from cohorts.engine.design import Recommendation as Advice
from cohorts.engine.rules import find_toxic, is_closed
from cohorts.engine.wire import answer_as_dict
from cohorts.models import Cohort, Decision, ProtocolVersion, Recommendation
from cohorts.policies import active_protocol, current_basis, holds_on, pooled_outcomes
from cohorts.states import DECISION, CohortState, DecisionState, DltStatus
from ntrust.change import Change
from ntrust.signing import content_hash

_RESTING_ON_BASIS = (
    DecisionState.SIGNED,
    DecisionState.CIRCULATED,
    DecisionState.BASIS_CHANGED,
)


def apply_rules(change: Change) -> None:
    """Run at the end of each change: decisions whose basis changed, holds, cohorts, advice.

    Nothing happens while no protocol version is active.
    """
    version = active_protocol(change.study)
    if version is None:
        return
    basis = current_basis(change.study, version)
    _mark_changed_decisions(change, basis)
    _hold_toxic_level(change, basis)
    _hold_possible_second_dlt(change, version, basis)
    settle_cohorts(change, read_tallies(basis))
    _store_recommendation(change, version, basis)


def _store_recommendation(change: Change, version: ProtocolVersion, basis: Basis) -> Recommendation:
    """Store what the rules say, unless nothing they read has changed."""
    advice = recommend_basis(basis)
    suspended = _suspended_by(change, advice)
    basis_hash = content_hash(basis)
    last = Recommendation.objects.filter(study=change.study).order_by("-id").first()
    if last is not None and _is_same(last, version, basis_hash, suspended):
        return last
    row = Recommendation.objects.create(
        study=change.study,
        revision=change.study.revision,
        protocol_version=version,
        engine_version=ENGINE_VERSION,
        computed_at=change.now,
        verdict=advice.verdict,
        level=advice.level,
        outcome=advice.outcome or "",
        mtd=advice.mtd,
        rule=advice.rule,
        bounds=[answer_as_dict(answer) for answer in advice.bounds],
        flags=list(advice.flags),
        reasons=list(advice.reasons),
        counts={str(k): tally._asdict() for k, tally in sorted(read_tallies(basis).items())},
        pending=[row for row in basis["outcomes"] if row["letter"] == "P"],
        suspended_by=suspended,
        basis=basis,
        basis_hash=basis_hash,
    )
    _tell_change(change, last, advice)
    return row


def _is_same(
    last: Recommendation,
    version: ProtocolVersion,
    basis_hash: str,
    suspended: list[dict[str, object]],
) -> bool:
    return (
        last.basis_hash == basis_hash
        and last.suspended_by == suspended
        and last.protocol_version_id == version.pk
        and last.engine_version == ENGINE_VERSION
    )


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
    standing = Decision.objects.filter(study=change.study, state__in=_RESTING_ON_BASIS)
    standing = standing.select_related("level")
    for decision in standing:
        level = decision.level.ordinal if decision.level else None
        opened = None if level is None or is_closed(level, toxic) else level
        changes = changed_since(decision.basis, basis, opened=opened)
        if not changes or "; ".join(changes) == decision.basis_change:
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
        if decision.level is not None:
            place_rule_hold(
                change,
                level=decision.level,
                rule=f"BASIS_CHANGED_{decision.number}",
                reason=f"The basis of decision #{decision.number} changed: "
                f"{decision.basis_change}.",
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
