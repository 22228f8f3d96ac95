"""What does this design do? Exact operating characteristics, and the turns the trial can take next.

Both walk the engine's rule table; nothing is simulated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from cohorts.engine.basis import read_design, read_tallies
from cohorts.engine.design import Design, DesignError, Tally
from cohorts.engine.lookahead import Node, lookahead
from cohorts.engine.paths import operating_characteristics
from cohorts.engine.wire import design_as_dict
from cohorts.models import DoseLevel, ProtocolVersion
from cohorts.policies import active_protocol, document_of
from cohorts.queries import DesignOption, Mark, Viewer, turns
from cohorts.queries.advice import latest_recommendation, name_options
from cohorts.queries.words import name_answer, name_dose, name_level, name_rule

MOST_AHEAD = 3
"""Cohorts that a page looks ahead; a larger tree nobody reads."""


@dataclass(frozen=True)
class Chance:
    """A level under one scenario. `recommended`: the chance that it is the MTD, or the highest
    tolerated."""

    level: str
    rate: Decimal
    recommended: float


@dataclass(frozen=True)
class Scenario:
    """Supposed true DLT rates and what the design does under them. `none`: the chance of no
    tolerated dose. `trouble`: why it cannot be worked out; then the rest is empty."""

    name: str
    is_illustrative: bool
    chances: tuple[Chance, ...]
    none: float
    expected_n: float
    expected_dlt: float
    trouble: str = ""


@dataclass(frozen=True)
class DesignPage:
    """The design of the protocol version in force, and its scenarios."""

    protocol_version: str
    options: tuple[DesignOption, ...]
    is_illustrative: bool
    levels: tuple[tuple[int, str], ...]
    scenarios: tuple[Scenario, ...]


@dataclass(frozen=True)
class Turn:
    """One turn of the look-ahead tree: what happened, where it leads, and what can follow."""

    happened: str
    answer: Mark
    rule: str
    counts: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Ahead:
    """The tree from the rows of now, and the same for a drawing, which shows no more than fits.
    `trouble`: why there is none."""

    now: Turn | None
    drawn: tuple[turns.Turn, ...]
    cohorts: int
    trouble: str
    computed_at: datetime
    revision: int


def ladder_of(viewer: Viewer) -> tuple[int, ...]:
    """The levels that a rate is asked for, lowest dose first; none without a protocol version."""
    version = active_protocol(viewer.study)
    return tuple(document_of(version).design().levels) if version else ()


def read_design_page(
    viewer: Viewer, *, entered: Mapping[int, Decimal] | None = None
) -> DesignPage | None:
    """The page with the rates somebody `entered` first; None without a protocol version.

    Two statements.
    """
    version = active_protocol(viewer.study)
    if version is None:
        return None
    document = document_of(version)
    design = document.design()
    asked = [("As entered", entered, False)] if entered is not None else []
    planned = [
        (one.name.capitalize(), one.rates, one.illustrative) for one in document.plan.scenarios
    ]
    return DesignPage(
        protocol_version=version.version,
        options=name_options(design_as_dict(design)),
        is_illustrative=document.options.illustrative,
        levels=_levels(version),
        scenarios=tuple(
            _scenario(design, name, rates, is_illustrative)
            for name, rates, is_illustrative in (*asked, *planned)
        ),
    )


def _levels(version: ProtocolVersion) -> tuple[tuple[int, str], ...]:
    rows = DoseLevel.objects.filter(study=version.study_id).order_by("ordinal")
    return tuple((row.ordinal, name_dose(row.dose, row.unit)) for row in rows)


def _scenario(
    design: Design, name: str, rates: Mapping[int, Decimal], is_illustrative: bool
) -> Scenario:
    missing = [name_level(level) for level in design.levels if level not in rates]
    if missing:
        trouble = f"It names no rate for {', '.join(missing)}, so nothing can be worked out."
        return Scenario(name, is_illustrative, (), 0, 0, 0, trouble)
    found = operating_characteristics(design, [float(rates[level]) for level in design.levels])
    return Scenario(
        name=name,
        is_illustrative=is_illustrative,
        chances=tuple(
            Chance(name_level(level), rates[level], found.recommended[level])
            for level in design.levels
        ),
        none=found.none,
        expected_n=found.expected_n,
        expected_dlt=found.expected_dlt,
    )


def read_ahead(viewer: Viewer, *, cohorts: int, now: datetime) -> Ahead:
    """Every turn the trial can take from here, `cohorts` deep. One statement.

    Counts only: it names nobody.
    """
    row = latest_recommendation(viewer.study)
    if row is None:
        return Ahead(
            None, (), cohorts, "No protocol version is active: nothing to look at.", now, 0
        )
    design, tallies = read_design(row.basis["design"]), read_tallies(row.basis)
    try:
        tree = lookahead(design, tallies, row.basis["current"], cohorts=cohorts)
    except DesignError as error:
        return Ahead(None, (), cohorts, str(error), row.computed_at, row.revision)
    return Ahead(_turn(tree), turns.flatten(tree), cohorts, "", row.computed_at, row.revision)


def _turn(node: Node) -> Turn:
    advice = node.advice
    return Turn(
        happened=turns.name_happened(turns.outcomes_of(node)),
        answer=name_answer(advice.verdict, advice.level, advice.outcome, advice.mtd),
        rule=name_rule(advice.rule),
        counts=", ".join(_count(level, node.tallies[level]) for level in sorted(node.tallies)),
        turns=tuple(_turn(child) for child in node.children),
    )


def _count(level: int, tally: Tally) -> str:
    pending = f", {tally.pending} pending" if tally.pending else ""
    return f"{name_level(level)} {tally.x} in {tally.n}{pending}"
