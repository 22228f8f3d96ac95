"""The escalation path: everyone who counts in order of treatment, and what was said and signed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Min

from cohorts.models import DoseLevel, Outcome, Recommendation
from cohorts.queries.advice import name_counts, name_suspensions
from cohorts.queries.decisions import DecisionRow, read_decisions
from cohorts.queries.people import Person, read_people
from cohorts.queries.steady import read_steady
from cohorts.queries.viewers import Mask, Viewer, mask_for
from cohorts.queries.words import Mark, name_answer, name_dose, name_flag, name_level, name_rule
from ntrust.models import Event, Study

_OWN_ROW = ("RECOMMENDATION_CHANGED", "DECISION_SIGNED", "DECISION_PROPOSED")
"""Events that the step itself says already."""


@dataclass(frozen=True)
class PathPerson:
    """A participant's place on the path, counted from 1 in order of first infusion."""

    order: int
    person: Person
    level_name: str
    at: datetime | None


@dataclass(frozen=True)
class PathLevel:
    """A rung as the chart's axis shows it."""

    ordinal: int
    name: str
    dose: str


@dataclass(frozen=True)
class Step:
    """One turn of the trial: a new recommendation, or a signed decision (`decision` its number).

    `after`: how many participants had begun treatment then.
    """

    at: datetime
    happened: tuple[str, ...]
    counts: str
    advice: Mark
    rule: str
    suspended_by: tuple[str, ...]
    flags: tuple[str, ...]
    after: int
    decision: DecisionRow | None = None


@dataclass(frozen=True)
class Path:
    """The whole path at one revision."""

    study: Study
    revision: int
    as_of: datetime
    levels: tuple[PathLevel, ...]
    people: tuple[PathPerson, ...]
    steps: tuple[Step, ...]

    @property
    def decisions(self) -> tuple[Step, ...]:
        """The steps that are signed decisions."""
        return tuple(step for step in self.steps if step.decision is not None)


def escalation_path(study: Study, *, viewer: Viewer, now: datetime) -> Path:
    """The study's path for one viewer, all of one revision."""
    return read_steady(study, lambda revision: _read(study, viewer, now, revision))


def _read(study: Study, viewer: Viewer, now: datetime, revision: int) -> Path:
    mask = mask_for(viewer)
    people, begun = _people(study, viewer=viewer, mask=mask, now=now)
    said = _recommendation_steps(study, mask, begun)
    signed = [
        _decision_step(row, row.signed_at, begun)
        for row in read_decisions(study, mask)
        if row.signed_at is not None
    ]
    return Path(
        study=study,
        revision=revision,
        as_of=now,
        levels=tuple(
            PathLevel(level.ordinal, name_level(level.ordinal), name_dose(level.dose, level.unit))
            for level in DoseLevel.objects.filter(study=study).order_by("-ordinal")
        ),
        people=tuple(people),
        steps=tuple(sorted(said + signed, key=lambda step: step.at)),
    )


def _people(
    study: Study, *, viewer: Viewer, mask: Mask, now: datetime
) -> tuple[list[PathPerson], list[datetime]]:
    """Participants in order, and the times at which those treated began."""
    times = {
        pk: (infused_at, seated_at)
        for pk, infused_at, seated_at in Outcome.objects.filter(study=study, is_counted=True)
        .order_by()
        .values_list("participant_id", "first_infused_at")
        .annotate(Min("participant__slots__reserved_at"))
    }
    found = read_people(study, viewer=viewer, mask=mask, now=now)
    found.sort(key=lambda person: _place(person, *times[person.participant_id]))
    people = [
        PathPerson(
            order=order,
            person=person,
            level_name=name_level(person.level),
            at=person.first_infused_at,
        )
        for order, person in enumerate(found, start=1)
    ]
    return people, sorted(infused_at for infused_at, _ in times.values() if infused_at)


def _place(
    person: Person, infused_at: datetime | None, seated_at: datetime | None
) -> tuple[bool, float, int]:
    """Those treated by time of infusion 1; then those seated, by time of their seat."""
    at = infused_at or seated_at
    return infused_at is None, at.timestamp() if at else 0.0, person.participant_id


def _recommendation_steps(study: Study, mask: Mask, begun: list[datetime]) -> list[Step]:
    """The stored recommendations where the answer, its flags or its suspension changed."""
    rows = (
        Recommendation.objects.filter(study=study)
        .defer("basis", "bounds", "reasons", "pending")
        .order_by("id")
    )
    changed = []
    last: tuple[Any, ...] | None = None
    for row in rows:
        answer = (row.verdict, row.level, row.outcome, row.mtd, row.flags, row.suspended_by)
        if answer != last:
            changed.append(row)
        last = answer
    happened = _events(study, [row.revision for row in changed], mask)
    return [
        Step(
            at=row.computed_at,
            happened=happened.get(row.revision, ()),
            counts=name_counts(row.counts),
            advice=name_answer(row.verdict, row.level, row.outcome, row.mtd),
            rule=name_rule(row.rule),
            suspended_by=name_suspensions(row.suspended_by, mask),
            flags=tuple(name_flag(flag) for flag in row.flags),
            after=sum(at <= row.computed_at for at in begun),
        )
        for row in changed
    ]


def _events(study: Study, revisions: list[int], mask: Mask) -> dict[int, tuple[str, ...]]:
    """What happened in those revisions, in sentences."""
    found: defaultdict[int, list[str]] = defaultdict(list)
    for revision, sentence in (
        Event.objects.filter(study=study, revision__in=revisions)
        .exclude(kind__in=_OWN_ROW)
        .order_by("id")
        .values_list("revision", "sentence")
    ):
        found[revision].append(mask.cover(sentence))
    return {revision: tuple(sentences) for revision, sentences in found.items()}


def _decision_step(row: DecisionRow, signed_at: datetime, begun: list[datetime]) -> Step:
    return Step(
        at=signed_at,
        happened=(),
        counts=name_counts(row.counts),
        advice=row.advised,
        rule=row.rule,
        suspended_by=(),
        flags=tuple(name_flag(flag) for flag in row.flags),
        after=sum(at <= signed_at for at in begun),
        decision=row,
    )
