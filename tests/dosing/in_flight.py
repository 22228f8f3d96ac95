"""What tests of infusions in flight share: a trial, who is asked, and the answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cohorts.models import Participant
from dosing.actions import (
    answer_in_flight,
    instruct_infusion,
)
from dosing.models import InFlight, Infusion
from safety.management.conduct import Conduct
from tests.factories import (
    DISEASE,
    EVERYBODY,
    NOTIFICATIONS,
    PASSWORD,
    make_trial,
    open_level,
    treat,
)

TOLD = {
    "IN_FLIGHT_LISTED": {"roles": EVERYBODY, "scope": "site", "urgent": True},
    "IN_FLIGHT_OVERDUE": {"roles": ["STUDY_MANAGER", "MEDICAL_MONITOR"], "urgent": True},
}


def build() -> Conduct:
    """Level 1: one conditioned at each site, and one at the first treated once, infusion 2
    planned."""
    told = {"notifications": {**NOTIFICATIONS, **TOLD}}
    trial = open_level(make_trial(sites=2, infusion_days=(0, 7), conduct=told))
    here, there, treated = (trial.seat(1, disease=DISEASE, crew=crew) for crew in (0, 1, 0))
    treat(trial, [treated])
    trial.condition([here, there], day_0=trial.now + timedelta(days=5))
    return trial


def people(trial: Conduct) -> list[Participant]:
    """The two conditioned, and the one treated."""
    return list(trial.study.participants.order_by("id"))


def infusion_of(person: Participant, number: int = 1) -> Infusion:
    return Infusion.objects.get(course__participant=person, number=number)


def asked(**named: Any) -> list[tuple[Participant, int]]:
    """Whose infusions are asked about now."""
    rows = InFlight.objects.filter(state="OPEN", **named).select_related(
        "infusion__course__participant"
    )
    return [(row.infusion.course.participant, row.infusion.number) for row in rows]


def answer(trial: Conduct, infusion: Infusion, word: str = "HELD", **named: Any) -> Infusion:
    by = trial.investigator_of(infusion.course.participant)
    named = {"reason": "put off for now", "password": PASSWORD, "by": by, **named}
    return answer_in_flight(infusion, answer=word, now=trial.tick(), **named)


def instruct(trial: Conduct, infusion: Infusion, **named: Any) -> Infusion:
    named = {"reason": "fit and well", "password": PASSWORD, "by": trial.monitor, **named}
    return instruct_infusion(infusion, now=trial.tick(), **named)
