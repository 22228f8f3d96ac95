"""Which pause rules of the protocol are met, by whom, and why.

A rule is a predicate over one event, as a DLT criterion is, and a number of participants or events
that have to meet it, in the study or at one level. What is not known never clears anybody: an event
that could meet a rule counts, and the reason says that it cannot be excluded.

Source: protocol section "Pause rules"; the predicates are protocol data.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cohorts.engine.toxicity import DEATH, Answer, Criterion, EventFacts, Predicate, read_criterion

_MOST_EVENTS = 99


@dataclass(frozen=True, slots=True)
class PauseRule:
    """A safety signal. `least`: so many participants, or events where `counts_events`, meet the
    predicate; `is_by_level`: at one level. `days_after_infusion`: a death so many days after an
    infusion, the last day counted whole; None: whenever it was. `unknown_kind_from`: an event whose
    kind is not stated counts from this grade on; None: from that of the predicate.
    """

    id: str
    predicate: Predicate
    is_by_level: bool = False
    least: int = 1
    counts_events: bool = False
    days_after_infusion: int | None = None
    unknown_kind_from: int | None = None


@dataclass(frozen=True, slots=True)
class Person:
    """A participant as the rules see them. `level`: where they count; None before a seat.

    `is_dead`: recorded as having died, whether or not an event says so.
    """

    subject: str
    level: int | None
    infused_at: tuple[datetime, ...] = ()
    events: tuple[EventFacts, ...] = ()
    is_dead: bool = False


@dataclass(frozen=True, slots=True)
class Sign:
    """One participant under a rule. `severity`: grade times 100 and the number of events, so that a
    worse grade or one more event is more. `is_certain` False: it cannot be excluded."""

    subject: str
    severity: int
    why: str
    is_certain: bool

    @property
    def events(self) -> int:
        """How many events of this participant meet the rule."""
        return self.severity % 100


@dataclass(frozen=True, slots=True)
class Met:
    """A rule that is met: at `level`, or None for the study, by these."""

    rule: str
    level: int | None
    signs: tuple[Sign, ...]


def find_met(
    rules: Iterable[PauseRule], people: Sequence[Person], *, now: datetime
) -> tuple[Met, ...]:
    """Every rule that is met, in the protocol's order, levels from the lowest."""
    return tuple(met for rule in rules for met in _evaluate(rule, people, now))


def _evaluate(rule: PauseRule, people: Sequence[Person], now: datetime) -> Iterator[Met]:
    levels: list[int | None] = [None]
    if rule.is_by_level:
        levels = [*sorted({person.level for person in people if person.level is not None})]
    for level in levels:
        there = [person for person in people if level is None or person.level == level]
        signs = tuple(sign for person in there if (sign := _sign(rule, person, now)) is not None)
        number = sum(sign.events for sign in signs) if rule.counts_events else len(signs)
        if number >= rule.least:
            yield Met(rule.id, level, signs)


def _sign(rule: PauseRule, person: Person, now: datetime) -> Sign | None:
    """What of this participant meets the rule; None when nothing does or could."""
    if rule.predicate.is_death:
        return _death(rule, person, now)
    read = [
        (facts, read_criterion(Criterion(rule.id, rule.predicate), facts, now))
        for facts in person.events
        if facts.category is not None or facts.worst >= (rule.unknown_kind_from or 1)
    ]
    found = [(facts, reading) for facts, reading in read if reading.answer in _COUNTS]
    if not found:
        return None
    worst = max(facts.worst for facts, _ in found)
    is_certain = any(reading.answer is Answer.MEETS for _, reading in found)
    words = "; ".join(reading.sentence for _, reading in found)
    if not is_certain:
        words = f"cannot be excluded: {words}"
    return Sign(person.subject, worst * 100 + min(len(found), _MOST_EVENTS), words, is_certain)


_COUNTS = (Answer.MEETS, Answer.COULD_MEET)


def _death(rule: PauseRule, person: Person, now: datetime) -> Sign | None:
    """A death, near enough to an infusion. Only the committee's ruling on every event that says it
    takes it back; of what they died is nobody else's to say."""
    fatal = [facts for facts in person.events if facts.worst == DEATH]
    is_ruled = bool(fatal) and all(facts.is_death_ruled_unrelated for facts in fatal)
    if is_ruled or not (fatal or person.is_dead):
        return None
    severity, days = DEATH * 100 + 1, rule.days_after_infusion
    if days is None:
        return Sign(person.subject, severity, "died", True)
    if not person.infused_at:
        return None
    ranges = [_when(facts, person, now) for facts in fatal] or [(max(person.infused_at), now)]
    lasts = timedelta(days=days + 1)
    if not any(
        earliest < infused_at + lasts and infused_at <= latest
        for earliest, latest in ranges
        for infused_at in person.infused_at
    ):
        return None
    if all(earliest == latest for earliest, latest in ranges):
        return Sign(person.subject, severity, f"died within {days} days of an infusion", True)
    words = f"died; when is not known, so that {days} days from an infusion cannot be excluded"
    return Sign(person.subject, severity, words, False)


def _when(facts: EventFacts, person: Person, now: datetime) -> tuple[datetime, datetime]:
    """The earliest and the latest moment of a death. Known is one that the course gives, and that
    no infusion contradicts: who was infused later was alive."""
    moment = facts.reached_at(DEATH)
    assert moment is not None
    is_given = any(step.grade == DEATH for step in facts.course)
    if is_given and moment >= max(person.infused_at):
        return moment, moment
    return max(moment, *person.infused_at), now
