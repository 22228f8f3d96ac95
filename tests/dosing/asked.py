"""What tests of calls share: two conditioned at a level that is held, the question, the answer."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from cohorts.actions import place_hold
from cohorts.models import Hold, Participant
from cohorts.states import HoldScope
from dosing.actions import answer_call, give_infusion
from dosing.models import Infusion, MonitorCall
from safety.management.conduct import Conduct
from tests.factories import (
    PASSWORD,
    make_trial,
    open_level,
    run_cohort,
    seat,
)
from tests.lifting import lift_hold


def build_conditioned() -> Conduct:
    """Level 1 done; at level 2 two are conditioned and one is only seated."""
    trial = open_level(make_trial(sites=2, level_minus_one=True))
    run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    people = seat(trial, 2, 3)
    trial.condition(people[:2], day_0=trial.now + timedelta(days=5))
    return trial


def conditioned(place: int = 0) -> Participant:
    return Participant.objects.filter(state="CONDITIONING").order_by("id")[place]


def first_infusion(person: Participant) -> Infusion:
    return Infusion.objects.get(course__participant=person, number=1)


def give(trial: Conduct, person: Participant, **named: Any) -> Infusion:
    infusion = first_infusion(person)
    named = {"given_at": trial.now, "given_cells": infusion.assigned_cells, **named}
    return give_infusion(infusion, by=trial.investigator_of(person), now=trial.tick(), **named)


def hold(trial: Conduct, level: int | None = 2, **scope: Any) -> Hold:
    held = None if level is None else trial.level(level)
    named: dict[str, Any] = {"scope": HoldScope.LEVEL, "level": held, **scope}
    return place_hold(trial.study, reason="a signal", by=trial.monitor, now=trial.tick(), **named)


def lift(trial: Conduct, held: Hold) -> Hold:
    return lift_hold(held, by=trial.monitor, password=PASSWORD, reason="over", now=trial.tick())


def call_of(person: Participant) -> MonitorCall:
    return MonitorCall.objects.filter(participant=person).latest("id")


def answer(trial: Conduct, person: Participant, word: str = "PROCEED", **named: Any) -> MonitorCall:
    named = {"reason": "fit and well", "password": PASSWORD, **named}
    return answer_call(call_of(person), answer=word, by=trial.monitor, now=trial.tick(), **named)


def infused_once_after_a_call() -> tuple[Conduct, Participant]:
    trial = open_level(make_trial(key="other", infusion_days=(0, 7)))
    (person,) = seat(trial, 1)
    trial.condition([person], day_0=trial.now + timedelta(days=5))
    hold(trial, 1)
    answer(trial, person)
    give(trial, person)
    trial.now += timedelta(days=7)
    return trial, person


def give_second(trial: Conduct, person: Participant) -> Infusion:
    return give_infusion(
        Infusion.objects.get(course__participant=person, number=2),
        given_at=trial.now,
        given_cells=Decimal(1),
        by=trial.investigator_of(person),
        now=trial.tick(),
    )
