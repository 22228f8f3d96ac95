"""The section of a protocol document on pause rules: safety signals that place a hold."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from cohorts.engine import pauses
from cohorts.engine.toxicity import Predicate, ToxicityError
from cohorts.protocol.rules import Section
from cohorts.protocol.toxicity import AdverseEventsData, Grade, Relation


class PauseData(Section):
    """What of a pause rule is read from events, and how much of it there has to be.

    `least`: so many participants, or events where `counts: events`. `days_after_infusion` belongs
    to a death. What is not known of an event counts; where its kind is not stated, from grade
    `unknown_kind_from` on.
    """

    categories: tuple[str, ...] = ()
    except_categories: tuple[str, ...] = ()
    is_death: bool = False
    related_at_least: Relation | None = None
    from_grade: Grade = 1
    days_after_infusion: Annotated[int, Field(ge=0, le=3650)] | None = None
    unknown_kind_from: Grade | None = None
    least: Annotated[int, Field(ge=1)] = 1
    counts: Literal["participants", "events"] = "participants"

    @model_validator(mode="after")
    def _days_belong_to_a_death(self) -> Self:
        if self.days_after_infusion is not None and not self.is_death:
            raise ValueError("days after an infusion are asked of a death alone")
        return self


class PauseRule(Section):
    """A safety signal that places a hold by itself, on the study or on a level and all above.

    `reads`: what the service reads of it; without it people alone do.
    """

    id: Annotated[str, Field(min_length=1, max_length=20, pattern=r"^\w+$")]
    text: str
    scope: Literal["study", "level"]
    reads: PauseData | None = None

    @model_validator(mode="after")
    def _predicate_can_be(self) -> Self:
        try:
            self.rule()
        except ToxicityError as error:
            raise ValueError(str(error)) from error
        return self

    def rule(self) -> pauses.PauseRule | None:
        """As the engine reads it; None where people alone do."""
        reads = self.reads
        if reads is None:
            return None
        predicate = Predicate(
            categories=frozenset(reads.categories),
            except_categories=frozenset(reads.except_categories),
            is_death=reads.is_death,
            related_at_least=reads.related_at_least,
            from_grade=reads.from_grade,
        )
        return pauses.PauseRule(
            id=self.id,
            predicate=predicate,
            is_by_level=self.scope == "level",
            least=reads.least,
            counts_events=reads.counts == "events",
            days_after_infusion=reads.days_after_infusion,
            unknown_kind_from=reads.unknown_kind_from,
        )


def check_pause_categories(rules: tuple[PauseRule, ...], events: AdverseEventsData) -> None:
    """A rule reads categories that events may have. Raises ValueError."""
    known = {category.key for category in events.categories}
    for rule in rules:
        if rule.reads is not None:
            named = {*rule.reads.categories, *rule.reads.except_categories}
            for unknown in sorted(named - known):
                raise ValueError(f"pause rule {rule.id} reads {unknown}, which is no category")
