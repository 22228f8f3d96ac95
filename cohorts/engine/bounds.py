"""Bounds: every answer a live state can still lead to.

Each pending participant may end as no DLT, DLT or not evaluable. One reachable answer means
"already certain, whatever they do" (protocol rule 6 asks for that before a dose is raised).
"""

from __future__ import annotations

from collections.abc import Iterator

from cohorts.engine.design import FULL_LEVEL, NOBODY, Answer, Design, Tallies, Tally
from cohorts.engine.rules import (
    Situation,
    completions,
    find_working,
    first_rule,
    is_closed,
)

Found = tuple[int | None, Tally]
"""The working level found so far in an upward walk, and its counts."""


def bounds(design: Design, tallies: Tallies, current: int) -> tuple[Answer, ...]:
    """All answers over every completion of every pending participant, lowest dose first.

    Walks the ladder upwards keeping only what a completed state depends on: the working level
    found so far and its counts. Equal to trying all 3**pending completions, and far faster.
    """
    answers = set()
    for toxic, working, tally in _reachable(design, tallies):
        done = Situation(design, toxic, working, tally, is_closed(current, toxic))
        answers.add(first_rule(done).answer(done))
    return tuple(sorted(answers, key=lambda answer: (answer.rank, answer.verdict)))


def _reachable(design: Design, tallies: Tallies) -> Iterator[tuple[int | None, int | None, Tally]]:
    """Each (toxic level, working level, counts there) that some completion leads to."""
    below: set[Found] = {(None, NOBODY)}
    for level in sorted(tallies):
        above: set[Found] = set()
        can_be_toxic = False
        for done in completions(tallies[level]):
            if done.is_toxic:
                can_be_toxic = True
            else:
                above |= {found if _holds(found) else (level, done) for found in below}
        if can_be_toxic:
            for found in below:
                yield (level, *_or_lowest(design, found, level))
        below = above
    for found in below:
        yield (None, *_or_lowest(design, found, None))


def _holds(found: Found) -> bool:
    """A completed level with one DLT and fewer than six stays the working level (rule 2)."""
    return found[1].x == 1 and found[1].n < FULL_LEVEL


def _or_lowest(design: Design, found: Found, toxic: int | None) -> Found:
    return found if found[0] is not None else (find_working(design, {}, toxic, ()), NOBODY)
