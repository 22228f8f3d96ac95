"""A trial whose protocol has pause rules, and events that meet them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from cohorts.models import Hold, Participant
from safety.actions import report_event
from safety.management.conduct import Conduct
from safety.models import AdverseEvent
from safety.policies import EventDetails

PAUSE_RULES: Final[list[dict[str, Any]]] = [
    {
        "id": "PR1",
        "scope": "study",
        "text": "A death within 30 days of an infusion",
        "reads": {"is_death": True, "from_grade": 5, "days_after_infusion": 30},
    },
    {
        "id": "PR2",
        "scope": "study",
        "text": "Any CRS of grade 4 or higher",
        "reads": {"categories": ["crs"], "from_grade": 4},
    },
    {
        "id": "PR3",
        "scope": "level",
        "text": "Two participants with CRS of grade 3",
        "reads": {"categories": ["crs"], "from_grade": 3, "least": 2},
    },
]
ADVERSE_EVENTS: Final[dict[str, Any]] = {
    "categories": [{"key": "crs", "name": "CRS"}, {"key": "infection", "name": "Infection"}],
}
PAUSING: Final[dict[str, Any]] = {"pause_rules": PAUSE_RULES, "adverse_events": ADVERSE_EVENTS}
"""Sections for `make_trial(conduct=...)`."""


def report(
    trial: Conduct,
    person: Participant,
    grade: int,
    category: str | None = "crs",
    *,
    onset_at: datetime | None = None,
    **named: Any,
) -> AdverseEvent:
    """An event that began now, or then, and is entered now."""
    return report_event(
        person,
        term=named.pop("term", "Something"),
        onset_at=onset_at or trial.now,
        grade=grade,
        grading_system="CTCAE v5.0",
        causality="POSSIBLE",
        details=EventDetails(category=category),
        by=trial.investigator_of(person),
        now=trial.tick(),
        **named,
    )


def held(trial: Conduct) -> list[str]:
    """Rules of the holds in force, in the order they were placed."""
    rows = Hold.objects.filter(study=trial.study, state="PLACED").order_by("id")
    return list(rows.values_list("rule", flat=True))
