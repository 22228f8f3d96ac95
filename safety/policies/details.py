"""What is said of an event besides the alert, and whether it can be so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cohorts.engine.toxicity import DEATH
from cohorts.protocol import AdverseEventsData
from ntrust.errors import Refused
from safety.models import AdverseEvent
from safety.states import ActionTaken, Causality, EventOutcome, Seriousness


@dataclass(frozen=True)
class EventDetails:
    """Everything after the alert's four answers; None, or not in a mapping: not said.

    `seriousness`: the criteria met; none of them: not serious. `causalities`: component to word,
    for those besides the product; `treatments`: kind of medicine to whether the event needed it.
    """

    causality: str | None = None
    seriousness: tuple[str, ...] | None = None
    causalities: Mapping[str, str] | None = None
    category: str | None = None
    aware_at: datetime | None = None
    action_taken: str | None = None
    outcome: str | None = None
    narrative: str | None = None
    treatments: Mapping[str, bool] | None = None

    def on(self, event: AdverseEvent) -> dict[str, Any]:
        """The fields of an event that these words change."""
        said: dict[str, Any] = {
            "causality": self.causality,
            "category": self.category,
            "aware_at": self.aware_at,
            "action_taken": self.action_taken,
            "outcome": self.outcome,
            "narrative": None if self.narrative is None else self.narrative.strip(),
        }
        if self.seriousness is not None:
            said["seriousness"] = sorted(self.seriousness)
            said["is_serious"] = bool(self.seriousness)
        for name, words in (("causalities", self.causalities), ("treatments", self.treatments)):
            if words is not None:
                said[name] = {**getattr(event, name), **words}
        return {
            name: value
            for name, value in said.items()
            if value is not None and value != getattr(event, name)
        }


def check_details(event: AdverseEvent, rules: AdverseEventsData) -> None:
    """Refuse words that are none (`unknown_word`), a component or category that the protocol does
    not name (`unknown_component`, `unknown_category`), and what contradicts a death."""
    _check_words(event)
    for key in event.causalities:
        if key not in {one.key for one in rules.others}:
            raise Refused("unknown_component", f"The protocol relates no event to {key}.")
    system = rules.system(event.grading_system)
    own = system.category if system is not None else ""
    known = {one.key for one in rules.categories}
    if event.category and (event.category not in known or (own and event.category != own)):
        raise Refused(
            "unknown_category",
            f"An event graded by {event.grading_system} is no {event.category}.",
        )
    _check_death(event)


def _check_words(event: AdverseEvent) -> None:
    words = {
        **dict.fromkeys(event.seriousness, Seriousness),
        **dict.fromkeys(filter(None, event.causalities.values()), Causality),
    }
    words |= {event.causality: Causality} if event.causality else {}
    words |= {event.action_taken: ActionTaken} if event.action_taken else {}
    words |= {event.outcome: EventOutcome} if event.outcome else {}
    for word, choices in words.items():
        if word not in choices:
            raise Refused(
                "unknown_word", f"{word} is none of: {', '.join(map(str, choices.labels))}."
            )


def _check_death(event: AdverseEvent) -> None:
    """A death is grade 5, serious by death, and fatal; what is not said yet may follow."""
    says_death = Seriousness.DEATH in event.seriousness or event.outcome == EventOutcome.FATAL
    if says_death and event.grade != DEATH:
        raise Refused("death_is_grade_5", f"A death is grade 5, not {event.grade}: add the grade.")
    if event.grade != DEATH:
        return
    says_alive = (
        event.is_serious is False
        or (event.seriousness and Seriousness.DEATH not in event.seriousness)
        or event.outcome not in ("", EventOutcome.FATAL, EventOutcome.UNKNOWN)
    )
    if says_alive:
        raise Refused("grade_5_is_death", "Grade 5 is a death: serious, by death, and fatal.")
