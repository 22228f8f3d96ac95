"""Judging somebody by every criterion of their group, and what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from cohorts.engine.eligibility.checks import Criterion, Facts, Kind, evaluate
from cohorts.engine.eligibility.fields import Result

GENERAL = "general"
"""The group of the criteria that apply to everybody."""


class State(StrEnum):
    """Whether the text of a criterion is true: literally, be it inclusion or exclusion."""

    MET = "MET"
    NOT_MET = "NOT_MET"
    MISSING = "MISSING"


class EligibilityError(ValueError):
    """A question that cannot be answered: a group of which the criteria know nothing."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A criterion read today.

    `missing`: keys of fields that can still decide it, those `expired` among them;
    `missing_anchors`: keys of such reference dates. `expires_on`: the first day on which the answer
    rests on a result that is out of date; None: never, or there is no answer.
    """

    criterion: str
    kind: Kind
    state: State
    sentence: str
    missing: tuple[str, ...] = ()
    expired: tuple[str, ...] = ()
    missing_anchors: tuple[str, ...] = ()
    expires_on: date | None = None

    @property
    def passes(self) -> bool | None:
        """Whether the criterion lets them in; None while it is missing."""
        if self.state is State.MISSING:
            return None
        return (self.state is State.MET) == (self.kind is Kind.INCLUSION)


def judge_criteria(
    criteria: Iterable[Criterion],
    *,
    group: str,
    results: Mapping[str, Result],
    anchors: Mapping[str, date],
    today: date,
) -> tuple[Reading, ...]:
    """Every criterion that applies to the group, in the order of the protocol.

    `results` by field key, `anchors` by reference date. What is not there, out of date, dated
    after today, implausible or without its comment is missing, never guessed. Raises
    EligibilityError for a group of which none speaks while others have their own.
    """
    known = tuple(criteria)
    own = {criterion.group for criterion in known} - {GENERAL}
    if own and group not in own:
        raise EligibilityError(f"No criterion speaks of the group {group!r}.")
    facts = Facts(results=results, anchors=anchors, today=today)
    return tuple(_read(each, facts) for each in known if each.group in (GENERAL, group))


def is_eligible(readings: Iterable[Reading]) -> bool:
    """Every criterion lets them in. Without criteria nobody is eligible."""
    passes = [reading.passes for reading in readings]
    return bool(passes) and all(each is True for each in passes)


def failed(readings: Iterable[Reading]) -> tuple[str, ...]:
    """Ids of the criteria that keep them out."""
    return tuple(reading.criterion for reading in readings if reading.passes is False)


def missing_fields(readings: Iterable[Reading], form: Iterable[str]) -> tuple[str, ...]:
    """Keys of the fields still needed, in the order of the form."""
    needed = {key for reading in readings for key in reading.missing}
    return tuple(key for key in form if key in needed)


def missing_anchors(readings: Iterable[Reading]) -> tuple[str, ...]:
    """Keys of the reference dates still needed, in the order they are first asked for."""
    return tuple(dict.fromkeys(key for reading in readings for key in reading.missing_anchors))


def first_expiry(readings: Iterable[Reading]) -> date | None:
    """The first day on which one of the answers no longer holds; None: they all keep."""
    return min((each.expires_on for each in readings if each.expires_on), default=None)


def _read(criterion: Criterion, facts: Facts) -> Reading:
    found = evaluate(criterion, facts)
    states = {True: State.MET, False: State.NOT_MET, None: State.MISSING}
    return Reading(
        criterion=criterion.id,
        kind=criterion.kind,
        state=states[found.truth],
        sentence=". ".join(found.sentences),
        missing=found.missing,
        expired=found.expired,
        missing_anchors=found.missing_anchors,
        expires_on=found.expires_on,
    )
