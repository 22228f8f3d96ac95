"""Seats over time: what expires, what a site gives up, which decision it has to read first."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError

from cohorts.actions import (
    Conclusion,
    acknowledge_decision,
    confirm_slot,
    release_slot,
)
from cohorts.engine.design import Verdict
from cohorts.models import Circulation, Cohort, Slot
from ntrust.actions import activate_site, add_site
from ntrust.change import study_change
from ntrust.states import Role
from safety.actions import pass_time_everywhere
from safety.management.conduct import Conduct, Crew, enlist
from tests.cohorts.asking import ask, queue, waiting
from tests.factories import (
    DISEASE,
    PASSWORD,
    kinds_since,
    make_trial,
    open_level,
    refused,
    reserve,
    revision_of,
    seat,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Level 1 is open, three seats free; two sites."""
    return open_level(make_trial(sites=2))


_built, trial = shared_trial(build)


# --- Time ---------------------------------------------------------------------------------------


def test_reservation_expires_by_itself(trial: Conduct) -> None:
    (person,) = waiting(trial, 0)
    slot = reserve(trial, person, 1)
    seat(trial, 1, 2)
    assert Cohort.objects.get().state == "FULL"
    before, trial.now = revision_of(trial), slot.expires_at  # type: ignore[assignment]

    assert pass_time_everywhere(now=trial.now - timedelta(seconds=1)) == 0
    assert pass_time_everywhere(now=trial.now) == 1

    slot.refresh_from_db()
    assert (slot.state, slot.freed_at) == ("EXPIRED", trial.now)
    assert kinds_since(trial, before) == ["SLOT_EXPIRED", "COHORT_REOPENED"]
    assert Cohort.objects.get().state == "OPEN"
    assert queue(trial) == []
    ask(trial, person)
    assert queue(trial) == [person]


def test_expired_reservation_is_not_confirmed_even_before_the_clock_is_applied(
    trial: Conduct,
) -> None:
    slot = reserve(trial, trial.screen(disease=DISEASE), 1)
    trial.now += timedelta(hours=72)

    with refused("reservation_expired"):
        confirm_slot(slot, by=trial.manager, now=trial.tick())


def test_reservation_is_confirmed_until_its_last_minute(trial: Conduct) -> None:
    slot = reserve(trial, trial.screen(disease=DISEASE), 1)

    done = confirm_slot(
        slot,
        by=trial.manager,
        now=slot.expires_at - timedelta(seconds=1),  # type: ignore[operator]
    )

    assert done.state == "CONFIRMED"
    assert pass_time_everywhere(now=trial.now + timedelta(days=9)) == 0


def test_seat_of_an_expired_reservation_is_somebody_elses(trial: Conduct) -> None:
    seat(trial, 1, 2)
    late = reserve(trial, trial.screen(disease=DISEASE), 1)
    trial.now += timedelta(hours=72)

    taken = reserve(trial, trial.screen(disease=DISEASE), 1)

    late.refresh_from_db()
    assert (late.state, taken.state, late.seat, taken.seat) == ("EXPIRED", "RESERVED", 3, 3)


def test_site_gives_up_its_reservation_but_not_a_confirmed_seat(trial: Conduct) -> None:
    slot = reserve(trial, trial.screen(disease=DISEASE), 1)
    named: dict[str, Any] = {"reason": "ill", "by": trial.crews[0].investigator}

    confirm_slot(slot, by=trial.manager, now=trial.tick())
    with refused("wrong_role"):
        release_slot(slot, now=trial.tick(), **named)
    release_slot(slot, reason="ill", by=trial.manager, now=trial.tick())
    again = reserve(trial, slot.participant, 1)

    assert release_slot(again, now=trial.tick(), **named).state == "RELEASED"


# --- Decisions reach sites that come later -------------------------------------------------------


def add_crew(trial: Conduct, code: str = "S9") -> Crew:
    """A site activated now, with its people."""
    site = add_site(trial.study, code=code, name="Nine", by=trial.manager, now=trial.tick())
    site = activate_site(site, by=trial.manager, now=trial.tick())
    common: dict[str, Any] = {"study": trial.study, "password": PASSWORD, "now": trial.now}
    crew = Crew(
        site,
        enlist(f"investigator-{code}", role=Role.INVESTIGATOR, site=site, **common),
        enlist(f"pharmacist-{code}", role=Role.PHARMACIST, site=site, **common),
    )
    trial.crews = [*trial.crews, crew]
    return crew


def test_site_activated_later_acknowledges_before_it_seats(trial: Conduct) -> None:
    before = revision_of(trial)
    crew = add_crew(trial)
    decision = Cohort.objects.get().decision
    assert kinds_since(trial, before)[-2:] == ["SITE_ACTIVATED", "DECISION_SENT"]
    person = trial.screen(disease=DISEASE, crew=2)

    for reader in (crew.investigator, crew.pharmacist):
        with refused("no_seat") as caught:
            reserve(trial, person, 1)
        assert shut(caught) == ["decision_acknowledged"]
        acknowledge_decision(decision, site=crew.site, by=reader, now=trial.tick())

    assert reserve(trial, person, 1).state == "RESERVED"
    decision.refresh_from_db()
    assert decision.state == "CIRCULATED"
    assert Cohort.objects.count() == 1


def test_site_activated_later_acknowledges_once(trial: Conduct) -> None:
    crew = add_crew(trial)
    decision = Cohort.objects.get().decision
    acknowledge_decision(decision, site=crew.site, by=crew.investigator, now=trial.tick())

    with refused("already_acknowledged"):
        acknowledge_decision(decision, site=crew.site, by=crew.investigator, now=trial.tick())


def test_site_that_has_not_read_the_decision_does_not_hold_the_queue_up(trial: Conduct) -> None:
    add_crew(trial)
    _late, person = waiting(trial, 2, 0)

    assert reserve(trial, person, 1).state == "RESERVED"


def test_decision_still_going_round_reaches_a_new_site_too() -> None:
    trial = make_trial(sites=1, key="other")
    advice = trial.advice()
    assert advice.level == 1
    signed = trial.sign(trial.propose(Conclusion(Verdict.ENROL, trial.level(1), "agrees")))
    crew = add_crew(trial)

    trial.circulate(signed)

    rows = Circulation.objects.filter(decision=signed)
    assert rows.filter(site=crew.site, acknowledged_at__isnull=False).count() == 2
    assert Cohort.objects.get(study=trial.study).state == "OPEN"


# --- What the database refuses by itself ----------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "fields"),
    [
        ("only_a_request_has_no_seat", {"state": "RESERVED"}),
        ("only_a_request_has_no_seat", {"state": "CONFIRMED"}),
        ("expired_had_an_end", {"state": "EXPIRED"}),
        ("only_a_request_has_no_seat", {"state": "REQUESTED", "seat": 1}),
        ("only_a_request_has_no_seat", {"state": "RELEASED", "requested": False}),
        ("slot_requested_at_with_requested_by", {"state": "REQUESTED", "by": None}),
        ("one_request_a_participant", {"state": "REQUESTED", "twice": True}),
    ],
)
def test_database_refuses_a_seat_without_its_facts(
    trial: Conduct, rule: str, fields: dict[str, Any]
) -> None:
    person = trial.screen(disease=DISEASE)
    twice, requested = fields.pop("twice", False), fields.pop("requested", True)
    by = fields.pop("by", trial.manager)
    if requested:
        fields |= {"requested_at": trial.now, "requested_by": by}

    with (
        pytest.raises(IntegrityError, match=rule),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
    ):
        for _ in range(2 if twice else 1):
            Slot.objects.create(participant=person, **fields)
