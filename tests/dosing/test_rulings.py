"""Rulings on exposure: proposed by the rules, confirmed and taken back by a person."""

from datetime import timedelta
from decimal import Decimal

import pytest

from cohorts.actions import adjudicate_missed_infusion, confirm_not_evaluable, withdraw_ruling
from cohorts.models import Outcome, Participant, Slot
from dosing.actions import (
    miss_infusion,
)
from dosing.models import Infusion
from ntrust.models import Event
from safety.management.conduct import Conduct
from tests.dosing.test_actions import build, conditioned, give
from tests.dosing.test_corrections import correct
from tests.factories import (
    end_windows,
    letters_at,
    make_trial,
    open_level,
    refused,
    report_late_dlt,
    seat,
    shared_trial,
)

pytestmark = pytest.mark.django_db
_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


def rule_out(trial: Conduct, person: Participant) -> None:
    confirm_not_evaluable(person, reason="under-dosed", by=trial.monitor, now=trial.tick())


def take_back(trial: Conduct, person: Participant, reason: str = "the bag was full") -> None:
    withdraw_ruling(person, reason=reason, by=trial.monitor, now=trial.tick())


def under_dosed(trial: Conduct, person: Participant) -> Infusion:
    """A weak first infusion: proposed as not evaluable."""
    first, second, third = conditioned(trial, person)
    give(trial, first, given_cells=Decimal("0.5"), reduced_because="a bag leaked")
    by = trial.crews[0].investigator
    for missed in (second, third):
        miss_infusion(missed, reason="a storm", is_for_toxicity=False, by=by, now=trial.tick())
    assert "Proposed as not evaluable" in Outcome.objects.get(participant=person).because
    return first


def test_proposal_confirmed_frees_the_seat_and_a_correction_takes_it_back(
    trial: Conduct, person: Participant
) -> None:
    under_dosed(trial, person)
    rule_out(trial, person)
    assert (Slot.objects.get(participant=person).state, letters_at(trial, 1)) == ("REPLACED", "XPP")

    take_back(trial, person)

    assert (Slot.objects.get(participant=person).state, letters_at(trial, 1)) == (
        "CONFIRMED",
        "PPP",
    )
    with refused("nothing_to_rule"):
        take_back(trial, person)


def test_replaced_participant_who_counts_again_over_enrols_with_a_flag(
    trial: Conduct, person: Participant
) -> None:
    first = under_dosed(trial, person)
    rule_out(trial, person)
    seat(trial, 1)

    correct(trial, first, given_cells=Decimal(1))
    assert letters_at(trial, 1) == "XPPP", "a ruling is a person's to take back"
    with refused("reason_needed"):
        take_back(trial, person, reason="")
    take_back(trial, person)

    assert letters_at(trial, 1) == "PPPP"
    assert Slot.objects.get(participant=person).state == "REPLACED"
    assert trial.advice().flags == ["OVER_ENROLLED"]


def test_missed_for_toxicity_counts_once_ruled(trial: Conduct, person: Participant) -> None:
    first, second, third = conditioned(trial, person)
    give(trial, first)
    trial.now += timedelta(days=7)
    give(trial, second)
    by = trial.crews[0].investigator

    def rule(reason: str = "a mild fever") -> None:
        adjudicate_missed_infusion(person, reason=reason, by=trial.monitor, now=trial.tick())

    with refused("nothing_to_rule"):
        rule()
    miss_infusion(third, reason="fever", is_for_toxicity=True, by=by, now=trial.tick())
    end_windows(trial)
    trial.sign_no_dlt(person)
    assert letters_at(trial, 1)[0] == "P"
    with refused("reason_needed"):
        rule(" ")

    rule()

    assert letters_at(trial, 1)[0] == "N"
    assert Event.objects.filter(kind="MISSED_INFUSION_RULED").exists()
    with refused("nothing_to_rule"):
        rule()
    take_back(trial, person)
    assert letters_at(trial, 1)[0] == "P"


def test_one_with_a_dlt_report_is_not_ruled_on(trial: Conduct, person: Participant) -> None:
    first, second, _ = conditioned(trial, person)
    give(trial, first)
    by = trial.crews[0].investigator
    miss_infusion(second, reason="fever", is_for_toxicity=True, by=by, now=trial.tick())
    trial.now += timedelta(days=2)
    report_late_dlt(trial, person)

    with refused("has_dlt"):
        adjudicate_missed_infusion(person, reason="mild", by=trial.monitor, now=trial.tick())


def test_ground_of_a_replacement_is_one_of_the_protocols() -> None:
    grounds = ["withdrew", "under-dosed"]
    trial = open_level(make_trial(key="grounds", conduct={"replacement": {"grounds": grounds}}))
    (person,) = seat(trial, 1)
    entered = {"reason": "moved away", "by": trial.monitor, "now": trial.tick()}

    for ground in ("", "no reason at all"):
        with refused("unknown_ground") as caught:
            confirm_not_evaluable(person, ground=ground, **entered)
        assert caught.value.sentence == "Somebody is replaced for: withdrew; under-dosed."
    outcome = confirm_not_evaluable(person, ground="withdrew", **entered)

    assert outcome.not_evaluable_because == "withdrew: moved away"
    assert outcome.letter == "X"
