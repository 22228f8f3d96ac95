"""Serious adverse events: which clocks of the sponsor they start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, time, timedelta
from typing import Any, Final

from cohorts.engine.toxicity import DEATH, RELATIONS
from cohorts.protocol import ProtocolDocument, SafetyReportingData
from safety.models import AdverseEvent
from safety.states import Seriousness

STARTED: Final = "SAE_CLOCK_STARTED"
SENT, WITHDRAWN = "SAE_REPORT_SENT", "SAE_REPORT_WITHDRAWN"
TO_SPONSOR: Final = 0
"""In the place of calendar days: the site's clock, in hours, to the sponsor."""
ABOUT_CLOCKS: Final = (STARTED, SENT, WITHDRAWN)
Key = tuple[int, int]
"""An event's number, and the calendar days of a clock of it."""
_SEVERE = {Seriousness.DEATH, Seriousness.LIFE_THREATENING}


def is_severe(event: AdverseEvent) -> bool:
    """Fatal or life-threatening. Never derived from the grade, but grade 5 is a death."""
    return event.grade == DEATH or bool(_SEVERE & set(event.seriousness))


def is_reportable(event: AdverseEvent, document: ProtocolDocument) -> bool:
    """Serious, suspected and unexpected; what is not known yet is no "no"."""
    rules = document.safety_reporting
    if not event.is_serious or not _is_suspected(event, rules):
        return False
    system = document.adverse_events.system(event.grading_system)
    category = event.category or (system.category if system is not None else "")
    return not any(
        one.category == category and event.grade <= one.to_grade for one in rules.expected
    )


def _is_suspected(event: AdverseEvent, rules: SafetyReportingData) -> bool:
    least = RELATIONS.index(rules.suspected_from)
    return not event.causality or RELATIONS.index(event.causality) >= least


def clocks_of(event: AdverseEvent, document: ProtocolDocument) -> tuple[int, ...]:
    """Calendar days that the sponsor has for its reports to the regulator; none for most."""
    if not is_reportable(event, document):
        return ()
    rules = document.safety_reporting
    days = (rules.severe_days if is_severe(event) else None, rules.serious_days)
    return tuple(one for one in days if one is not None)


def clock_ends(start: datetime, days: int) -> datetime:
    """24:00 UTC of the last day, the day after the start being the first. Weekends count."""
    last = start.astimezone(UTC).date() + timedelta(days=days)
    return datetime.combine(last + timedelta(days=1), time(), tzinfo=UTC)


def follow_clocks(
    rows: Iterable[tuple[str, Mapping[str, Any]]],
) -> tuple[dict[Key, datetime], set[Key]]:
    """When each started clock ends, and of which clocks a report was sent and not taken back.

    `rows`: kind and data of what was recorded about clocks, oldest first.
    """
    ends: dict[Key, datetime] = {}
    sent: set[Key] = set()
    for kind, data in rows:
        if kind == STARTED:
            for days, end in data["clocks"].items():
                ends[data["event"], int(days)] = datetime.fromisoformat(end)
        elif kind == SENT:
            sent.add((data["event"], data["days"]))
        else:
            sent.discard((data["event"], data["days"]))
    return ends, sent


def name_clock(days: int) -> str:
    """A clock in words."""
    return f"{days} calendar days, to the regulator" if days else "the site's hours, to the sponsor"
