"""From what happened to one participant to the one letter the rules count.

Exposure, DLT window, the signed statement and DLTs become N (no DLT), T (DLT), P (pending) or X
(not evaluable), with the reason in a sentence. Silence is never N, and a machine never rules X: it
proposes, and the participant stays pending until a person confirms.

Source: protocol section "Evaluability". Its numbers come in as `ExposureRules`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from cohorts.engine.notation import DLT, NO_DLT, NOT_EVALUABLE, PENDING


class InfusionState(StrEnum):
    """Where one planned infusion stands."""

    AWAITED = "AWAITED"
    """Planned or held: it may still be given."""
    GIVEN = "GIVEN"
    MISSED_FOR_TOXICITY = "MISSED_FOR_TOXICITY"
    MISSED = "MISSED"
    """Missed for any other reason."""


class DltState(StrEnum):
    """What is known of DLTs that began in the window."""

    NONE = "NONE"
    PROVISIONAL = "PROVISIONAL"
    """An event may become a DLT: the clock of its criterion still runs."""
    COUNTED = "COUNTED"
    """Reported, or confirmed, and not refuted."""


class Cause(StrEnum):
    """Why a participant has their letter."""

    DLT = "DLT"
    DLT_PROVISIONAL = "DLT_PROVISIONAL"
    RULED_NOT_EVALUABLE = "RULED_NOT_EVALUABLE"
    TOXICITY_TO_ADJUDICATE = "TOXICITY_TO_ADJUDICATE"
    NO_LYMPHODEPLETION = "NO_LYMPHODEPLETION"
    EXPOSURE_TOO_LOW = "EXPOSURE_TOO_LOW"
    PROHIBITED_MEDICATION = "PROHIBITED_MEDICATION"
    WINDOW_OPEN = "WINDOW_OPEN"
    STATEMENT_MISSING = "STATEMENT_MISSING"
    COMPLETE = "COMPLETE"


class EvaluabilityError(ValueError):
    """Facts that cannot be: a given infusion without its dose, a ruling without a reason."""


@dataclass(frozen=True, slots=True)
class ExposureRules:
    """The protocol version's minimum exposure. Fractions are of the assigned viable cells.

    `minimum_infusions` of at least `minimum_fraction` each are needed, those numbered in `required`
    among them. Above `upper_fraction` is a deviation; the participant stays evaluable.
    """

    minimum_infusions: int
    required: frozenset[int]
    minimum_fraction: Fraction
    upper_fraction: Fraction


@dataclass(frozen=True, slots=True)
class Infusion:
    """One planned infusion of cycle 1, in viable cells; `given_cells` only when it was given."""

    state: InfusionState
    assigned_cells: int
    given_cells: int | None = None

    def __post_init__(self) -> None:
        is_given = self.state is InfusionState.GIVEN
        if self.assigned_cells < 1 or is_given != (self.given_cells is not None):
            raise EvaluabilityError("An infusion has an assigned dose, and a given one once given.")
        if self.given_cells is not None and self.given_cells < 0:
            raise EvaluabilityError("A given dose is not negative.")

    @property
    def fraction(self) -> Fraction | None:
        """Viable cells given over those assigned; None when not given."""
        if self.given_cells is None:
            return None
        return Fraction(self.given_cells, self.assigned_cells)


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything recorded about one participant that the letter depends on.

    `infusions`: number to infusion, every planned one. `is_window_over`: the window's close has
    passed; it is not over while an infusion is awaited. `is_statement_signed`: the investigator
    signed "no DLT in the window". `is_toxicity_adjudicated`: a person has ruled that one who missed
    an infusion for a toxicity that is no DLT counts. `ruled_reason`: why a person confirmed them
    not evaluable, else None. `prohibited_medication`: names of what the protocol prohibits and
    was taken in the window, unless a person has ruled that it does not matter; else None.
    """

    is_lymphodepletion_given: bool
    infusions: Mapping[int, Infusion]
    is_window_over: bool
    is_statement_signed: bool
    dlt: DltState
    is_toxicity_adjudicated: bool = False
    ruled_reason: str | None = None
    prohibited_medication: str | None = None

    def __post_init__(self) -> None:
        if self.ruled_reason is not None and not self.ruled_reason.strip():
            raise EvaluabilityError("A ruling of not evaluable has a reason.")
        if self.prohibited_medication is not None and not self.prohibited_medication.strip():
            raise EvaluabilityError("A prohibited medication has a name.")


@dataclass(frozen=True, slots=True)
class Evaluability:
    """A letter of the notation, why, and whether X is proposed while the letter is still P."""

    letter: str
    cause: Cause
    sentence: str
    is_proposed_not_evaluable: bool = False


def judge(facts: Facts, rules: ExposureRules) -> Evaluability:
    """The letter of one participant. A DLT goes before everything; an open question before X.

    Total: every combination of facts has an answer, and what is not known yet is P.
    """
    if facts.dlt is DltState.COUNTED:
        return Evaluability(DLT, Cause.DLT, "A DLT in the window: counts, whatever the exposure.")
    if facts.dlt is DltState.PROVISIONAL:
        sentence = "An event in the window may still become a DLT."
        return Evaluability(PENDING, Cause.DLT_PROVISIONAL, sentence)
    if facts.ruled_reason is not None:
        sentence = f"Not evaluable, confirmed: {facts.ruled_reason}. The seat is replaced."
        return Evaluability(NOT_EVALUABLE, Cause.RULED_NOT_EVALUABLE, sentence)
    return _judge_exposure(facts, rules) or _judge_medication(facts) or _judge_window(facts, rules)


def _judge_exposure(facts: Facts, rules: ExposureRules) -> Evaluability | None:
    """What a missed or weak infusion means; None when exposure is enough or may still be."""
    missed = [n for n, infusion in sorted(facts.infusions.items()) if _is_toxic_miss(infusion)]
    if missed and not facts.is_toxicity_adjudicated:
        sentence = (
            f"Infusion {_list(missed)} was missed for a toxicity that is no DLT: pending until a "
            "person rules; never replaced automatically."
        )
        return Evaluability(PENDING, Cause.TOXICITY_TO_ADJUDICATE, sentence)
    has_begun = any(item.state is InfusionState.GIVEN for item in facts.infusions.values())
    if has_begun and not facts.is_lymphodepletion_given:
        return _propose(Cause.NO_LYMPHODEPLETION, "no lymphodepletion before the first infusion")
    if not facts.infusions or _can_suffice(facts.infusions, rules):
        return None
    least = f"{rules.minimum_infusions} infusions of {_percent(rules.minimum_fraction)} or more"
    if rules.required:
        least += f", number {_list(sorted(rules.required))} among them"
    return _propose(Cause.EXPOSURE_TOO_LOW, f"minimum exposure ({least}) was not reached")


def _judge_medication(facts: Facts) -> Evaluability | None:
    """What the protocol prohibits may have hidden a toxicity; None when nothing was taken."""
    if facts.prohibited_medication is None:
        return None
    why = f"prohibited medication in the DLT window ({facts.prohibited_medication})"
    return _propose(Cause.PROHIBITED_MEDICATION, why)


def _judge_window(facts: Facts, rules: ExposureRules) -> Evaluability:
    awaited = [n for n, item in sorted(facts.infusions.items()) if _is_awaited(item)]
    if awaited or not facts.is_window_over or not facts.infusions:
        still = f"infusion {_list(awaited)} is awaited" if awaited else "the DLT window is open"
        return Evaluability(PENDING, Cause.WINDOW_OPEN, f"Pending: {still}.")
    if not facts.is_statement_signed:
        sentence = 'The window is over; the statement "no DLT in the window" is not signed.'
        return Evaluability(PENDING, Cause.STATEMENT_MISSING, sentence)
    sentence = "No DLT: exposure enough, window completed, statement signed."
    above = [n for n, item in sorted(facts.infusions.items()) if _is_above(item, rules)]
    if above:
        limit = _percent(rules.upper_fraction)
        sentence += f" Deviation: infusion {_list(above)} above {limit} of the assigned dose."
    return Evaluability(NO_DLT, Cause.COMPLETE, sentence)


def _can_suffice(infusions: Mapping[int, Infusion], rules: ExposureRules) -> bool:
    """Whether the infusions given, awaited or missed for toxicity reach the minimum exposure.

    One missed for toxicity gets here only when a person has ruled that the participant counts; it
    never stands in for a required infusion.
    """
    real = {n for n, item in infusions.items() if _is_awaited(item) or _is_full(item, rules)}
    enough = real | {n for n, item in infusions.items() if _is_toxic_miss(item)}
    return len(enough) >= rules.minimum_infusions and rules.required <= real


def _is_full(infusion: Infusion, rules: ExposureRules) -> bool:
    return infusion.fraction is not None and infusion.fraction >= rules.minimum_fraction


def _is_above(infusion: Infusion, rules: ExposureRules) -> bool:
    return infusion.fraction is not None and infusion.fraction > rules.upper_fraction


def _is_awaited(infusion: Infusion) -> bool:
    return infusion.state is InfusionState.AWAITED


def _is_toxic_miss(infusion: Infusion) -> bool:
    return infusion.state is InfusionState.MISSED_FOR_TOXICITY


def _propose(cause: Cause, why: str) -> Evaluability:
    sentence = f"Proposed as not evaluable: {why}. Pending until a person confirms."
    return Evaluability(PENDING, cause, sentence, is_proposed_not_evaluable=True)


def _list(numbers: list[int]) -> str:
    return ", ".join(str(number) for number in numbers)


def _percent(fraction: Fraction) -> str:
    return f"{float(fraction * 100):g}%"
