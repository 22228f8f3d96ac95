"""What is known of an event, as the engine reads it; the criteria on it; what is still missing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from cohorts.engine.toxicity import (
    DEATH,
    EventFacts,
    Reading,
    Step,
    clock_of,
    read_criteria,
    unread,
)
from cohorts.models import Participant
from cohorts.policies import day_at, document_of
from cohorts.protocol import PredicateData, ProtocolDocument
from dosing.models import DltWindow, Medication
from ntrust.states import Role
from safety.models import AdverseEvent, EventWord
from safety.policies.course import course_of
from safety.policies.reports import began_in_window
from safety.states import EventOutcome, Seriousness

CAUSALITY, SERIOUSNESS, COMPONENTS = "causality", "seriousness", "components"
CATEGORY, AWARENESS, NARRATIVE, TREATMENT = "category", "awareness", "narrative", "treatment"
WORDS: Final = {
    CAUSALITY: "the relation to the product",
    SERIOUSNESS: "whether it is serious, and by which criteria",
    COMPONENTS: "the relation to everything else",
    CATEGORY: "what kind of event it is",
    AWARENESS: "when you learned of it",
    NARRATIVE: "the narrative",
    TREATMENT: "which treatment it needed",
}
"""What may be missing after the alert, in words."""


def facts_of(event: AdverseEvent) -> EventFacts:
    """Everything recorded about an event. What was not entered is not known, never a "no".

    An event without a course, taken over from paper, had its grade from the onset on.
    """
    participant = event.participant
    document = document_of(participant.protocol_version)
    system = document.adverse_events.system(event.grading_system)
    window = DltWindow.objects.filter(participant=participant).first()
    opened_at = window.opened_at if window is not None else None
    steps = tuple(Step(step.grade, step.since) for step in course_of(event))
    return EventFacts(
        kind=system.kind if system is not None else None,
        category=event.category or (system.category if system is not None else "") or None,
        course=steps or (Step(event.grade, event.onset_at),),
        onset_at=event.onset_at,
        ended_at=event.ended_at,
        product=event.causality or None,
        causality=dict(event.causalities),
        is_serious=event.is_serious,
        seriousness=frozenset(event.seriousness),
        is_fatal=is_fatal(event),
        is_death_ruled_unrelated=_is_death_ruled_unrelated(event),
        treatments=_treatments(event),
        study_day=study_day(event, opened_at),
        is_in_window=None if opened_at is None else began_in_window(event, window),
        day_ends=_day_ends(participant, document, opened_at),
    )


def is_fatal(event: AdverseEvent) -> bool:
    """Whether any of the words that say a death does."""
    return (
        event.grade == DEATH
        or event.outcome == EventOutcome.FATAL
        or Seriousness.DEATH in event.seriousness
    )


def _is_death_ruled_unrelated(event: AdverseEvent) -> bool:
    """Whether the committee's minutes say so, in the medical monitor's last signed word."""
    if event._state.adding:
        return False
    last = EventWord.objects.filter(event=event, speaker=Role.MEDICAL_MONITOR).last()
    return last is not None and not last.is_dlt and last.committee_reference != ""


def study_day(event: AdverseEvent, opened_at: datetime | None) -> int | None:
    """The day of the onset at the site, infusion 1 on Day 0; None before infusion 1."""
    if opened_at is None:
        return None
    site = event.participant.site
    return (day_at(site, event.onset_at) - day_at(site, opened_at)).days


def _treatments(event: AdverseEvent) -> dict[str, bool]:
    """What was said, and the medicines begun while it lasted: these go before a "no". One that was
    taken before it began says nothing."""
    site = event.participant.site
    begun = Medication.objects.filter(
        participant=event.participant, started_on__gte=day_at(site, event.onset_at)
    )
    if event.ended_at is not None:
        begun = begun.filter(started_on__lte=day_at(site, event.ended_at))
    kinds = {kind for medicine in begun for kind in medicine.kinds}
    return {**event.treatments, **dict.fromkeys(kinds, True)}


def _day_ends(
    participant: Participant, document: ProtocolDocument, opened_at: datetime | None
) -> dict[int, datetime]:
    """24:00 site time of the study days by which a criterion asks."""
    if opened_at is None:
        return {}
    zone = ZoneInfo(participant.site.timezone)
    first = opened_at.astimezone(zone).date()
    days = {one.reads.by_day for one in document.dlt_criteria if one.reads is not None}
    return {
        day: datetime.combine(first + timedelta(days=day + 1), time(), tzinfo=zone).astimezone(UTC)
        for day in days
        if day is not None
    }


def read_event(event: AdverseEvent, *, now: datetime) -> tuple[Reading, ...]:
    """Every DLT criterion of the participant's own protocol version on an event."""
    document = document_of(event.participant.protocol_version)
    criteria = [one.criterion() for one in document.dlt_criteria]
    if all(one.predicate is None for one in criteria):
        return tuple(unread(one) for one in criteria)
    return read_criteria(criteria, facts_of(event), now)


def clock_end(event: AdverseEvent, criterion_id: str) -> datetime | None:
    """When the criterion's clock on an event ends; None when it has none, or it has stopped: then a
    report by it counts at once. Refuses a criterion nobody knows (`unknown_criterion`).

    The clock runs from when the grade was reached; where the criterion is words alone, from the
    onset.
    """
    if not criterion_id:
        return None
    rule = document_of(event.participant.protocol_version).criterion(criterion_id)
    if rule.reads is not None:
        clock = clock_of(rule.criterion(), facts_of(event))
        return clock[1] if clock is not None else None
    is_at_once = rule.at_once_from is not None and event.grade >= rule.at_once_from
    if is_at_once or rule.clock_hours is None or event.ended_at is not None:
        return None
    return event.onset_at + timedelta(hours=rule.clock_hours)


def missing_of(event: AdverseEvent) -> tuple[str, ...]:
    """What is still to be entered after the alert; nothing of an event taken over from paper."""
    if event.is_legacy:
        return ()
    document = document_of(event.participant.protocol_version)
    rules, known = document.adverse_events, set(event.causalities)
    asked = _asked_treatments(event, document)
    found = {
        CAUSALITY: not event.causality,
        SERIOUSNESS: event.is_serious is None or (event.is_serious and not event.seriousness),
        COMPONENTS: not {one.key for one in rules.others} <= known,
        CATEGORY: bool(rules.categories) and not _category(event, document),
        AWARENESS: event.aware_at is None,
        NARRATIVE: event.is_serious is not False and not event.narrative,
        TREATMENT: bool(asked) and not asked <= set(_treatments(event)),
    }
    return tuple(name for name, is_missing in found.items() if is_missing)


def _category(event: AdverseEvent, document: ProtocolDocument) -> str:
    system = document.adverse_events.system(event.grading_system)
    return event.category or (system.category if system is not None else "")


def _asked_treatments(event: AdverseEvent, document: ProtocolDocument) -> set[str]:
    """Kinds of medicine by which a criterion judges an event of this kind and grade."""
    category = _category(event, document)
    return {
        reads.treated_with
        for reads in _predicates(document)
        if reads.treated_with is not None
        and reads.treated_from is not None
        and category in reads.categories
        and event.grade >= reads.treated_from
    }


def _predicates(document: ProtocolDocument) -> Iterable[PredicateData]:
    return (one.reads for one in document.dlt_criteria if one.reads is not None)


def due_at(event: AdverseEvent) -> datetime | None:
    """When what is missing is due; None where the protocol sets no time."""
    hours = document_of(event.participant.protocol_version).adverse_events.completion_hours
    return None if hours is None else event.entered_at + timedelta(hours=hours)
