"""The RDE: which level may be selected, and whether what was selected still stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cohorts.engine.advice import name_answer
from cohorts.engine.basis import Basis, recommend_basis
from cohorts.engine.design import Recommendation, StopOutcome, Verdict
from cohorts.models import Decision, DoseLevel
from cohorts.policies.facts import current_basis, require_protocol
from cohorts.policies.life import check_study_open, last_rde, stands
from cohorts.policies.seats import hold_gates
from cohorts.states import SELECT_RDE
from ntrust.errors import Gate, Refused, refuse_unless_clear
from ntrust.models import Study
from ntrust.states import StudyState

_OPEN = (StudyState.ESCALATING, StudyState.RDE_SELECTED, StudyState.EXPANDING)


def highest_rde(advice: Recommendation) -> int | None:
    """The highest level that may be selected on this answer; None while Part 1 is not over."""
    is_over = advice.verdict is Verdict.STOP and len(advice.bounds) == 1
    return advice.mtd if is_over else None


def gates_for_rde(study: Study, level: DoseLevel | None = None) -> list[Gate]:
    """Why an RDE can or cannot be selected now; with `level`, that one."""
    advice = recommend_basis(current_basis(study, require_protocol(study)))
    label = StudyState(study.state).label
    earlier = last_rde(study)
    is_free = earlier is None or not stands(earlier)
    return [
        Gate("study_open", study.state in _OPEN, f"The study is in state: {label}."),
        Gate(
            "no_rde_yet",
            is_free,
            "No RDE stands."
            if earlier is None or is_free
            else f"Decision #{earlier.number} has selected the RDE, and stands.",
        ),
        _part_1_over(advice),
        *([_not_above(advice, level)] if level is not None else []),
        *(hold_gates(study, level=level.ordinal, site=None) if level is not None else []),
    ]


def check_rde(study: Study, level: DoseLevel) -> Recommendation:
    """What the rules say, where this level may be the RDE; refuses anything else.

    Codes: `study_state`, `rde_selected`, `no_tolerated_dose`, `part_1_not_over`, `above_mtd`,
    `held`.
    """
    if level.study_id != study.pk:
        raise Refused("not_found", "There is no such level in this study.")
    advice = recommend_basis(current_basis(study, require_protocol(study)))
    gates = gates_for_rde(study, level)
    codes = {
        "study_open": "study_state",
        "no_rde_yet": "rde_selected",
        "part_1_over": "no_tolerated_dose" if _is_hopeless(advice) else "part_1_not_over",
        "not_above": "above_mtd",
    }
    for gate in gates:
        if not gate.is_clear and gate.rule in codes:
            raise Refused(codes[gate.rule], gate.sentence, gates)
    refuse_unless_clear("held", gates)
    return advice


def _is_hopeless(advice: Recommendation) -> bool:
    return advice.outcome is StopOutcome.NO_TOLERATED_DOSE


def _part_1_over(advice: Recommendation) -> Gate:
    rule, says = "part_1_over", f"The rules say: {name_answer(advice.answer)}"
    if _is_hopeless(advice):
        return Gate(rule, False, f"{says}: there is no RDE to select.")
    if advice.verdict is not Verdict.STOP:
        return Gate(rule, False, f"{says}. Part 1 is not over.")
    if len(advice.bounds) > 1:
        return Gate(rule, False, f"{says}, but somebody pending may still change it.")
    return Gate(rule, True, f"{says}. Part 1 is over.")


def _not_above(advice: Recommendation, level: DoseLevel) -> Gate:
    highest = highest_rde(advice)
    if highest is None:
        return Gate("not_above", False, "No level may be selected yet.")
    word = "the MTD" if advice.outcome is StopOutcome.MTD else "the highest tolerated level"
    is_clear = level.ordinal <= highest
    sentence = (
        f"Level {level.ordinal} is {'not ' if is_clear else ''}above level {highest}, {word}."
    )
    return Gate("not_above", is_clear, sentence)


def rde_changes(decision: Decision, basis: Basis) -> list[str]:
    """Why a decision's level can no longer be the RDE on this basis, in words; nothing when it can,
    and of any other decision."""
    if decision.verdict != SELECT_RDE or decision.level is None:
        return []
    advice, level = recommend_basis(basis), decision.level.ordinal
    highest = highest_rde(advice)
    if highest is not None and level <= highest:
        return []
    return [f"the rules now say: {name_answer(advice.answer)}, and level {level} is not the RDE"]


def check_part_1_open(study: Study) -> None:
    """Refuse (`part_1_over`) a decision about Part 1 once an RDE stands, and (`study_over`) one of
    a study that has ended."""
    check_study_open(study)
    rde = last_rde(study)
    if rde is not None and stands(rde):
        raise Refused(
            "part_1_over",
            f"Part 1 is over: decision #{rde.number} has selected the RDE, and stands.",
        )


def sealed_rde(advice: Recommendation, level: DoseLevel) -> Mapping[str, Any]:
    """What the RDE decision says beyond any other: the highest level it could have named."""
    return {"highest": highest_rde(advice), "outcome": advice.outcome, "selected": level.ordinal}
