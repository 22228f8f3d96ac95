"""The stored recommendation, with everything needed to read it: rule, bounds, flags, options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cohorts.engine.design import Tally
from cohorts.models import Recommendation
from cohorts.queries.hinges import Reading, name_subjects, read_reading
from cohorts.queries.viewers import Mask
from cohorts.queries.words import (
    HARM,
    Mark,
    name_answer,
    name_bounds,
    name_flag,
    name_level,
    name_rule,
)
from cohorts.states import HoldScope
from ntrust.models import Study


@dataclass(frozen=True)
class DesignOption:
    """A named option of the design the rules were run with, and what its value means."""

    name: str
    value: str
    meaning: str


@dataclass(frozen=True)
class Advice:
    """What the rules say. `tone` is harm while a hold suspends it, whatever it says.

    `hinges_on` are the pending subjects the viewer may know, `hinges_on_hidden` how many more;
    `who_is_pending` both in words, nothing when nobody is.
    """

    answer: Mark
    tone: str
    level: int | None
    rule: str
    counts: str
    reasons: tuple[str, ...]
    bounds: tuple[Mark, ...]
    flags: tuple[str, ...]
    suspended_by: tuple[str, ...]
    hinges_on: tuple[str, ...]
    hinges_on_hidden: int
    who_is_pending: str
    reading: Reading | None
    options: tuple[DesignOption, ...]
    protocol_version: str
    engine_version: str
    revision: int
    computed_at: datetime

    @property
    def is_certain(self) -> bool:
        """Whether nobody pending can change the answer."""
        return len(self.bounds) == 1


_YES_NO: Final = {True: "yes", False: "no"}
_MEANINGS: Final[Mapping[str, Mapping[object, str]]] = {
    "min_n_at_mtd": {
        6: "a declared MTD has six evaluable participants",
        3: "three evaluable participants may be enough for the MTD",
    },
    "allow_deescalation": {
        True: "a level left with three may be filled to six from above",
        False: "the trial never goes back down",
    },
    "confirm_top_dose": {
        True: "three more at the top level after 0 in 3",
        False: "0 in 3 at the top level ends the escalation",
    },
    "second_dlt": {
        "stop_now": "two DLTs close the level at once",
        "complete_cohort": "two DLTs close the level once nobody seated there is pending",
    },
    "level_minus_one": {
        True: "a lower level is planned, for when nothing else is left",
        False: "no level below level 1 is planned",
    },
    "expand_on_first_dlt": {
        "at_three": "one DLT expands the cohort once three are evaluable",
        "at_once": "one DLT expands the cohort at once",
    },
    "escalate_with_pending": {
        True: "may escalate with one pending, if one more DLT changes nothing",
        False: "waits for everyone who could change the answer",
    },
}


def latest_recommendation(study: Study) -> Recommendation | None:
    """What the rules say now."""
    return (
        Recommendation.objects.filter(study=study)
        .select_related("protocol_version")
        .order_by("-id")
        .first()
    )


def read_advice(row: Recommendation, mask: Mask) -> Advice:
    """The stored row as a page shows it."""
    answer = name_answer(row.verdict, row.level, row.outcome, row.mtd)
    pending = [one["subject"] for one in row.pending]
    known = [subject for subject in pending if subject and not mask.hides(subject)]
    return Advice(
        answer=answer,
        tone=HARM if row.suspended_by else answer.tone,
        level=row.level,
        rule=name_rule(row.rule),
        counts=name_counts(row.counts),
        reasons=tuple(mask.cover(reason) for reason in row.reasons),
        bounds=name_bounds(row.bounds),
        flags=tuple(name_flag(flag) for flag in row.flags),
        suspended_by=name_suspensions(row.suspended_by, mask),
        hinges_on=tuple(known),
        hinges_on_hidden=len(pending) - len(known),
        who_is_pending=name_subjects(pending, mask),
        reading=read_reading(row, mask),
        options=name_options(row.basis["design"]),
        protocol_version=row.protocol_version.version,
        engine_version=row.engine_version,
        revision=row.revision,
        computed_at=row.computed_at,
    )


def name_options(design: Mapping[str, Any]) -> tuple[DesignOption, ...]:
    """The options in words, in the order of the design; unknown ones as they are."""
    return tuple(
        DesignOption(
            name=name,
            value=_YES_NO.get(value, str(value)) if isinstance(value, bool) else str(value),
            meaning=_MEANINGS.get(name, {}).get(value, "dose levels planned upwards from level 1"),
        )
        for name, value in design.items()
    )


def name_suspensions(holds: Iterable[Mapping[str, Any]], mask: Mask) -> tuple[str, ...]:
    """Each hold in the way of a recommendation, in a sentence."""
    return tuple(f"{_where(hold)} held: {mask.cover(hold['reason'])}" for hold in holds)


def _where(hold: Mapping[str, Any]) -> str:
    if hold["scope"] == HoldScope.LEVEL:
        return f"{name_level(hold['level'])} and above"
    return "Study" if hold["scope"] == HoldScope.STUDY else "Site"


def name_counts(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Counts of all tried levels: "DL1 0/3 · DL2 1/3, 2 pending", DLTs over evaluable."""
    tallies = {int(level): Tally(**counts[level]) for level in counts}
    parts = []
    for level in sorted(tallies):
        n, x, pending = tallies[level]
        waiting = f", {pending} pending" if pending else ""
        parts.append(f"{name_level(level)} {x}/{n}{waiting}")
    return " · ".join(parts)
