"""The turns the trial can take next, from what the rules read last; few enough to look at."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from cohorts.engine.basis import Basis, read_design, read_tallies
from cohorts.engine.design import DesignError
from cohorts.engine.lookahead import Node, awaited, lookahead
from cohorts.models import Recommendation
from cohorts.queries.words import name_level
from ntrust.models import Study

MOST_TURNS: Final = 36
"""More nodes are not looked at: what is left out is counted."""


@dataclass(frozen=True)
class Turn:
    """One turn: (level, participants resolved, of them with a DLT), and what the rules say then.

    `parent` is None for where the trial stands; `more`: turns below it that are not shown.
    """

    id: int
    parent: int | None
    happened: tuple[tuple[int, int, int], ...]
    verdict: str
    level: int | None
    outcome: str | None
    mtd: int | None
    more: int


def name_happened(outcomes: Iterable[tuple[int, int, int]]) -> str:
    """Outcomes of a turn in words: "1 of 3 with a DLT at DL2"; nothing for where the trial
    stands."""
    return "; ".join(
        f"{dlts or 'none'} of {ended} with a DLT at {name_level(level)}"
        for level, ended, dlts in outcomes
    )


def read_turns(study: Study) -> tuple[Turn, ...]:
    """The turns from the stored recommendation; none before the rules were asked. One statement."""
    last = Recommendation.objects.filter(study=study).order_by("-id").first()
    return turns_from(last.basis) if last is not None else ()


def turns_from(basis: Basis) -> tuple[Turn, ...]:
    """The pending resolved, then a cohort; two cohorts where nobody is pending. Top down, at most
    `MOST_TURNS`; none where the tree is too large to be worked out."""
    design, tallies, current = read_design(basis["design"]), read_tallies(basis), basis["current"]
    wanted = 1 if awaited(design, tallies) else 2
    for cohorts in range(wanted, -1, -1):
        try:
            root = lookahead(design, tallies, current, cohorts=cohorts)
        except DesignError:
            continue
        return flatten(root)
    return ()


def flatten(root: Node) -> tuple[Turn, ...]:
    """Generation by generation, at most `MOST_TURNS`; a node shows all of its children or none."""
    kept: list[tuple[Node, int | None, bool]] = [(root, None, False)]
    waiting = deque([0])
    while waiting:
        place = waiting.popleft()
        node, parent, _ = kept[place]
        if len(kept) + len(node.children) <= MOST_TURNS:
            first = len(kept)
            kept[place] = (node, parent, True)
            kept.extend((child, place, False) for child in node.children)
            waiting.extend(range(first, len(kept)))
    return tuple(_turn(place, *one) for place, one in enumerate(kept))


def outcomes_of(node: Node) -> tuple[tuple[int, int, int], ...]:
    """What happened since the turn above, lowest level first."""
    return tuple((level, ended, dlts) for level, (ended, dlts) in sorted(node.happened.items()))


def _turn(place: int, node: Node, parent: int | None, is_open: bool) -> Turn:
    answer = node.advice.answer
    return Turn(
        id=place,
        parent=parent,
        happened=outcomes_of(node),
        verdict=str(answer.verdict),
        level=answer.level,
        outcome=str(answer.outcome) if answer.outcome else None,
        mtd=answer.mtd,
        more=0 if is_open else len(node.children),
    )
