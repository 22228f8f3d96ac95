"""On which calls a recommendation hinges: each read the other way, through the same rules.

A call is one participant's letter that may come to be read otherwise: somebody pending, as no DLT
or as a DLT; and every doubt about somebody, as that doubt would have it. Each is turned by itself.
If none of them changes the answer it is robust, and then they are turned two at a time, of two
participants.

A doubt is plain data: {"subject": "P-004", "kind": "reported", "reads_as": "N", "because": "…"}.
The rules see counts only, so calls that make the same turn at the same level are asked once and
reported together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, Final

from cohorts.engine.advice import recommend
from cohorts.engine.basis import Basis, read_design, read_tallies
from cohorts.engine.design import Answer, Tallies, Tally
from cohorts.engine.notation import DLT, LETTERS, NO_DLT, NOT_EVALUABLE, PENDING
from cohorts.engine.wire import answer_as_dict

PENDING_KIND: Final = "pending"
ROBUST: Final = "ROBUST"
HINGES: Final = "HINGES"
Doubt = Mapping[str, Any]
Turn = tuple[int, str, str]
"""A level, the letter that counts there now, the letter it would be read as."""

_COUNTS: Final[Mapping[str, Tally]] = {
    NO_DLT: Tally(1, 0, 0),
    DLT: Tally(1, 1, 0),
    PENDING: Tally(0, 0, 1),
    NOT_EVALUABLE: Tally(0, 0, 0),
}


class DoubtError(ValueError):
    """A doubt that reads as no letter."""


@dataclass(frozen=True, slots=True)
class Call:
    """One participant's letter, turned; `kinds` and `because` of every doubt that turns it so."""

    subject: str
    turn: Turn
    kinds: tuple[str, ...]
    because: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        level, letter, reads_as = self.turn
        return {
            "subject": self.subject,
            "level": level,
            "letter": letter,
            "reads_as": reads_as,
            "kinds": list(self.kinds),
            "because": list(self.because),
        }


def find_sensitivity(basis: Basis, doubts: Iterable[Doubt]) -> dict[str, Any]:
    """Whether the answer on this basis is robust, and what would change it.

    `holds_against`: how many calls may turn at once without changing the answer: 0 it hinges on
    single calls, 1 only on two together, 2 on no two. `hinges`: each with the answer it leads to
    and its `groups`; `take` of the calls in each group, of as many participants. `calls`: how many
    were turned. Doubts about nobody in the basis, and those that read as the letter now, turn
    nothing.
    Raises DoubtError for a doubt that reads as no letter.
    """
    calls = _calls(basis, doubts)
    ask = _Asker(basis)
    hinges = list(_singles(calls, ask))
    holds_against = 0
    if not hinges:
        hinges = list(_pairs(calls, ask))
        holds_against = 1 if hinges else 2
    return {
        "verdict": ROBUST if holds_against else HINGES,
        "holds_against": holds_against,
        "calls": sum(len(group) for group in calls.values()),
        "hinges": hinges,
    }


def _calls(basis: Basis, doubts: Iterable[Doubt]) -> dict[Turn, list[Call]]:
    """Every turn somebody may make, with who would make it, in the order of the basis."""
    said: dict[tuple[str, str], list[Doubt]] = {}
    for doubt in doubts:
        if doubt["reads_as"] not in LETTERS:
            raise DoubtError(f"A doubt reads as one of {', '.join(LETTERS)}.")
        said.setdefault((doubt["subject"], doubt["reads_as"]), []).append(doubt)
    calls: dict[Turn, list[Call]] = {}
    for row in basis["outcomes"]:
        for reads_as in LETTERS:
            reasons = said.get((row["subject"], reads_as), [])
            is_open = row["letter"] == PENDING and reads_as in (NO_DLT, DLT)
            if reads_as == row["letter"] or not (reasons or is_open):
                continue
            turn = (row["level"], row["letter"], reads_as)
            kinds = [doubt["kind"] for doubt in reasons] or [PENDING_KIND]
            call = Call(
                subject=row["subject"],
                turn=turn,
                kinds=tuple(dict.fromkeys(kinds)),
                because=tuple(dict.fromkeys(doubt["because"] for doubt in reasons)),
            )
            calls.setdefault(turn, []).append(call)
    return {turn: calls[turn] for turn in sorted(calls)}


class _Asker:
    """The rules on one basis with some letters turned; the same counts are asked once."""

    def __init__(self, basis: Basis) -> None:
        self._design = read_design(basis["design"])
        self._current: int = basis["current"]
        self._tallies = read_tallies(basis)
        self._known: dict[tuple[tuple[int, Tally], ...], Answer] = {}
        self.now = self._ask(self._tallies)

    def turned(self, turns: Iterable[Turn]) -> Answer | None:
        """The answer with these letters turned; None when it is the answer of now."""
        tallies = dict(self._tallies)
        for level, letter, reads_as in turns:
            gone, come = _COUNTS[letter], _COUNTS[reads_as]
            n, x, pending = tallies[level]
            tallies[level] = Tally(
                n - gone.n + come.n, x - gone.x + come.x, pending - gone.pending + come.pending
            )
        answer = self._ask(tallies)
        return None if answer == self.now else answer

    def _ask(self, tallies: Tallies) -> Answer:
        key = tuple(sorted(tallies.items()))
        if key not in self._known:
            self._known[key] = recommend(self._design, tallies, self._current).answer
        return self._known[key]


def _singles(calls: Mapping[Turn, Sequence[Call]], ask: _Asker) -> Iterator[dict[str, Any]]:
    for turn, group in calls.items():
        answer = ask.turned([turn])
        if answer is not None:
            yield _hinge(answer, (1, group))


def _pairs(calls: Mapping[Turn, Sequence[Call]], ask: _Asker) -> Iterator[dict[str, Any]]:
    """Two calls of two participants; one participant is never read in two ways at once."""
    for first, second in combinations_with_replacement(calls, 2):
        subjects = {call.subject for turn in (first, second) for call in calls[turn]}
        if len(subjects) < 2:
            continue
        answer = ask.turned([first, second])
        if answer is None:
            continue
        if first == second:
            yield _hinge(answer, (2, calls[first]))
        else:
            yield _hinge(answer, (1, calls[first]), (1, calls[second]))


def _hinge(answer: Answer, *groups: tuple[int, Sequence[Call]]) -> dict[str, Any]:
    return {
        "answer": answer_as_dict(answer),
        "groups": [
            {"take": take, "calls": [call.as_dict() for call in calls]} for take, calls in groups
        ],
    }
