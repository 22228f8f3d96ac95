"""What may be decided, and what only with the committee's verdict and a reason."""

from __future__ import annotations

from dataclasses import dataclass

from cohorts.engine.advice import name_answer
from cohorts.engine.basis import read_tallies
from cohorts.engine.design import MINUS_ONE, Answer, Recommendation, Verdict
from cohorts.engine.rules import find_toxic, is_closed
from cohorts.models import SEATS_IN_A_COHORT, Decision, DoseLevel
from cohorts.policies.facts import (
    active_protocol,
    current_basis,
    document_of,
    require_protocol,
    seats_to_offer,
)
from cohorts.policies.seats import hold_gates
from ntrust.errors import Refused, refuse_unless_clear
from ntrust.models import Study


@dataclass(frozen=True)
class Conclusion:
    """What a committee concluded. `seats` None offers what the rules allow.

    `committee_agrees`: with the recommendation; where it does not, `committee_answer` is its own
    answer. None: what was concluded is what the committee answered. `committee_verdict` are its
    words.
    """

    verdict: Verdict
    level: DoseLevel | None
    committee_verdict: str
    reason: str = ""
    seats: int | None = None
    committee_agrees: bool | None = None
    committee_answer: Answer | None = None

    @property
    def answer(self) -> Answer:
        """Verdict and level as the engine writes them."""
        return Answer(self.verdict, self.level.ordinal if self.level else None)

    def of_committee(self, advice: Recommendation) -> Answer:
        """What the committee itself answered."""
        if self.committee_agrees:
            return advice.answer
        return self.committee_answer or self.answer


@dataclass(frozen=True)
class Standing:
    """How a conclusion stands to the recommendation. Safer is anything that is not `is_less_safe`:
    more dose, dosing after a stop, or more seats than the rules offer at the same dose."""

    seats: int
    is_override: bool
    is_less_safe: bool


def is_above(decided: Answer, other: Answer) -> bool:
    """Whether an answer goes further than another: more dose, or dosing where the other stops."""
    if decided.verdict is Verdict.STOP:
        return False
    return other.verdict is Verdict.STOP or decided.rank > other.rank


def check_conclusion(study: Study, conclusion: Conclusion, advice: Recommendation) -> Standing:
    """How this stands to the recommendation; refuses what may not be decided.

    An override to something safer needs a reason. One to something less safe needs a reason of
    substance and a committee that answered no less. None reopens a toxic level or goes past a
    hold, and nothing goes beyond what the committee answered.
    """
    level = conclusion.level
    if level is not None and level.study_id != study.pk:
        raise Refused("not_found", "There is no such level in this study.")
    _check_is_decision(conclusion)
    offered = seats_to_offer(study, level.ordinal) if level else 0
    wanted = offered if conclusion.seats is None else conclusion.seats
    standing = compare(conclusion.answer, advice.answer, wanted=wanted, offered=offered)
    if standing.is_override:
        _check_reasons(study, conclusion, advice, standing)
        check_may_open(study, level)
    _check_committee(conclusion, advice)
    if level is not None and not standing.is_override and offered == 0:
        raise Refused(
            "seats_open", f"The seats that level {level.ordinal} may have are open already."
        )
    if level is not None and not 1 <= wanted <= SEATS_IN_A_COHORT:
        raise Refused("seats", f"A decision opens one to three seats, not {wanted}.")
    return standing


def compare(decided: Answer, advised: Answer, *, wanted: int, offered: int) -> Standing:
    """How an answer with so many seats stands to what the rules advise and offer."""
    is_same = (decided.verdict, decided.level) == (advised.verdict, advised.level)
    is_same_dose = decided.level is not None and decided.level == advised.level
    is_less_safe = is_above(decided, advised) or (is_same_dose and wanted > offered)
    return Standing(
        seats=wanted if decided.level is not None else 0,
        is_override=not is_same or wanted > offered,
        is_less_safe=is_less_safe,
    )


def _check_is_decision(conclusion: Conclusion) -> None:
    if conclusion.verdict is Verdict.WAIT:
        raise Refused("nothing_to_decide", "The rules say wait: there is nothing to sign.")
    if (conclusion.verdict is Verdict.STOP) != (conclusion.level is None):
        raise Refused("level_needed", "A stop names no level; every other decision names one.")


def _check_reasons(
    study: Study, conclusion: Conclusion, advice: Recommendation, standing: Standing
) -> None:
    reason, says = conclusion.reason.strip(), name_answer(advice.answer)
    shortest = document_of(require_protocol(study)).review.shortest_reason
    if not standing.is_less_safe:
        if not reason:
            raise Refused(
                "override_needs_reason", f"This differs from the recommendation ({says}): say why."
            )
        return
    if len(reason) < shortest or not conclusion.committee_verdict.strip():
        raise Refused(
            "override_needs_reason",
            f"This is less safe than the recommendation ({says}): give the committee's verdict "
            f"and a reason of at least {shortest} characters.",
        )


def _check_committee(conclusion: Conclusion, advice: Recommendation) -> None:
    answered = conclusion.of_committee(advice)
    if (answered.level is None) != (answered.verdict is Verdict.STOP):
        raise Refused("level_needed", "A stop names no level; every other answer names one.")
    if is_above(conclusion.answer, answered):
        raise Refused(
            "beyond_committee",
            f"The committee answered: {_say(answered)}. A decision does not go beyond that.",
        )


def _say(answer: Answer) -> str:
    return "stop" if answer.verdict is Verdict.STOP else name_answer(answer)


def check_may_open(study: Study, level: DoseLevel | None) -> None:
    """Refuse a level that is toxic or held, and level -1 while nothing asks for it."""
    if level is None:
        return
    version = active_protocol(study)
    toxic = find_toxic(read_tallies(current_basis(study, version))) if version else None
    if is_closed(level.ordinal, toxic):
        raise Refused("level_closed", f"Nothing reopens level {level.ordinal}: it is toxic.")
    if level.ordinal == MINUS_ONE and toxic != 1:
        raise Refused("level_minus_one", "Level -1 opens only below a toxic level 1.")
    refuse_unless_clear("held", hold_gates(study, level=level.ordinal, site=None))


def check_override_stands(decision: Decision) -> None:
    """Refuse an override whose level was held or closed since it was proposed."""
    if decision.is_override:
        check_may_open(decision.study, decision.level)
