"""Past the point of no return: who is asked, what an answer opens, and what nothing opens."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cohorts.actions import leave_study, lift_hold, place_hold
from cohorts.models import Deviation, Hold, Outcome, Participant
from cohorts.states import HoldScope
from dosing.actions import answer_call, give_infusion, miss_infusion
from dosing.models import Infusion, MonitorCall
from ntrust.models import Notification
from safety.actions import pass_time_everywhere
from safety.management.conduct import Conduct
from tests.factories import (
    PASSWORD,
    kinds_since,
    letters_at,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    revision_of,
    run_cohort,
    seat,
    shared_trial,
    shut,
    treat,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Level 1 done; at level 2 two are conditioned and one is only seated."""
    trial = open_level(make_trial(sites=2, level_minus_one=True))
    run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    people = seat(trial, 2, 3)
    trial.condition(people[:2], day_0=trial.now + timedelta(days=5))
    return trial


_built, trial = shared_trial(build)


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


# --- Asked -----------------------------------------------------------------------------------


def test_hold_asks_about_each_conditioned_participant_at_once(trial: Conduct) -> None:
    revision = revision_of(trial)

    held = hold(trial)

    calls = MonitorCall.objects.order_by("participant")
    assert [(c.participant, c.kind, c.hold, c.state) for c in calls] == [
        (conditioned(place), "HOLD", held, "RAISED") for place in (0, 1)
    ]
    assert {call.due_at - call.raised_at for call in calls} == {timedelta(hours=24)}
    assert calls[0].raised_at == held.placed_at
    assert kinds_since(trial, revision).count("MONITOR_CALL") == 2
    told = Notification.objects.filter(event__kind="MONITOR_CALL")
    assert {row.recipient for row in told} == {trial.manager, trial.monitor}


def test_call_is_raised_once(trial: Conduct) -> None:
    hold(trial)

    for _ in range(3):
        trial.screen(disease="lupus nephritis")

    assert MonitorCall.objects.count() == 2


def test_hold_above_or_elsewhere_asks_nobody(trial: Conduct) -> None:
    hold(trial, 3)
    hold(trial, scope=HoldScope.SITE, level=None, site=trial.crews[1].site)

    assert not MonitorCall.objects.exists()


@pytest.mark.parametrize("scope", ["STUDY", "SITE", "LEVEL below"])
def test_every_hold_on_the_participant_asks(trial: Conduct, scope: str) -> None:
    named: dict[str, dict[str, Any]] = {
        "STUDY": {"scope": HoldScope.STUDY, "level": None},
        "SITE": {"scope": HoldScope.SITE, "level": None, "site": trial.crews[0].site},
        "LEVEL below": {"level": 1},
    }

    hold(trial, **named[scope])

    assert MonitorCall.objects.count() == 2


def test_hold_before_lymphodepletion_asks_nobody_who_is_only_seated(trial: Conduct) -> None:
    hold(trial)

    seated = Participant.objects.get(state="SLOTTED")
    assert not MonitorCall.objects.filter(participant=seated).exists()


# --- Answered --------------------------------------------------------------------------------


def test_infusion_waits_for_the_answer(trial: Conduct) -> None:
    hold(trial)

    with refused("no_infusion") as caught:
        give(trial, conditioned())

    assert shut(caught) == ["held_level"]
    assert "The medical monitor's answer is due" in caught.value.sentence


def test_proceed_opens_infusion_1_of_that_participant_only(trial: Conduct) -> None:
    hold(trial)
    first, second = conditioned(0), conditioned(1)

    answered = answer(trial, first)

    assert (answered.state, answered.answered_by) == ("ANSWERED", trial.monitor)
    assert answered.signature is not None
    assert answered.signature.meaning == f"call about {first}: proceed"
    with refused("no_infusion"):
        give(trial, second)
    assert give(trial, first).state == "GIVEN"


def test_hold_for_an_answer_keeps_it_shut(trial: Conduct) -> None:
    hold(trial)
    answer(trial, conditioned(), "HOLD")

    with refused("no_infusion") as caught:
        give(trial, conditioned())

    assert shut(caught) == ["held_level"]
    assert "answered on" in caught.value.sentence


def test_new_hold_is_a_new_question(trial: Conduct) -> None:
    hold(trial)
    person = conditioned()
    answer(trial, person)

    hold(trial, scope=HoldScope.STUDY, level=None)

    with refused("no_infusion") as caught:
        give(trial, person)
    assert shut(caught) == ["held_study"]
    answer(trial, person)
    assert give(trial, person).state == "GIVEN"


def test_same_hold_placed_again_is_a_new_question(trial: Conduct) -> None:
    lift(trial, hold(trial))
    answered = hold(trial)
    answer(trial, conditioned())
    lift(trial, answered)

    hold(trial)

    with refused("no_infusion"):
        give(trial, conditioned())


def test_answer_can_be_given_again_and_the_last_one_is_in_force(trial: Conduct) -> None:
    hold(trial)
    person = conditioned()
    first = answer(trial, person, "HOLD")
    answer(trial, person, "PROCEED", reason="the result is back")
    with refused("call_over"):
        answer_call(
            first,
            answer="PROCEED",
            reason="from an old page",
            by=trial.monitor,
            password=PASSWORD,
            now=trial.tick(),
        )
    answer(trial, person, "HOLD", reason="fever")

    with refused("no_infusion"):
        give(trial, person)
    words = MonitorCall.objects.filter(participant=person).order_by("id")
    assert list(words.values_list("answer", flat=True)) == ["HOLD", "PROCEED", "HOLD"]


def test_answer_needs_a_reason_a_password_and_a_known_word(trial: Conduct) -> None:
    hold(trial)
    with refused("reason_needed"):
        answer(trial, conditioned(), reason=" ")
    with refused("signature_refused"):
        answer(trial, conditioned(), password="wrong")
    with refused("level_needed"):
        answer(trial, conditioned(), "LOWER_DOSE")
    with refused("level_needed"):
        answer(trial, conditioned(), "PROCEED", lower_to=trial.level(1))


def test_proceed_is_for_no_later_infusion() -> None:
    trial, person = infused_once_after_a_call()

    with refused("no_infusion") as caught:
        give_second(trial, person)

    assert shut(caught) == ["held_level"]


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


# --- A lower dose ----------------------------------------------------------------------------


def test_lower_dose_is_assigned_counts_where_it_was_and_shows(trial: Conduct) -> None:
    hold(trial)
    person = conditioned()

    answer(trial, person, "LOWER_DOSE", lower_to=trial.level(1))

    infusion = first_infusion(person)
    assert infusion.assigned_cells == trial.level(1).dose
    deviation = Deviation.objects.get(participant=person)
    assert deviation.kind == "DOSE_LOWERED"
    assert "Assigned to level 2, to be given the dose of level 1" in deviation.sentence
    give(trial, person)
    outcome = Outcome.objects.get(participant=person)
    assert (outcome.level, outcome.letter) == (trial.level(2), "P")
    assert (outcome.infusions[0]["assigned"], outcome.infusions[0]["given"]) == (20_000, 10_000)
    assert "Proposed as not evaluable" in outcome.because


@pytest.mark.parametrize(("level", "code"), [(2, "not_lower"), (3, "not_lower")])
def test_lower_dose_is_lower(trial: Conduct, level: int, code: str) -> None:
    hold(trial)

    with refused(code):
        answer(trial, conditioned(), "LOWER_DOSE", lower_to=trial.level(level))


def test_lowered_dose_never_rises_again(trial: Conduct) -> None:
    hold(trial)
    person = conditioned()
    answer(trial, person, "LOWER_DOSE", lower_to=trial.level(-1))
    with refused("not_lower"):
        answer(trial, person, "LOWER_DOSE", lower_to=trial.level(1))

    answer(trial, person, "PROCEED")

    assert first_infusion(person).assigned_cells == trial.level(-1).dose


# --- Over ------------------------------------------------------------------------------------


def test_lifted_hold_makes_the_call_moot(trial: Conduct) -> None:
    held = hold(trial)
    person = conditioned()

    lift(trial, held)

    assert (call_of(person).state, call_of(person).moot_because) == ("MOOT", "The hold was lifted.")
    with refused("call_over"):
        answer(trial, person)
    assert give(trial, person).state == "GIVEN"


def test_missed_infusion_and_departure_make_the_call_moot(trial: Conduct) -> None:
    hold(trial)
    first, second = conditioned(0), conditioned(1)
    by = trial.investigator_of(first)

    miss_infusion(
        first_infusion(first), reason="fever", is_for_toxicity=False, by=by, now=trial.tick()
    )
    leave_study(second, to="WITHDRAWN", reason="moved away", by=by, now=trial.tick())

    assert {call_of(first).state, call_of(second).state} == {"MOOT"}
    for person in (first, second):
        with refused("call_over"):
            answer(trial, person)


def test_given_infusion_ends_the_question(trial: Conduct) -> None:
    hold(trial)
    person = conditioned()
    answer(trial, person)
    give(trial, person)

    with refused("call_over"):
        answer(trial, person, "HOLD")


# --- What no answer opens --------------------------------------------------------------------


def toxic_with_one_conditioned(**options: Any) -> tuple[Conduct, Participant]:
    """Two DLTs at level 1, beside one who is conditioned there."""
    trial = open_level(make_trial(key="other", level_minus_one=True, **options))
    people = seat(trial, 1, 3)
    trial.condition(people[2:], day_0=trial.now + timedelta(days=5))
    treat(trial, people[:2])
    for person in people[:2]:
        report_dlt_of(trial, person)
    return trial, people[2]


def test_nothing_lets_a_dose_through_that_two_dlts_closed() -> None:
    trial, person = toxic_with_one_conditioned()
    assert call_of(person).state == "RAISED"
    with refused("level_closed"):
        answer(trial, person, "PROCEED")
    with refused("no_infusion") as caught:
        give(trial, person)
    assert shut(caught) == ["level_closed", "held_level"]

    lift(trial, Hold.objects.get(study=trial.study))

    with refused("no_infusion") as caught:
        give(trial, person)
    assert shut(caught) == ["level_closed"]


def test_lower_dose_below_the_closed_level_may_be_given() -> None:
    trial, person = toxic_with_one_conditioned()

    answer(trial, person, "LOWER_DOSE", lower_to=trial.level(-1))

    assert give(trial, person).state == "GIVEN"
    assert letters_at(trial, 1) == "TTP"


def test_answer_from_before_the_second_dlt_opens_nothing_after_it() -> None:
    trial = open_level(make_trial(key="other"))
    people = seat(trial, 1, 3)
    trial.condition(people[2:], day_0=trial.now + timedelta(days=5))
    treat(trial, people[:2])
    report_dlt_of(trial, people[0])
    hold(trial, 1)
    answer(trial, people[2])

    report_dlt_of(trial, people[1])

    with refused("no_infusion") as caught:
        give(trial, people[2])
    assert shut(caught) == ["level_closed", "held_level"]


def test_protocol_that_completes_its_cohort_may_proceed_at_its_toxic_level() -> None:
    trial, person = toxic_with_one_conditioned(second_dlt="complete_cohort")

    answer(trial, person, "PROCEED")

    assert give(trial, person).state == "GIVEN"


def test_nothing_opens_a_dose_to_one_with_a_dlt_of_their_own() -> None:
    trial, person = infused_once_after_a_call()
    report_dlt_of(trial, person)
    lift(trial, Hold.objects.get(study=trial.study))

    with refused("no_infusion") as caught:
        give_second(trial, person)

    assert shut(caught) == ["no_dlt_of_ones_own"]


# --- Too old ---------------------------------------------------------------------------------


def ageing() -> tuple[Conduct, Participant]:
    """One conditioned in a protocol that lets lymphodepletion be 14 days old."""
    limits = {"oldest_days": 14, "call_hours": 6}
    trial = open_level(make_trial(key="other", conduct={"lymphodepletion_limits": limits}))
    (person,) = seat(trial, 1)
    trial.condition([person], day_0=trial.now + timedelta(days=5))
    return trial, person


def test_infusion_1_is_given_until_lymphodepletion_is_too_old() -> None:
    trial, person = ageing()
    old_at = first_infusion(person).course.old_at
    assert old_at is not None
    trial.now = old_at - timedelta(minutes=2)

    assert give(trial, person).state == "GIVEN"


def test_old_lymphodepletion_asks_by_itself_and_only_an_answer_opens() -> None:
    trial, person = ageing()
    old_at = first_infusion(person).course.old_at
    assert old_at is not None
    assert pass_time_everywhere(now=old_at - timedelta(minutes=1)) == 0
    assert pass_time_everywhere(now=old_at) == 1
    assert pass_time_everywhere(now=old_at) == 0
    call = call_of(person)
    assert (call.kind, call.hold, call.due_at) == ("LD_OLD", None, old_at + timedelta(hours=6))
    trial.now = old_at
    with refused("no_infusion") as caught:
        give(trial, person)
    assert shut(caught) == ["lymphodepletion_recent"]

    answer(trial, person)

    assert give(trial, person).state == "GIVEN"


def test_answer_to_a_hold_is_none_to_old_lymphodepletion() -> None:
    trial, person = ageing()
    hold(trial, 1)
    answer(trial, person)
    trial.now += timedelta(days=14)

    with refused("no_infusion") as caught:
        give(trial, person)

    assert shut(caught) == ["lymphodepletion_recent"]
