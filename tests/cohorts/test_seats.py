"""Seats: who may take one, what is looked at again, how they come free and back."""

from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError

from cohorts.actions import (
    confirm_eligibility,
    confirm_not_evaluable,
    confirm_slot,
    place_hold,
    release_slot,
    reserve_slot,
)
from cohorts.engine.design import Verdict
from cohorts.models import Cohort, Outcome, Slot
from cohorts.states import HoldScope
from ntrust.change import study_change
from safety.management.conduct import Conduct
from tests.factories import (
    DISEASE,
    answer_of,
    kinds_since,
    letters_at,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    report_late_dlt,
    reserve,
    revision_of,
    run_cohort,
    seat,
    shared_trial,
    shut,
    treat,
)

pytestmark = pytest.mark.django_db
REASON = "The committee wants three more participants here."


def build() -> Conduct:
    """Level 1 is open; two are seated, one of them treated."""
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "PU")
    return trial


_built, trial = shared_trial(build)


def confirm(trial: Conduct, slot: Slot) -> Slot:
    return confirm_slot(slot, by=trial.manager, now=trial.tick())


def release(trial: Conduct, slot: Slot, reason: str = "changed their mind") -> Slot:
    return release_slot(slot, by=trial.manager, reason=reason, now=trial.tick())


def hold(trial: Conduct, **named: Any) -> None:
    named = {"scope": HoldScope.STUDY, "reason": "a signal", "by": trial.monitor, **named}
    place_hold(trial.study, now=trial.tick(), **named)


def test_last_seat_is_taken_once(trial: Conduct) -> None:
    first, second = trial.screen(disease=DISEASE), trial.screen(disease=DISEASE)
    slot = reserve(trial, first, 1)

    with refused("no_seat") as caught:
        reserve(trial, second, 1)

    assert (slot.seat, slot.state) == (3, "RESERVED")
    assert shut(caught) == ["seat_free"]
    assert Cohort.objects.get().state == "FULL"


def test_reserved_seat_does_not_count_until_confirmed(trial: Conduct) -> None:
    slot = reserve(trial, trial.screen(disease=DISEASE), 1)
    assert letters_at(trial, 1) == "PP"

    confirm(trial, slot)

    assert letters_at(trial, 1) == "PPP"
    assert answer_of(trial) == ("WAIT", 1)


def test_participant_takes_one_seat(trial: Conduct) -> None:
    person = trial.screen(disease=DISEASE)
    reserve(trial, person, 1)

    with refused("has_seat"):
        reserve(trial, person, 1)


@pytest.mark.parametrize("level", [2, 3])
def test_nobody_is_seated_where_the_rules_do_not_send_them(trial: Conduct, level: int) -> None:
    person = trial.screen(disease=DISEASE)

    with refused("no_seat") as caught:
        reserve(trial, person, level)

    assert shut(caught) == ["decision_signed", "rules_allow", "seat_free"]


def test_candidate_who_is_not_eligible_takes_no_seat(trial: Conduct) -> None:
    person = trial.screen(disease=DISEASE)
    with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()):
        type(person).objects.filter(pk=person.pk).update(state="WITHDRAWN")

    with refused("no_seat") as caught:
        reserve(trial, person, 1)

    assert shut(caught) == ["eligible"]


def test_level_of_another_study_has_no_seat_here(trial: Conduct) -> None:
    other = open_level(make_trial(key="other"))
    person = trial.screen(disease=DISEASE)

    with refused("not_found"):
        reserve_slot(person, level=other.level(1), by=trial.manager, now=trial.tick())


# --- Looked at again when it is confirmed ----------------------------------------------------


def test_reservation_is_not_confirmed_while_held(trial: Conduct) -> None:
    slot = reserve(trial, trial.screen(disease=DISEASE), 1)
    hold(trial)

    with refused("no_seat") as caught:
        confirm(trial, slot)

    assert shut(caught) == ["held_study"]


def test_reservation_is_not_confirmed_at_a_held_site_and_is_at_another(trial: Conduct) -> None:
    here = reserve(trial, trial.screen(disease=DISEASE, crew=0), 1)
    hold(trial, scope=HoldScope.SITE, site=trial.crews[0].site)

    with refused("no_seat") as caught:
        confirm(trial, here)

    assert shut(caught) == ["held_site"]
    release(trial, here)
    there = reserve(trial, trial.screen(disease=DISEASE, crew=1), 1)
    assert confirm(trial, there).state == "CONFIRMED"


def test_reservation_is_not_confirmed_at_a_level_that_became_toxic(trial: Conduct) -> None:
    treat(trial, trial.study.participants.filter(state="SLOTTED"))
    slot = reserve(trial, trial.screen(disease=DISEASE), 1)
    for person in trial.study.participants.filter(state="TREATED"):
        report_dlt_of(trial, person)

    with refused("no_seat") as caught:
        confirm(trial, slot)

    assert {"cohort_open", "held_level", "level_closed", "rules_allow"} <= set(shut(caught))


def test_reservation_is_not_confirmed_once_its_decision_no_longer_stands() -> None:
    trial = open_level(make_trial(key="other"))
    first = run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    slot = reserve(trial, trial.screen(disease=DISEASE), 2)
    report_late_dlt(trial, first[0])

    with refused("no_seat") as caught:
        confirm(trial, slot)

    assert shut(caught) == ["held_level", "decision_signed", "rules_allow"]
    assert answer_of(trial) == ("EXPAND_COHORT", 1)


def test_reservation_is_not_confirmed_in_a_cohort_that_closed(trial: Conduct) -> None:
    slot = reserve(trial, trial.screen(disease=DISEASE), 1)
    trial.decide(Verdict.ESCALATE, 2, seats=1, reason=REASON)

    with refused("no_seat") as caught:
        confirm(trial, slot)

    assert shut(caught) == ["cohort_open"]


# --- Given up and replaced -------------------------------------------------------------------


def test_seat_given_up_before_treatment_is_free_again_and_counts_nowhere(trial: Conduct) -> None:
    slot = Slot.objects.get(participant__state="SLOTTED")

    release(trial, slot)

    person = slot.participant
    person.refresh_from_db()
    outcome = Outcome.objects.get(participant=person)
    assert (person.state, outcome.is_counted, letters_at(trial, 1)) == ("ELIGIBLE", False, "P")
    again = confirm(trial, reserve(trial, person, 1))
    assert (again.seat, letters_at(trial, 1)) == (slot.seat, "PP")


def test_reservation_given_up_is_free_again(trial: Conduct) -> None:
    slot = reserve(trial, trial.screen(disease=DISEASE), 1)
    assert Cohort.objects.get().state == "FULL"

    release(trial, slot)

    assert Cohort.objects.get().state == "OPEN"


def test_seat_is_not_given_up_once_lymphodepletion_began(trial: Conduct) -> None:
    slot = Slot.objects.get(participant__state="TREATED")

    with refused("treatment_begun"):
        release(trial, slot)


@pytest.mark.parametrize("reason", ["", "  \n"])
def test_seat_is_not_given_up_without_a_reason(trial: Conduct, reason: str) -> None:
    with refused("reason_needed"):
        release(trial, Slot.objects.get(participant__state="SLOTTED"), reason)


def test_seat_given_up_is_not_given_up_twice(trial: Conduct) -> None:
    slot = Slot.objects.get(participant__state="SLOTTED")
    release(trial, slot)

    with refused("illegal_move"):
        release(trial, slot)


def rule_out(trial: Conduct, person: Any) -> Outcome:
    return confirm_not_evaluable(
        person, reason="missed infusion 2", by=trial.monitor, now=trial.tick()
    )


def test_not_evaluable_frees_the_seat_and_a_dlt_takes_it_back(trial: Conduct) -> None:
    person = trial.study.participants.get(state="TREATED")
    seat(trial, 1)
    assert Cohort.objects.get().state == "FULL"

    rule_out(trial, person)

    slot = Slot.objects.get(participant=person)
    assert (slot.state, letters_at(trial, 1), Cohort.objects.get().state) == (
        "REPLACED",
        "XPP",
        "OPEN",
    )
    assert answer_of(trial) == ("ENROL", 1)
    before = revision_of(trial)

    report_dlt_of(trial, person)

    slot.refresh_from_db()
    assert (slot.state, slot.freed_at, letters_at(trial, 1)) == ("CONFIRMED", None, "TPP")
    assert Cohort.objects.get().state == "FULL"
    assert "OUTCOME_CHANGED" in kinds_since(trial, before)


def test_dlt_of_a_replaced_participant_over_enrols_with_a_flag(trial: Conduct) -> None:
    person = trial.study.participants.get(state="TREATED")
    seat(trial, 1)
    rule_out(trial, person)
    seat(trial, 1)

    report_dlt_of(trial, person)

    assert Slot.objects.get(participant=person).state == "REPLACED"
    assert letters_at(trial, 1) == "TPPP"
    assert trial.advice().flags == ["OVER_ENROLLED"]
    assert answer_of(trial) == ("WAIT", 1)


# --- What the database refuses by itself -----------------------------------------------------


def test_database_gives_a_seat_to_one_taker(trial: Conduct) -> None:
    taken = Slot.objects.earliest("id")
    person = trial.screen(disease=DISEASE)

    with (
        pytest.raises(IntegrityError, match="one_taker_a_seat"),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
    ):
        Slot.objects.create(
            cohort=taken.cohort, participant=person, seat=taken.seat, state="RESERVED"
        )


def test_database_gives_a_participant_one_seat(trial: Conduct) -> None:
    taken = Slot.objects.earliest("id")

    with (
        pytest.raises(IntegrityError, match="one_seat_a_participant"),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
    ):
        Slot.objects.create(
            cohort=taken.cohort, participant=taken.participant, seat=3, state="RESERVED"
        )


def test_database_refuses_a_seat_the_cohort_does_not_have(trial: Conduct) -> None:
    person = trial.screen(disease=DISEASE)
    cohort = Cohort.objects.get()
    with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()):
        Cohort.objects.filter(pk=cohort.pk).update(seats=2)

    for seat_number, error, words in (
        (3, ProgrammingError, "has no seat 3"),
        (4, IntegrityError, "seat_one_to_three"),
    ):
        with (
            pytest.raises((error, ProgrammingError), match=f"{words}|has no seat"),
            study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
        ):
            Slot.objects.create(
                cohort=cohort, participant=person, seat=seat_number, state="RESERVED"
            )


def test_eligibility_numbers_subjects_in_order(trial: Conduct) -> None:
    third, fourth = trial.screen(disease=DISEASE), trial.screen(disease=DISEASE)

    assert [third.subject_number, fourth.subject_number] == ["P-003", "P-004"]
    with refused("not_eligible"):
        confirm_eligibility(third, by=trial.manager, now=trial.tick())
