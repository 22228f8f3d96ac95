"""Trial words for codes: every status is a text, a shape and a tone that stand together.

Tones name colours of the stylesheet: settled, waiting, harm, plan (the accent), quiet. Red (harm)
is kept for harm and stops.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from cohorts.engine.design import Flag, StopOutcome, Tally, Verdict
from cohorts.states import SELECT_RDE, OutcomeLetter


@dataclass(frozen=True)
class Mark:
    """A status to show: words, the shape beside them, the tone under both."""

    text: str
    tone: str
    shape: str


SETTLED, WAITING, HARM, PLAN, QUIET = "settled", "waiting", "harm", "plan", "quiet"
_SUPERSCRIPTS: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SCIENTIFIC_FROM: Final = Decimal(10) ** 6

_VERDICTS: Final[Mapping[str, tuple[str, str, str]]] = {
    Verdict.ENROL: ("ENROL at {level}", PLAN, "●"),
    Verdict.WAIT: ("WAIT at {level}", WAITING, "◔"),
    Verdict.EXPAND_COHORT: ("EXPAND THE COHORT at {level}", WAITING, "◔"),
    Verdict.ESCALATE: ("ESCALATE to {level}", SETTLED, "●"),
    Verdict.DE_ESCALATE: ("DE-ESCALATE to {level}", HARM, "▲"),
}
_STOPS: Final[Mapping[str, tuple[str, str, str]]] = {
    StopOutcome.MTD: ("STOP: the MTD is {mtd}", PLAN, "■"),
    StopOutcome.MTD_NOT_REACHED: ("STOP: MTD not reached, {mtd} is tolerated", PLAN, "■"),
    StopOutcome.NO_TOLERATED_DOSE: ("STOP: no tolerated dose", HARM, "■"),
}
FLAGS: Final[Mapping[str, str]] = {
    Flag.OVER_ENROLLED: "Over-enrolled: more participants at a level than the rules allow.",
    Flag.SKIPPED_LEVEL: "Skipped level: a dose level was passed over on the way up.",
    Flag.DOSED_ABOVE_TOXIC: "Dosed above a toxic level: participants were treated above two DLTs.",
    Flag.ESCALATED_EARLY: "Escalated early: a level was left before the rules allowed it.",
    Flag.STARTED_ABOVE_LEVEL_1: "Started above level 1.",
    Flag.LEVEL_MINUS_ONE_EARLY: "Level -1 was opened before anything required it.",
}
_LETTERS: Final[Mapping[str, Mark]] = {
    OutcomeLetter.NO_DLT: Mark("evaluable, no DLT", SETTLED, "●"),
    OutcomeLetter.DLT: Mark("DLT", HARM, "▲"),
    OutcomeLetter.PENDING: Mark("pending", WAITING, "◔"),
    OutcomeLetter.NOT_EVALUABLE: Mark("not evaluable", QUIET, "○"),
}


def name_level(ordinal: int | None) -> str:
    """A level's short name, e.g. DL2."""
    return "" if ordinal is None else f"DL{ordinal}"


def name_dose(dose: Decimal, unit: str) -> str:
    """A dose as clinicians write it: "1.5 × 10⁹ cells per dose", "2.4 mg"."""
    if dose < _SCIENTIFIC_FROM:
        plain = format(dose.normalize(), "f")
        return f"{plain} {unit}"
    exponent = dose.adjusted()
    mantissa = format((dose / Decimal(10) ** exponent).normalize(), "f")
    if "." not in mantissa:
        mantissa += ".0"
    return f"{mantissa} × 10{str(exponent).translate(_SUPERSCRIPTS)} {unit}"


def name_answer(
    verdict: str, level: int | None, outcome: str | None = None, mtd: int | None = None
) -> Mark:
    """A verdict in words. A stop that names a dose is the plan fulfilled; red is for harm."""
    if verdict == SELECT_RDE:
        return Mark(f"THE RDE IS {name_level(level)}", PLAN, "■")
    if verdict == Verdict.STOP:
        text, tone, shape = _STOPS[outcome] if outcome else ("STOP", HARM, "■")
    else:
        text, tone, shape = _VERDICTS[verdict]
    return Mark(text.format(level=name_level(level), mtd=name_level(mtd)), tone, shape)


def name_bounds(bounds: list[Mapping[str, Any]]) -> tuple[Mark, ...]:
    """Every answer still reachable, in the engine's order."""
    return tuple(
        name_answer(one["verdict"], one["level"], one.get("outcome"), one.get("mtd"))
        for one in bounds
    )


def name_rule(rule: str) -> str:
    """The row of the rule table that fired: "rule 5, go back down"."""
    number, _, name = rule.partition(" ")
    return f"rule {number}, {name}"


def name_flag(flag: str) -> str:
    """What a history did that the rules would not have recommended."""
    return FLAGS.get(flag, flag.replace("_", " ").capitalize() + ".")


def name_letter(letter: str) -> Mark:
    """What a participant counts as."""
    return _LETTERS[letter]


def name_tally(tally: Tally) -> str:
    """Counts at a level, e.g. "1 DLT in 3 evaluable, 2 pending"."""
    dlts = "no DLT" if not tally.x else "1 DLT" if tally.x == 1 else f"{tally.x} DLTs"
    return f"{dlts} in {tally.n} evaluable, {tally.pending} pending"


def shorten(subject: str) -> str:
    """The digits that tell a subject apart on a disc: "P-007" is 07, "102-113" is 113."""
    digits = subject[len(subject.rstrip("0123456789")) :]
    return digits.lstrip("0").zfill(2) if digits else subject[-3:]
