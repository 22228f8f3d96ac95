"""Past the point of no return: who is asked, and what an answer opens."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cohorts.actions import leave_study
from cohorts.models import Hold, Participant
from cohorts.states import HoldScope
from dosing.actions import answer_call, miss_infusion
from dosing.models import MonitorCall
from ntrust.change import study_change
from ntrust.models import Notification
from safety.management.conduct import Conduct
from tests.dosing.asked import (
    answer,
    build_conditioned,
    call_of,
    conditioned,
    first_infusion,
    give,
    give_second,
    hold,
    infused_once_after_a_call,
    lift,
)
from tests.factories import (
    PASSWORD,
    kinds_since,
    refused,
    revision_of,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build_conditioned)


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


def test_change_under_a_hold_costs_the_same_for_two_conditioned_and_for_three(
    trial: Conduct,
) -> None:
    two, held = cost_under_a_hold(trial)
    lift(trial, held)
    seated = Participant.objects.get(state="SLOTTED")
    trial.condition([seated], day_0=trial.now + timedelta(days=5))

    three, _ = cost_under_a_hold(trial)

    assert MonitorCall.objects.filter(hold__state="PLACED").count() == 3
    assert three == two


def cost_under_a_hold(trial: Conduct) -> tuple[int, Hold]:
    """Statements of a change in which nothing happens, once everybody was asked."""
    held = hold(trial)
    with (
        CaptureQueriesContext(connection) as asked,
        study_change(trial.study, by=trial.manager, reason="nothing", now=trial.tick()),
    ):
        pass
    return len(asked), held


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
