"""Product lots: their life, what is left in them, and who is told when one is stopped."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError
from django.urls import reverse

from cohorts.models import Deviation, Participant
from dosing.actions import (
    assign_lot,
    correct_lot,
    discard_lot,
    mark_not_given,
    quarantine_lot,
    release_lot,
)
from dosing.models import Infusion, LotMove, ProductLot
from dosing.policies import cells_left, was_released
from ntrust.change import study_change
from ntrust.models import Event
from safety.management.conduct import Conduct
from tests.dosing.lotted import (
    build,
    conditioned,
    deviations,
    give,
    lot,
    on_day,
    person_of,
    receive,
    record,
)
from tests.factories import (
    client_of,
    kinds_since,
    make_trial,
    refused,
    revision_of,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db
_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return person_of(trial)


def test_lot_is_received_in_quarantine_and_released_by_the_manager(trial: Conduct) -> None:
    received = receive(trial, "A13")
    assert (received.state, received.viable_cells) == ("QUARANTINED", Decimal(8))

    release_lot(received, by=trial.manager, now=trial.tick())

    assert lot("A13").state == "RELEASED"
    assert not was_released(received, trial.now - timedelta(minutes=1))
    assert was_released(received, trial.now)


@pytest.mark.parametrize(
    ("code", "named", "refusal"),
    [
        ("A12", {}, "lot_exists"),
        ("  ", {}, "lot_exists"),
        ("A13", {"total_cells": Decimal(0)}, "no_cells"),
        ("A13", {"viability": Decimal(0)}, "bad_viability"),
        ("A13", {"viability": Decimal("1.0001")}, "bad_viability"),
    ],
)
def test_lot_that_cannot_be_is_refused(
    trial: Conduct, code: str, named: dict[str, Any], refusal: str
) -> None:
    with refused(refusal):
        receive(trial, code, **named)


def test_lot_is_received_before_now_and_before_its_expiry(trial: Conduct) -> None:
    with refused("future_date"):
        receive(trial, "A13", received_at=trial.now + timedelta(hours=1))
    with refused("impossible_order"):
        receive(trial, "A13", expires_on=trial.now.date() - timedelta(days=1))


def test_lot_that_has_expired_is_not_released(trial: Conduct) -> None:
    received = receive(trial, "A13", expires_on=trial.now.date())
    trial.now += timedelta(days=1)

    with refused("lot_expired"):
        release_lot(received, by=trial.manager, now=trial.tick())


@pytest.mark.parametrize("act", [quarantine_lot, discard_lot])
def test_lot_is_not_stopped_without_a_reason(trial: Conduct, act: Any) -> None:
    with refused("reason_needed"):
        act(lot(), reason="  ", by=trial.manager, now=trial.tick())


def test_discarded_lot_stays_discarded(trial: Conduct) -> None:
    discard_lot(lot(), reason="a broken seal", by=trial.manager, now=trial.tick())

    with refused("illegal_move"):
        release_lot(lot(), by=trial.manager, now=trial.tick())


def test_quarantine_tells_who_got_the_lot_and_who_is_to_get_it(
    trial: Conduct, person: Participant
) -> None:
    first, second, _ = conditioned(trial, person)
    give(trial, first)
    assign_lot(second, lot=lot(), by=trial.crews[0].pharmacist, now=trial.tick())
    before = revision_of(trial)

    quarantine_lot(lot(), reason="a warm box", by=trial.monitor, now=trial.tick())

    assert kinds_since(trial, before) == ["LOT_QUARANTINED", "LOT_CONCERNS", "LOT_CONCERNS"]
    told = Event.objects.filter(kind="LOT_CONCERNS").order_by("id")
    assert [event.sentence for event in told] == [
        "P-001: infusion 1 was given from lot A12, which is now in quarantine.",
        "P-001: infusion 2 is planned from lot A12, which is now in quarantine.",
    ]
    assert {event.site for event in told} == {trial.crews[0].site}


def test_lot_set_aside_is_usable_and_is_the_one_given(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    pharmacist = trial.crews[0].pharmacist
    waiting = receive(trial, "A13")
    with refused("no_lot") as caught:
        assign_lot(first, lot=waiting, by=pharmacist, now=trial.tick())
    assert shut(caught) == ["lot_released"]
    small = trial.stock(
        "A14", total_cells=Decimal("0.9"), viability=Decimal(1), lasts=timedelta(days=90)
    )
    with refused("lot_used_up"):
        assign_lot(first, lot=small, by=pharmacist, now=trial.tick())
    assign_lot(first, lot=lot(), by=pharmacist, now=trial.tick())

    give(trial, first, lot=None)

    assert Infusion.objects.get(pk=first.pk).lot == lot()
    with refused("not_planned"):
        assign_lot(first, lot=lot(), by=pharmacist, now=trial.tick())


def test_lot_that_expires_before_the_planned_day_is_not_set_aside(
    trial: Conduct, person: Participant
) -> None:
    *_, third = conditioned(trial, person)
    short = trial.stock(
        "A13", total_cells=Decimal(8), viability=Decimal(1), lasts=timedelta(days=13)
    )

    with refused("no_lot"):
        assign_lot(third, lot=short, by=trial.crews[0].pharmacist, now=trial.tick())


def test_lot_of_another_study_is_not_there(trial: Conduct, person: Participant) -> None:
    other = make_trial(key="other")
    strange = other.stock(
        "Z1", total_cells=Decimal(8), viability=Decimal(1), lasts=timedelta(days=90)
    )
    first, *_ = conditioned(trial, person)

    with refused("not_found"):
        give(trial, first, lot=strange)
    with refused("not_found"):
        assign_lot(first, lot=strange, by=trial.crews[0].pharmacist, now=trial.tick())


# --- What is left ----------------------------------------------------------------------------


def test_cells_left_follow_what_is_given_and_taken_back(
    trial: Conduct, person: Participant
) -> None:
    first, *_ = conditioned(trial, person)
    assert cells_left(lot()) == Decimal(6)
    give(trial, first, given_cells=Decimal("1.1"))
    assert cells_left(lot()) == Decimal("4.9")

    mark_not_given(
        first, reason="another participant", by=trial.crews[0].investigator, now=trial.tick()
    )

    assert cells_left(lot()) == Decimal(6)


def test_lot_is_never_given_beyond_what_it_held(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    tight = trial.stock(
        "A13", total_cells=Decimal("1.1"), viability=Decimal(1), lasts=timedelta(days=90)
    )
    with refused("lot_used_up") as caught:
        give(trial, first, lot=tight, given_cells=Decimal("1.1001"))
    assert "1.1 viable cells left; 1.1001" in caught.value.sentence

    assert give(trial, first, lot=tight, given_cells=Decimal("1.1"))


def test_database_refuses_more_than_a_lot_held(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    give(trial, first)

    for change in (
        lambda: Infusion.objects.filter(pk=first.pk).update(given_cells=Decimal("6.0001")),
        lambda: ProductLot.objects.filter(pk=lot().pk).update(total_cells=Decimal(1)),
    ):
        with (
            pytest.raises(IntegrityError, match="lot A12 is used up"),
            study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
        ):
            change()


# --- Corrections -----------------------------------------------------------------------------


def correct(trial: Conduct, **named: Any) -> ProductLot:
    named = {"reason": "read wrongly", **named}
    return correct_lot(lot(), by=trial.manager, now=trial.tick(), **named)


def test_correction_of_a_lot_says_what_changed(trial: Conduct) -> None:
    with refused("reason_needed"):
        correct(trial, viability=Decimal("0.7"), reason=" ")
    with refused("nothing_changed"):
        correct(trial, viability=Decimal("0.75"))

    correct(trial, viability=Decimal("0.7"))

    assert lot().viable_cells == Decimal("5.6")
    assert "viability: 0.7500 → 0.7" in Event.objects.latest("id").sentence


def test_correction_begins_with_the_numbers_as_people_write_them(trial: Conduct) -> None:
    ProductLot.objects.filter(pk=lot().pk).update(total_cells=Decimal("12000000000"))

    page = client_of(trial.manager).get(reverse("dosing:lot_correct", args=["trial", "A12"]))

    assert page.context["form"].initial["total_cells"] == "1.2e10"
    assert page.context["form"].initial["viability"] == "0.75"


def test_correction_never_falls_below_what_was_given(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    give(trial, first)

    with refused("lot_used_up"):
        correct(trial, total_cells=Decimal("1.3333"))
    with refused("impossible_order"):
        correct(trial, received_at=trial.now)

    assert correct(trial, total_cells=Decimal("1.3334"))


def test_corrected_expiry_makes_deviations_of_what_was_given_after_it(
    trial: Conduct, person: Participant
) -> None:
    first, *_ = conditioned(trial, person)
    given = give(trial, first)
    assert given.given_at is not None
    day = given.given_at.date()
    correct(trial, expires_on=day)
    assert deviations() == []

    correct(trial, expires_on=day - timedelta(days=1))

    assert deviations() == ["GIVEN_LOT_UNEXPIRED"]
    assert Deviation.objects.get().occurred_at == given.given_at


# --- Gates -----------------------------------------------------------------------------------


def test_infusion_names_a_lot_where_the_protocol_asks(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)

    with refused("no_infusion") as caught:
        give(trial, first, lot=None)

    assert shut(caught) == ["lot_named"]


def test_infusion_is_not_given_from_a_lot_in_quarantine(
    trial: Conduct, person: Participant
) -> None:
    first, *_ = conditioned(trial, person)
    received = receive(trial, "A13")

    with refused("no_infusion") as caught:
        give(trial, first, lot=received)

    assert shut(caught) == ["lot_released"]


def test_lot_was_released_when_the_infusion_was_given(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    given_at = trial.now
    received = receive(trial, "A13", received_at=trial.now - timedelta(hours=1))
    release_lot(received, by=trial.manager, now=trial.tick())

    with refused("no_infusion") as caught:
        give(trial, first, lot=received, given_at=given_at)

    assert shut(caught) == ["lot_released"]
    assert LotMove.objects.filter(lot=received).count() == 2


@pytest.mark.parametrize(("late", "rules"), [(0, None), (1, ["lot_unexpired"])])
def test_lot_is_given_up_to_its_last_day(
    trial: Conduct, person: Participant, late: int, rules: list[str] | None
) -> None:
    first, *_ = conditioned(trial, person)
    correct(trial, expires_on=first.planned_date)
    trial.now = on_day(first.planned_date + timedelta(days=late), hour=23)

    if rules is None:
        assert give(trial, first).lot == lot()
        return
    with refused("no_infusion") as caught:
        give(trial, first)
    assert shut(caught) == rules


def test_infusion_before_the_lot_arrived_cannot_be(trial: Conduct, person: Participant) -> None:
    first, *_ = conditioned(trial, person)
    given_at = trial.now - timedelta(minutes=5)
    late = receive(trial, "A13")

    with refused("impossible_order"):
        record(trial, first, lot=late, given_at=given_at)
