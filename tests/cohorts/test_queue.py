"""The queue for seats: who may ask, who is next, what an override passes, what time ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cohorts.actions import (
    leave_study,
    place_hold,
    release_slot,
    withdraw_request,
)
from cohorts.models import Cohort, Participant, Slot
from cohorts.states import HoldScope
from ntrust.actions import suspend_site
from ntrust.change import study_change
from ntrust.models import Event
from safety.management.conduct import Conduct
from tests.cohorts.asking import REASON, ask, gate, override, queue, waiting
from tests.factories import (
    DISEASE,
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


# --- Asking, and no longer ----------------------------------------------------------------------


def test_request_has_no_seat_and_says_its_place(trial: Conduct) -> None:
    before = revision_of(trial)
    first, second = waiting(trial, 0, 1)

    slot = Slot.objects.get(participant=second)
    said = Event.objects.filter(revision__gt=before, kind="SLOT_REQUESTED").latest("id")
    assert (slot.state, slot.cohort, slot.seat) == ("REQUESTED", None, None)
    assert slot.requested_by == trial.crews[1].investigator
    assert said.sentence == "P-002 waits for a seat, number 2 of 2 in the queue."
    assert queue(trial) == [first, second]
    assert Cohort.objects.get().state == "OPEN"


def test_participant_asks_once(trial: Conduct) -> None:
    (person,) = waiting(trial, 0)

    with refused("already_requested"):
        ask(trial, person)


def test_seated_participant_does_not_ask(trial: Conduct) -> None:
    person = trial.screen(disease=DISEASE)
    reserve(trial, person, 1)

    with refused("has_seat"):
        ask(trial, person)


def test_candidate_who_is_not_eligible_does_not_ask(trial: Conduct) -> None:
    person = trial.screen(disease=DISEASE)
    leave(trial, person)

    with refused("not_eligible"):
        ask(trial, person)


def test_suspended_site_does_not_ask(trial: Conduct) -> None:
    person = trial.screen(disease=DISEASE)
    suspend_site(person.site, reason="an audit", by=trial.manager, now=trial.tick())

    with refused("site_not_active"):
        ask(trial, person)


@pytest.mark.parametrize("who", ["investigator", "manager"])
def test_request_is_withdrawn_and_may_be_made_again_at_the_end(trial: Conduct, who: str) -> None:
    first, second = waiting(trial, 0, 0)
    by = trial.manager if who == "manager" else trial.crews[0].investigator

    slot = withdraw_request(
        Slot.objects.get(participant=first), reason="a cold", by=by, now=trial.tick()
    )
    ask(trial, first)

    assert (slot.state, slot.seat) == ("RELEASED", None)
    assert queue(trial) == [second, first]


def test_request_is_not_withdrawn_without_a_reason_or_twice(trial: Conduct) -> None:
    waiting(trial, 0)
    slot = Slot.objects.get()
    named: dict[str, Any] = {"by": trial.manager, "now": trial.tick()}

    with refused("reason_needed"):
        withdraw_request(slot, reason=" ", **named)
    withdraw_request(slot, reason="a cold", **named)
    with refused("not_requested"):
        withdraw_request(slot, reason="a cold", **named)


def test_reservation_is_given_up_not_withdrawn_and_a_request_the_other_way(trial: Conduct) -> None:
    asked, reserved = waiting(trial, 0, 0)
    override(trial, reserved)

    with refused("not_requested"):
        withdraw_request(
            Slot.objects.get(participant=reserved), reason="x", by=trial.manager, now=trial.tick()
        )
    with refused("not_reserved"):
        release_slot(
            Slot.objects.get(participant=asked), reason="x", by=trial.manager, now=trial.tick()
        )


def leave(trial: Conduct, person: Participant) -> None:
    leave_study(
        person,
        to="WITHDRAWN",
        reason="moved",
        by=trial.investigator_of(person),
        now=trial.tick(),
    )


def test_who_leaves_the_study_leaves_the_queue(trial: Conduct) -> None:
    first, second = waiting(trial, 0, 0)

    leave(trial, first)

    assert queue(trial) == [second]
    assert Slot.objects.get(participant=first).state == "RELEASED"


# --- Seats from the queue -----------------------------------------------------------------------


def test_reservation_answers_the_request(trial: Conduct) -> None:
    (person,) = waiting(trial, 0)
    asked = Slot.objects.get()

    slot = reserve(trial, person, 1)

    assert (slot.pk, slot.state, slot.seat) == (asked.pk, "RESERVED", 1)
    assert slot.expires_at == slot.reserved_at + timedelta(hours=72)  # type: ignore[operator]
    assert queue(trial) == []


def test_next_in_the_queue_is_seated_first(trial: Conduct) -> None:
    first, second = waiting(trial, 0, 1)

    with refused("no_seat") as caught:
        reserve(trial, second, 1)

    assert shut(caught) == ["next_in_queue"]
    assert gate(trial, second, "next_in_queue").sentence == (
        "P-002 is number 2 of 2 in the queue; number 1 could be seated now and comes first."
    )
    reserve(trial, first, 1)
    assert reserve(trial, second, 1).state == "RESERVED"


def test_who_is_not_in_the_queue_comes_after_it(trial: Conduct) -> None:
    waiting(trial, 0)
    person = trial.screen(disease=DISEASE)

    with refused("no_seat") as caught:
        reserve(trial, person, 1)

    assert shut(caught) == ["next_in_queue"]


@pytest.mark.parametrize("what", ["left", "site held", "site suspended"])
def test_somebody_ahead_who_cannot_be_seated_is_passed(trial: Conduct, what: str) -> None:
    first, second = waiting(trial, 0, 1)
    if what == "site held":
        place_hold(
            trial.study,
            scope=HoldScope.SITE,
            site=first.site,
            reason="an audit",
            by=trial.monitor,
            now=trial.tick(),
        )
    elif what == "site suspended":
        suspend_site(first.site, reason="an audit", by=trial.manager, now=trial.tick())
    else:
        with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()):
            Participant.objects.filter(pk=first.pk).update(state="WITHDRAWN")

    assert reserve(trial, second, 1).state == "RESERVED"


def round_robin(**slots: Any) -> Conduct:
    slots = {"order": "round_robin", **slots}
    return open_level(make_trial(sites=2, key="fair", conduct={"slots": slots}))


def test_round_robin_serves_the_site_with_the_fewest_seats() -> None:
    trial = round_robin()
    seat(trial, 1, 1)
    a, b, c, d = waiting(trial, 0, 0, 1, 1)

    assert queue(trial) == [c, a, d, b]


def test_site_takes_no_more_of_a_cohort_than_its_cap() -> None:
    trial = round_robin(site_cap=1)
    first, second, other = waiting(trial, 0, 0, 1)
    reserve(trial, first, 1)

    with refused("no_seat") as caught:
        reserve(trial, second, 1)

    assert shut(caught) == ["next_in_queue", "site_cap"]
    assert (
        gate(trial, second, "site_cap").sentence == "Site S1 has 1 of at most 1 seats in cohort 1."
    )
    assert reserve(trial, other, 1).state == "RESERVED"
    with refused("no_seat") as caught:
        reserve(trial, second, 1)
    assert shut(caught) == ["site_cap"]


def test_capped_site_does_not_hold_the_queue_up() -> None:
    trial = open_level(make_trial(sites=2, key="capped", conduct={"slots": {"site_cap": 1}}))
    first, _second, other = waiting(trial, 0, 0, 1)
    reserve(trial, first, 1)

    assert reserve(trial, other, 1).state == "RESERVED"


# --- Passing the queue over ---------------------------------------------------------------------


def test_override_passes_the_queue_and_is_kept(trial: Conduct) -> None:
    _, second = waiting(trial, 0, 1)
    before = revision_of(trial)

    slot = override(trial, second)

    assert (slot.state, slot.override_reason) == ("RESERVED", REASON)
    assert kinds_since(trial, before) == ["SLOT_RESERVED", "QUEUE_OVERRIDDEN"]
    said = Event.objects.get(kind="QUEUE_OVERRIDDEN")
    assert (said.by, said.subject, said.data["detail"]) == (trial.manager, "P-002", REASON)


@pytest.mark.parametrize("reason", ["x", "nineteen characters"])
def test_override_needs_twenty_characters(trial: Conduct, reason: str) -> None:
    _, second = waiting(trial, 0, 1)

    with refused("override_needs_reason"):
        override(trial, second, reason)

    assert override(trial, second, "exactly 20 character").state == "RESERVED"


def test_override_passes_nothing_else(trial: Conduct) -> None:
    _, second = waiting(trial, 0, 1)
    place_hold(
        trial.study, scope=HoldScope.STUDY, reason="a signal", by=trial.monitor, now=trial.tick()
    )

    with refused("no_seat") as caught:
        override(trial, second)

    assert shut(caught) == ["held_study", "next_in_queue"]


def test_override_makes_no_seat(trial: Conduct) -> None:
    seat(trial, 1, 3)
    _, second = waiting(trial, 0, 1)

    with refused("no_seat") as caught:
        override(trial, second)

    assert shut(caught) == ["rules_allow", "seat_free", "next_in_queue"]


def test_override_of_nothing_is_refused(trial: Conduct) -> None:
    (first,) = waiting(trial, 0)

    with refused("nothing_to_override"):
        override(trial, first)
