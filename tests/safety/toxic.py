"""A trial under the shipped DLT criteria and gradings, and events in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from cohorts.models import Outcome, Participant
from cohorts.protocol import read_file
from safety.actions import (
    EventDetails,
    report_event,
    rule_on_event,
    sign_window_statement,
    state_not_dlt,
)
from safety.management.conduct import Conduct
from safety.management.demo import PROTOCOLS
from safety.models import AdverseEvent, DltCandidate, EventWord, WindowStatement
from tests.factories import NOTIFICATIONS, PASSWORD, make_trial, open_level, run_cohort

SHIPPED = read_file(PROTOCOLS / "ntrust-1.yaml").model_dump(mode="json", by_alias=True)
TOLD = {name: SHIPPED["notifications"][name] for name in ("DLT_CANDIDATE", "DLT_DISPUTED")}
CRITERIA: dict[str, Any] = {
    **{name: SHIPPED[name] for name in ("dlt_criteria", "adverse_events", "medications")},
    "notifications": {**NOTIFICATIONS, **TOLD},
}
OTHERS = {
    "fludarabine": "UNLIKELY",
    "cyclophosphamide": "UNLIKELY",
    "procedure": "UNRELATED",
    "disease": "UNRELATED",
}


def build(letters: str = "PPP") -> Conduct:
    """Treated at level 1, three days ago, by the criteria of Ntrust-1."""
    trial = open_level(make_trial(sites=2, conduct=CRITERIA))
    run_cohort(trial, 1, letters)
    return trial


def first_of(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


def enter(trial: Conduct, person: Participant, **named: Any) -> AdverseEvent:
    """An alert with its four answers, of a colitis now unless said otherwise."""
    named = {
        "term": "Colitis",
        "onset_at": trial.now,
        "grade": 3,
        "grading_system": "CTCAE v5.0",
        "causality": "POSSIBLE",
        **named,
    }
    return report_event(person, by=trial.investigator_of(person), now=trial.tick(), **named)


def known(**details: Any) -> EventDetails:
    """What a form asks for after the alert."""
    return EventDetails(**{"category": "other", "causalities": OTHERS, **details})


def who(trial: Conduct, person: Participant) -> dict[str, Any]:
    return {"by": trial.investigator_of(person), "now": trial.tick()}


def letter(person: Participant) -> str:
    return Outcome.objects.get(participant=person).letter


def wait(trial: Conduct, **time: float) -> datetime:
    trial.now += timedelta(**time)
    return trial.now


def question(event: AdverseEvent) -> DltCandidate | None:
    return DltCandidate.objects.filter(event=event).first()


def state_of(event: AdverseEvent) -> str:
    return DltCandidate.objects.get(event=event).state


def rule(trial: Conduct, event: AdverseEvent, is_dlt: bool, **named: Any) -> EventWord:
    named = {"reason": "component scores reviewed", "password": PASSWORD, **named}
    return rule_on_event(event, is_dlt=is_dlt, by=trial.monitor, now=trial.tick(), **named)


def sign_none(trial: Conduct, person: Participant) -> WindowStatement:
    return sign_window_statement(person, has_dlt=False, password=PASSWORD, **who(trial, person))


def disputed(trial: Conduct, person: Participant, **named: Any) -> AdverseEvent:
    event = enter(
        trial, person, grading_system="ASTCT ICANS", details=known(category=None), **named
    )
    state_not_dlt(event, reason="a stroke", **who(trial, person))
    return event
