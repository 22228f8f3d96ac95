"""Which DLT criteria an event meets, could meet, or does not meet, and why.

A criterion is a predicate over the facts of one event. What is not known never reads as "does not
meet": then the event could meet it, and the reading says what is missing. A clock runs from the
moment the grade was reached until it came down; at its end, when nothing says that it came down,
the criterion is met.

Source: protocol section "Dose-limiting toxicity"; the predicates are protocol data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cohorts.engine.toxicity.facts import DEATH, EventFacts, Stretch, ToxicityError


class Answer(StrEnum):
    """What a criterion says of an event."""

    MEETS = "MEETS"
    COULD_MEET = "COULD_MEET"
    """Its clock is still running, or a fact is missing."""
    DOES_NOT = "DOES_NOT"
    NOT_READ = "NOT_READ"
    """The criterion is words alone; people read it."""


@dataclass(frozen=True, slots=True)
class Predicate:
    """What of a criterion can be read.

    `categories`: only of these (empty: any); `except_categories`: never of these. `is_death`: any
    death, and nothing else. `related_at_least`: to the product; None: causality is not asked.
    `from_grade` on the event is bad enough; with `clock_hours` or `by_day` it has until then to
    come down to `down_to` (0: to resolve); from `at_once_from` it has no time. With the medicine
    `treated_with` it is bad enough from `treated_from` on, at once.
    """

    categories: frozenset[str] = frozenset()
    except_categories: frozenset[str] = frozenset()
    is_death: bool = False
    related_at_least: str | None = None
    from_grade: int = 1
    at_once_from: int | None = None
    clock_hours: int | None = None
    by_day: int | None = None
    down_to: int = 0
    treated_with: str | None = None
    treated_from: int | None = None

    def __post_init__(self) -> None:
        if self.clock_hours is not None and self.by_day is not None:
            raise ToxicityError("A criterion has one clock.")
        if (self.treated_with is None) != (self.treated_from is None):
            raise ToxicityError("A treatment goes with its grade.")
        if not 0 <= self.down_to < self.from_grade <= DEATH:
            raise ToxicityError("A grade comes down to a lower one.")

    @property
    def has_clock(self) -> bool:
        return self.clock_hours is not None or self.by_day is not None


@dataclass(frozen=True, slots=True)
class Criterion:
    """A criterion of the protocol; without a predicate it is words alone."""

    id: str
    predicate: Predicate | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A criterion's answer. `missing`: facts that could make it met. `since`: when what it asks for
    began; `clock_ends_at`: when its clock ends, or ended."""

    criterion: str
    answer: Answer
    sentence: str
    missing: tuple[str, ...] = ()
    since: datetime | None = None
    clock_ends_at: datetime | None = None

    @property
    def is_candidate(self) -> bool:
        """Whether a person has to say something."""
        return self.answer in (Answer.MEETS, Answer.COULD_MEET)


@dataclass(frozen=True, slots=True)
class _Part:
    """One condition: True, False, or None with what is missing or still running."""

    holds: bool | None
    words: str = ""
    missing: str = ""
    since: datetime | None = None
    clock_ends_at: datetime | None = None


def read_criteria(
    criteria: Iterable[Criterion], facts: EventFacts, now: datetime
) -> tuple[Reading, ...]:
    """Every criterion on one event, in the protocol's order."""
    return tuple(read_criterion(criterion, facts, now) for criterion in criteria)


def read_criterion(criterion: Criterion, facts: EventFacts, now: datetime) -> Reading:
    """One criterion on one event."""
    predicate = criterion.predicate
    if predicate is None:
        return unread(criterion)
    severity = _severity(predicate, facts, now)
    parts = (_category(predicate, facts), _relation(predicate, facts), severity)
    failed = next((part for part in parts if part.holds is False), None)
    known = _describe(facts, severity, now)
    if failed is not None:
        words = f"{known}: does not meet {criterion.id} ({failed.words})"
        return Reading(criterion.id, Answer.DOES_NOT, words, since=severity.since)
    missing = tuple(part.missing for part in parts if part.missing)
    since, ends_at = severity.since, severity.clock_ends_at
    if all(part.holds for part in parts):
        words = f"{known}: meets {criterion.id}"
        return Reading(criterion.id, Answer.MEETS, words, (), since, ends_at)
    why = [part.words for part in parts if part.holds is None]
    words = f"{known}: could meet {criterion.id} ({'; '.join(why)})"
    return Reading(criterion.id, Answer.COULD_MEET, words, missing, since, ends_at)


def unread(criterion: Criterion) -> Reading:
    """The reading of words alone."""
    return Reading(criterion.id, Answer.NOT_READ, f"{criterion.id} is read by people alone")


def clock_of(criterion: Criterion, facts: EventFacts) -> tuple[Stretch, datetime] | None:
    """The clock of a criterion that still runs on this event, with its end; None when there is
    none, it has stopped, or the criterion is for another kind of event: then nothing is waited for.
    Time is not looked at."""
    predicate = criterion.predicate
    if predicate is None or not predicate.has_clock or _is_at_once(predicate, facts):
        return None
    if _category(predicate, facts).holds is False:
        return None
    running = [
        (stretch, limit)
        for stretch in facts.stretches(from_grade=predicate.from_grade, down_to=predicate.down_to)
        if stretch.until is None and (limit := _limit(predicate, facts, stretch)) is not None
    ]
    return running[-1] if running else None


def _category(predicate: Predicate, facts: EventFacts) -> _Part:
    asked = predicate.categories or predicate.except_categories
    if not asked:
        return _Part(True)
    if facts.category is None:
        return _Part(None, "what kind of event it is is not known", "category")
    if predicate.categories and facts.category not in predicate.categories:
        return _Part(False, "another kind of event")
    if facts.category in predicate.except_categories:
        return _Part(False, "this kind of event is not among them")
    return _Part(True)


def _relation(predicate: Predicate, facts: EventFacts) -> _Part:
    """To the product at least so strong, and so not solely to anything else."""
    if predicate.related_at_least is None:
        return _Part(True)
    is_related = facts.is_related(at_least=predicate.related_at_least)
    if is_related is None:
        return _Part(None, "the relation to the product is not known", "causality")
    return _Part(is_related, "" if is_related else "not related to the product")


def _severity(predicate: Predicate, facts: EventFacts, now: datetime) -> _Part:
    if predicate.is_death:
        return _death(facts)
    if facts.worst < predicate.from_grade:
        return _treated(predicate, facts)
    if not predicate.has_clock or _is_at_once(predicate, facts):
        from_grade = (predicate.at_once_from or DEATH) if predicate.has_clock else None
        return _Part(True, since=facts.reached_at(from_grade or predicate.from_grade))
    return _clock(predicate, facts, now)


def _is_at_once(predicate: Predicate, facts: EventFacts) -> bool:
    """A grade that has no time to come down; a death never has."""
    return facts.worst >= (predicate.at_once_from or DEATH)


def _death(facts: EventFacts) -> _Part:
    if facts.worst < DEATH:
        return _Part(False, "not a death")
    if facts.is_death_ruled_unrelated:
        return _Part(False, "the committee has ruled the death unrelated")
    return _Part(True, since=facts.reached_at(DEATH))


def _treated(predicate: Predicate, facts: EventFacts) -> _Part:
    """Below the grade; bad enough all the same with the treatment that the criterion names."""
    kind, grade = predicate.treated_with, predicate.treated_from
    if kind is None or grade is None or facts.worst < grade:
        return _Part(False, f"below grade {grade or predicate.from_grade}")
    needed = facts.treatments.get(kind)
    if needed is None:
        return _Part(None, f"whether it needed {kind} treatment is not known", f"treatment {kind}")
    if not needed:
        return _Part(False, f"no {kind} treatment was needed")
    return _Part(True, since=facts.reached_at(grade))


def _clock(predicate: Predicate, facts: EventFacts, now: datetime) -> _Part:
    """Too long in any stretch meets; else one that still runs could; else it came down in time."""
    parts = [
        _stretch(predicate, facts, stretch, now)
        for stretch in facts.stretches(from_grade=predicate.from_grade, down_to=predicate.down_to)
    ]
    for wanted in (True, None):
        found = next((part for part in parts if part.holds is wanted), None)
        if found is not None:
            return found
    return parts[-1]


def _stretch(predicate: Predicate, facts: EventFacts, stretch: Stretch, now: datetime) -> _Part:
    limit = _limit(predicate, facts, stretch)
    down = f"down to grade {predicate.down_to}" if predicate.down_to else "resolved"
    if limit is None:
        words = f"the end of Day {predicate.by_day} is not known"
        return _Part(None, words, f"Day {predicate.by_day}", stretch.since)
    if stretch.until is not None and stretch.until <= limit:
        return _Part(False, f"{down} in time", "", stretch.since, limit)
    if stretch.until is not None or now >= limit:
        return _Part(True, "", "", stretch.since, limit)
    words = f"not yet {down}, its clock ends {limit:%d-%b-%Y %H:%M} UTC"
    return _Part(None, words, "", stretch.since, limit)


def _limit(predicate: Predicate, facts: EventFacts, stretch: Stretch) -> datetime | None:
    """When the clock of a stretch ends; None when that cannot be known."""
    if predicate.clock_hours is not None:
        return stretch.since + timedelta(hours=predicate.clock_hours)
    assert predicate.by_day is not None
    return facts.day_ends.get(predicate.by_day)


def _describe(facts: EventFacts, severity: _Part, now: datetime) -> str:
    """The facts in a few words: "grade 3, related, 80 h"."""
    is_related = facts.is_related(at_least="POSSIBLE")
    relation = {True: "related", False: "not related", None: "relation not known"}[is_related]
    words = [f"grade {facts.worst}", relation]
    if severity.clock_ends_at is not None and severity.since is not None:
        until = min(facts.ended_at or now, now)
        words.append(f"{max(until - severity.since, timedelta()) // timedelta(hours=1)} h")
    return ", ".join(words)
