"""Sheets and columns of a take-over, as the template shows them and the check reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from safety.states import Causality


class Kind(StrEnum):
    """What a cell holds. Moments are the site's own time."""

    TEXT = "text"
    DAY = "day, as 2026-01-31"
    MOMENT = "day and time at the site, as 2026-01-31 14:05"
    WHOLE = "whole number"
    NUMBER = "number"


@dataclass(frozen=True)
class Column:
    """A column: `choices` when only these words may stand there, `is_number` for the numbers by
    which participants go."""

    name: str
    kind: Kind
    said: str
    is_needed: bool = True
    choices: tuple[str, ...] = ()
    longest: int = 500
    is_number: bool = False


_SUBJECT: Final = Column(
    "subject_number", Kind.TEXT, "the participant's number", longest=20, is_number=True
)
SHEETS: Final[Mapping[str, tuple[Column, ...]]] = {
    "participants": (
        _SUBJECT,
        Column("screening_number", Kind.TEXT, "the number at consent", longest=20, is_number=True),
        Column("site", Kind.TEXT, "the site's code"),
        Column("disease", Kind.TEXT, "as the protocol names it"),
        Column("protocol_version", Kind.TEXT, "the version they were enrolled under"),
        Column("consented_on", Kind.DAY, "day of the consent"),
        Column("level", Kind.WHOLE, "the dose level assigned when infusion 1 was given"),
        Column("regimen", Kind.TEXT, "key of the lymphodepletion regimen"),
        Column("ld_started_on", Kind.DAY, "first day of lymphodepletion"),
        Column("ld_ended_on", Kind.DAY, "last day of lymphodepletion", is_needed=False),
    ),
    "infusions": (
        _SUBJECT,
        Column("number", Kind.WHOLE, "1, 2, 3"),
        Column(
            "state",
            Kind.TEXT,
            "what became of it; one that is still planned has no row",
            choices=("GIVEN", "MISSED", "MISSED_FOR_TOXICITY"),
        ),
        Column("given_at", Kind.MOMENT, "when it was given", is_needed=False),
        Column("viable_cells", Kind.NUMBER, "cells given, in the ladder's unit", is_needed=False),
        Column("reason", Kind.TEXT, "why it was missed, or less was given", is_needed=False),
    ),
    "outcomes": (
        _SUBJECT,
        Column(
            "outcome",
            Kind.TEXT,
            "N no DLT, T a DLT, P pending, X not evaluable",
            choices=("N", "T", "P", "X"),
        ),
        Column("stated_on", Kind.DAY, "day of the signed paper statement", is_needed=False),
        Column("dlt_term", Kind.TEXT, "the event", is_needed=False, longest=200),
        Column("dlt_grade", Kind.WHOLE, "its worst grade, 1 to 5", is_needed=False),
        Column("dlt_grading_system", Kind.TEXT, "as CTCAE v5.0", is_needed=False, longest=40),
        Column(
            "dlt_causality",
            Kind.TEXT,
            "its relation to the product",
            is_needed=False,
            choices=tuple(Causality.values),
        ),
        Column(
            "dlt_serious",
            Kind.TEXT,
            "whether it was a serious event",
            is_needed=False,
            choices=("yes", "no"),
        ),
        Column("dlt_aware", Kind.MOMENT, "when the site learned of it", is_needed=False),
        Column("dlt_onset", Kind.MOMENT, "when it began", is_needed=False),
        Column("dlt_criterion", Kind.TEXT, "id of the protocol's criterion", is_needed=False),
        Column("reason", Kind.TEXT, "why they are not evaluable", is_needed=False),
    ),
    "decisions": (
        Column("number", Kind.WHOLE, "1, 2, 3 in the order they were signed"),
        Column("decided_on", Kind.DAY, "day of the second signature"),
        Column(
            "verdict",
            Kind.TEXT,
            "what was decided",
            choices=("ENROL", "EXPAND_COHORT", "ESCALATE", "DE_ESCALATE", "STOP"),
        ),
        Column("level", Kind.WHOLE, "the level it opened; none for a STOP", is_needed=False),
        Column("seats", Kind.WHOLE, "seats it opened, 1 to 3; none for a STOP", is_needed=False),
        Column("reference", Kind.TEXT, "where the signed paper is kept"),
    ),
}
