"""Missed and weak infusions, and what they make of the window and the outcome."""

from datetime import timedelta
from decimal import Decimal

import pytest

from cohorts.models import Outcome, Participant
from dosing.actions import miss_infusion
from dosing.models import DltWindow, Infusion
from safety.management.conduct import Conduct
from tests.dosing.test_actions import build, conditioned, give
from tests.factories import end_windows, make_trial, open_level, refused, seat, shared_trial

pytestmark = pytest.mark.django_db
_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


def miss(
    trial: Conduct, infusion: Infusion, *, is_for_toxicity: bool, reason: str = "fever"
) -> None:
    miss_infusion(
        infusion,
        reason=reason,
        is_for_toxicity=is_for_toxicity,
        by=trial.crews[0].investigator,
        now=trial.tick(),
    )


def test_missed_infusion_needs_a_reason(trial: Conduct, person: Participant) -> None:
    infusion = conditioned(trial, person)[0]

    with refused("reason_needed"):
        miss(trial, infusion, is_for_toxicity=False, reason=" ")


def test_minimum_exposure_counts_without_the_third(trial: Conduct, person: Participant) -> None:
    first, second, third = conditioned(trial, person)
    give(trial, first)
    give(trial, second)
    miss(trial, third, is_for_toxicity=False)
    end_windows(trial)

    trial.sign_no_dlt(person)

    assert Outcome.objects.get(participant=person).letter == "N"


@pytest.mark.parametrize(
    ("share", "letter"), [("0.8000", "N"), ("0.7999", "P"), ("1.2000", "N"), ("1.3000", "N")]
)
def test_weak_infusions_are_not_enough(
    trial: Conduct, person: Participant, share: str, letter: str
) -> None:
    first, second, third = conditioned(trial, person)
    reason = "" if Decimal(share) >= Decimal("0.8") else "a bag leaked"
    give(trial, first, given_cells=Decimal(share), reduced_because=reason)
    give(trial, second)
    miss(trial, third, is_for_toxicity=False)
    end_windows(trial)

    trial.sign_no_dlt(person)

    outcome = Outcome.objects.get(participant=person)
    assert outcome.letter == letter
    if letter == "P":
        assert outcome.because.startswith("Proposed as not evaluable")


def test_infusion_missed_for_toxicity_leaves_pending(trial: Conduct, person: Participant) -> None:
    first, second, third = conditioned(trial, person)
    give(trial, first)
    give(trial, second)
    miss(trial, third, is_for_toxicity=True)
    end_windows(trial)

    trial.sign_no_dlt(person)

    outcome = Outcome.objects.get(participant=person)
    assert outcome.letter == "P"
    assert "never replaced automatically" in outcome.because


def test_pending_while_an_infusion_is_awaited(trial: Conduct, person: Participant) -> None:
    first, second, third = conditioned(trial, person)
    give(trial, first)
    give(trial, second)
    end_windows(trial)
    trial.sign_no_dlt(person)
    assert Outcome.objects.get(participant=person).letter == "P"

    miss(trial, third, is_for_toxicity=False)

    assert Outcome.objects.get(participant=person).letter == "N"


def test_last_infusion_as_anchor_keeps_the_window_open_until_it_is_known() -> None:
    trial = open_level(make_trial(key="other", infusion_days=(0, 7, 14), anchor="last_infusion"))
    (person,) = seat(trial, 1)
    first, second, third = conditioned(trial, person)
    give(trial, first)
    give(trial, second)
    end_windows(trial)
    window = DltWindow.objects.get()
    assert (window.state, window.closes_at) == ("OPEN", None)

    given = give(trial, third)

    window.refresh_from_db()
    assert given.given_at is not None
    assert window.closes_at is not None
    assert window.closes_at.date() == given.given_at.date() + timedelta(days=29)
