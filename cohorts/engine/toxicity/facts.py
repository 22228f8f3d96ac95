"""What is known of one adverse event, as the criteria and the pause rules read it.

Frozen and pure. What is not known is None, or not in a mapping: never a word for "no".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

DEATH: Final = 5
"""The grade of a death, in every grading system."""
RELATIONS: Final = ("UNRELATED", "UNLIKELY", "POSSIBLE", "PROBABLE", "DEFINITE")
"""Words of causality, weakest first."""


class ToxicityError(ValueError):
    """Facts that cannot be: an event without a grade, a word nobody knows."""


@dataclass(frozen=True, slots=True)
class Step:
    """A grade of an event's course, and from when on it had it."""

    grade: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time in which an event was bad enough; `until` None while it has not come down."""

    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class EventFacts:
    """One adverse event. Grades are 1 to 5; times are aware.

    `kind`: of the grading system ("general", "crs", "icans", "iec_hs", "gvhd",
    "infusion_reaction"); `category`: what it is, by the protocol's list, or by its system alone.
    `course`: every grade it had, in order of time; the worst counts. `product`: the relation to the
    product, one of RELATIONS; `causality`: to the other components, where it is known.
    `seriousness`: the criteria met. `treatments`: kind of medicine to whether the event needed it.
    `study_day`: of the onset, infusion 1 on Day 0. `is_in_window`: None before there is a window.
    `day_ends`: study day to its end at the site. `flags`: anything else that was noted.
    `is_death_ruled_unrelated`: the committee's word, and nobody else's.
    """

    kind: str | None
    category: str | None
    course: tuple[Step, ...]
    onset_at: datetime
    ended_at: datetime | None
    product: str | None
    causality: Mapping[str, str] = field(default_factory=dict)
    is_serious: bool | None = None
    seriousness: frozenset[str] = frozenset()
    is_fatal: bool = False
    is_death_ruled_unrelated: bool = False
    treatments: Mapping[str, bool] = field(default_factory=dict)
    study_day: int | None = None
    is_in_window: bool | None = None
    day_ends: Mapping[int, datetime] = field(default_factory=dict)
    flags: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.course or any(not 1 <= step.grade <= DEATH for step in self.course):
            raise ToxicityError("An event has a grade, 1 to 5.")
        times = [step.since for step in self.course]
        if times != sorted(times):
            raise ToxicityError("A course is in order of time.")
        for word in (self.product, *self.causality.values()):
            if word is not None and word not in RELATIONS:
                raise ToxicityError(f"No word of causality: {word}.")

    @property
    def worst(self) -> int:
        """The grade that counts."""
        return DEATH if self.is_fatal else max(step.grade for step in self.course)

    def is_related(self, *, at_least: str) -> bool | None:
        """Whether the relation to the product is this strong; None when it is not known."""
        if self.product is None:
            return None
        return RELATIONS.index(self.product) >= RELATIONS.index(at_least)

    def reached_at(self, grade: int) -> datetime | None:
        """When the event first had this grade or a worse one; None when it never had."""
        if self.worst < grade:
            return None
        times = [step.since for step in self.course if step.grade >= grade]
        return min(times, default=self.course[-1].since)

    def stretches(self, *, from_grade: int, down_to: int) -> tuple[Stretch, ...]:
        """Each time from reaching `from_grade` until the grade was `down_to` or less, or the event
        ended. A death never comes down."""
        found: list[Stretch] = []
        since: datetime | None = None
        for step in self.course:
            if since is None and step.grade >= from_grade:
                since = step.since
            elif since is not None and step.grade <= down_to:
                found.append(Stretch(since, self._cut(step.since)))
                since = None
        if since is not None:
            found.append(Stretch(since, None if self.worst == DEATH else self.ended_at))
        return tuple(found)

    def _cut(self, moment: datetime) -> datetime:
        return moment if self.ended_at is None else min(moment, self.ended_at)
