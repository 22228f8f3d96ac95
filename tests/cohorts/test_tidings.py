"""Who hears that a cohort is full, complete or open again, and who is next for its seat."""

from __future__ import annotations

import pytest

from cohorts.actions import place_hold, release_slot
from cohorts.models import Slot
from ntrust.models import Event
from safety.management.conduct import Conduct
from tests.cohorts.asking import waiting
from tests.factories import (
    PASSWORD,
    make_trial,
    open_level,
    reserve,
    run_cohort,
    seat,
    shared_trial,
)
from tests.lifting import lift_hold

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Level 1 is open, three seats free; two sites."""
    return open_level(make_trial(sites=2))


_built, trial = shared_trial(build)


def said(*kinds: str) -> list[str]:
    return list(
        Event.objects.filter(kind__in=kinds).order_by("id").values_list("sentence", flat=True)
    )


def of_cohorts() -> list[str]:
    return said("COHORT_FULL", "COHORT_REOPENED", "COHORT_COMPLETE")


def test_cohort_that_fills_and_frees_a_seat_is_told_each_time(trial: Conduct) -> None:
    seat(trial, 1, 2)
    assert of_cohorts() == []
    (person,) = seat(trial, 1)
    trial.screen(disease="lupus nephritis")
    slot = Slot.objects.get(participant=person)

    release_slot(slot, by=trial.manager, reason="moves away", now=trial.tick())

    assert of_cohorts() == [
        "Cohort 1 at level 1 is full: 3 of 3 seats are taken.",
        "Cohort 1 at level 1 has a free seat again.",
    ]


def test_complete_cohort_is_told_once(trial: Conduct) -> None:
    run_cohort(trial, 1, "NNN")
    trial.screen(disease="lupus nephritis")

    assert of_cohorts()[1:] == [
        "Cohort 1 at level 1 is complete: everybody in it has an outcome, and the review can be "
        "convened."
    ]


def test_the_next_in_the_queue_hears_of_a_free_seat_once(trial: Conduct) -> None:
    first, second = waiting(trial, 0, 1)
    free = " is next in the queue, and cohort 1 at level 1 has a free seat."
    assert said("NEXT_IN_QUEUE") == [f"{first}{free}"]

    reserve(trial, first, 1)
    trial.screen(disease="lupus nephritis")

    assert said("NEXT_IN_QUEUE") == [f"{first}{free}", f"{second}{free}"]
    assert Event.objects.filter(kind="NEXT_IN_QUEUE").latest("id").site == trial.crews[1].site


def test_nobody_is_next_for_a_seat_that_a_hold_keeps(trial: Conduct) -> None:
    hold = place_hold(
        trial.study, scope="STUDY", reason="a signal", by=trial.monitor, now=trial.tick()
    )
    waiting(trial, 0)
    assert said("NEXT_IN_QUEUE") == []

    lift_hold(hold, by=trial.monitor, password=PASSWORD, reason="no signal", now=trial.tick())

    assert len(said("NEXT_IN_QUEUE")) == 1
