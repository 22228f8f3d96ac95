"""Where the criteria, the investigator and the medical monitor differ about an event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from cohorts.engine.toxicity import Answer
from cohorts.models import Participant
from ntrust.models import Study
from ntrust.states import Role
from safety.models import EventWord

DLT, NO_DLT, NOT_SAID = "DLT", "no DLT", ""
_MEETS, _NONE = "meets ", "meets none"
_SAYS: Final = {Answer.MEETS: True, Answer.DOES_NOT: False}


@dataclass(frozen=True)
class Disagreement:
    """What each of the three said of an event, last. `monitor` is empty until there is a word.

    `rule`: the criteria as they read when the investigator spoke.
    """

    event: int
    participant: Participant
    what: str
    rule: str
    investigator: str
    investigator_reason: str
    monitor: str
    monitor_reason: str
    is_open: bool
    said_at: datetime

    @property
    def says_dlt(self) -> bool:
        """Whether any of the three holds it to be one."""
        is_met = self.rule not in (_NONE, "") and self.rule.startswith(_MEETS)
        return is_met or DLT in (self.investigator, self.monitor)


def disagreements(study: Study) -> list[Disagreement]:
    """Every event on which two of the three differ or differed, in order of the events. One
    statement."""
    words = EventWord.objects.filter(event__participant__study=study).select_related(
        "event__participant__site"
    )
    by_event = groupby(words.order_by("event_id", "id"), key=lambda word: word.event_id)
    rows = (_read(list(group)) for _, group in by_event)
    return [row for row in rows if row is not None]


def _read(words: list[EventWord]) -> Disagreement | None:
    """The last words of an event; None when nobody differs."""
    said = _last(words, Role.INVESTIGATOR)
    ruled = _last(words, Role.MEDICAL_MONITOR)
    first = said or ruled
    if first is None:
        return None
    positions = {_SAYS.get(Answer(first.rule))}
    positions |= {word.is_dlt for word in (said, ruled) if word is not None}
    if len(positions - {None}) < 2:
        return None
    return Disagreement(
        event=first.event_id,
        participant=first.event.participant,
        what=str(first.event),
        rule=_rule(first),
        investigator=_position(said),
        investigator_reason=said.reason if said is not None else "",
        monitor=_position(ruled),
        monitor_reason=ruled.reason if ruled is not None else "",
        is_open=ruled is None,
        said_at=first.said_at,
    )


def _last(words: Iterable[EventWord], speaker: str) -> EventWord | None:
    return next((word for word in reversed(list(words)) if word.speaker == speaker), None)


def _position(word: EventWord | None) -> str:
    if word is None:
        return NOT_SAID
    return DLT if word.is_dlt else NO_DLT


def _rule(word: EventWord) -> str:
    met = [one["criterion"] for one in word.readings if one["answer"] == Answer.MEETS]
    could = [one["criterion"] for one in word.readings if one["answer"] == Answer.COULD_MEET]
    if met:
        return _MEETS + ", ".join(met)
    return f"could meet {', '.join(could)}" if could else _NONE
