"""Doubtful evaluability: who counts, or does not, by a ruling or by a narrow margin.

A doubt says as which letter somebody would be read if the call went the other way, and why it
might: see `cohorts.engine.sensitivity`. Those about DLTs come from the reports themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

from cohorts.engine.evaluability import (
    Cause,
    Evaluability,
    ExposureRules,
    Facts,
    InfusionState,
    judge,
)
from cohorts.engine.notation import DLT, NO_DLT, NOT_EVALUABLE

Plain = dict[str, Any]


def find_doubts(facts: Facts, rules: ExposureRules, *, margin: Fraction) -> list[Plain]:
    """Doubts about this participant's evaluability, each {kind, reads_as, because}.

    `margin`: how far, in parts of the assigned cells, the minimum exposure is moved to see whether
    it decided narrowly. Nobody with a counted DLT is in doubt here: they count whatever the
    exposure.
    """
    judged = judge(facts, rules)
    if judged.letter == DLT:
        return []
    return list(_doubts(facts, rules, judged, margin))


def _doubts(
    facts: Facts, rules: ExposureRules, judged: Evaluability, margin: Fraction
) -> Iterator[Plain]:
    if judged.letter == NOT_EVALUABLE:
        yield _doubt("ruled", NO_DLT, f"ruled not evaluable: {facts.ruled_reason}")
        return
    if judged.is_proposed_not_evaluable:
        yield _doubt("proposed", NOT_EVALUABLE, _proposal(judged))
    if judged.cause is Cause.TOXICITY_TO_ADJUDICATE:
        yield _doubt("missed", NOT_EVALUABLE, f"{_missed(facts)}, not ruled on")
    elif facts.is_toxicity_adjudicated and _missed(facts):
        yield _doubt("missed", NOT_EVALUABLE, f"counts by a ruling: {_missed(facts)}")
    yield from _narrow(facts, rules, judged, margin)


def _narrow(
    facts: Facts, rules: ExposureRules, judged: Evaluability, margin: Fraction
) -> Iterator[Plain]:
    """Whether the minimum exposure, moved by the margin, would decide otherwise."""
    if not margin:
        return
    is_low = judged.cause is Cause.EXPOSURE_TOO_LOW
    least = rules.minimum_fraction + (-margin if is_low else margin)
    moved = judge(facts, replace(rules, minimum_fraction=least))
    if (moved.cause is Cause.EXPOSURE_TOO_LOW) == is_low:
        return
    shares = [item.fraction for item in facts.infusions.values() if item.fraction is not None]
    near = min(shares, key=lambda share: (abs(share - rules.minimum_fraction), share))
    yield _doubt(
        "exposure",
        NO_DLT if is_low else NOT_EVALUABLE,
        f"an infusion of {_percent(near)} of the assigned dose, within {_percent(margin)} of the "
        f"minimum of {_percent(rules.minimum_fraction)}",
    )


def _missed(facts: Facts) -> str:
    """The infusions missed for toxicity, in words; empty when there are none."""
    numbers = [
        str(number)
        for number, item in sorted(facts.infusions.items())
        if item.state is InfusionState.MISSED_FOR_TOXICITY
    ]
    return f"infusion {', '.join(numbers)} missed for toxicity" if numbers else ""


def _proposal(judged: Evaluability) -> str:
    words = judged.sentence.removeprefix("Proposed as not evaluable: ")
    return f"proposed as not evaluable: {words.partition('. Pending')[0]}"


def _doubt(kind: str, reads_as: str, because: str) -> Plain:
    return {"kind": kind, "reads_as": reads_as, "because": because}


def _percent(fraction: Fraction) -> str:
    return f"{float(fraction * 100):.3g}%"
