"""Overrides: with a committee's verdict and reasons, never against a hold or a toxic level."""

import pytest

from cohorts.actions import place_hold
from cohorts.engine.design import Verdict
from cohorts.models import Decision
from cohorts.states import HoldScope
from safety.management.conduct import Conduct
from tests.cohorts.test_decisions import REASON, build, conclude, propose, refused_to_propose
from tests.factories import (
    DISEASE,
    answer_of,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    report_late_dlt,
    reserve,
    run_cohort,
    seat,
    shared_trial,
    shut,
)

pytestmark = pytest.mark.django_db
_built, trial = shared_trial(build)


@pytest.mark.parametrize(
    "named",
    [
        {"reason": ""},
        {"reason": "because"},
        {"reason": " " * 40},
        {"reason": REASON, "committee_verdict": "  "},
    ],
)
def test_override_needs_reason_and_verdict(trial: Conduct, named: dict[str, str]) -> None:
    refused_to_propose(
        "override_needs_reason", trial, conclude(trial, Verdict.ENROL, 1, seats=3, **named)
    )


def test_more_seats_than_offered_is_an_override(trial: Conduct) -> None:
    open_level(trial, 2)
    run_cohort(trial, 2, "TU")  # one seat of the three is left

    refused_to_propose("override_needs_reason", trial, conclude(trial, Verdict.ENROL, 2, seats=3))


@pytest.mark.parametrize("seats", [-1, 0, 4])
def test_override_opens_one_to_three_seats(trial: Conduct, seats: int) -> None:
    refused_to_propose(
        "seats", trial, conclude(trial, Verdict.ENROL, 1, seats=seats, reason=REASON)
    )


def test_override_is_marked_and_seats_against_the_rules(trial: Conduct) -> None:
    trial.decide(Verdict.ENROL, 1, seats=1, reason=REASON, committee_verdict="agrees")
    decision = Decision.objects.latest("number")
    assert (decision.is_override, decision.reason, decision.seats) == (True, REASON, 1)

    seat(trial, 1)

    assert answer_of(trial)[0] == "WAIT"
    person = trial.screen(disease=DISEASE)
    with refused("no_seat") as caught:
        reserve(trial, person, 1)
    assert shut(caught) == ["seat_free"]


def test_override_does_not_reopen_a_toxic_level(trial: Conduct) -> None:
    for person in trial.study.participants.order_by("id")[:2]:
        report_late_dlt(trial, person)

    for level in (1, 2, 3):
        refused_to_propose(
            "level_closed", trial, conclude(trial, Verdict.ENROL, level, seats=3, reason=REASON)
        )


def test_override_of_a_held_level_is_refused(trial: Conduct) -> None:
    place_hold(
        trial.study,
        scope=HoldScope.LEVEL,
        level=trial.level(2),
        reason="a signal elsewhere",
        by=trial.monitor,
        now=trial.tick(),
    )

    refused_to_propose("held", trial, conclude(trial, Verdict.ENROL, 2, seats=3, reason=REASON))
    refused_to_propose("held", trial, conclude(trial, Verdict.ESCALATE, 3, seats=3, reason=REASON))
    assert propose(trial, Verdict.ENROL, 1, seats=3, reason=REASON).is_override


def test_override_seats_nobody_after_a_new_dlt(trial: Conduct) -> None:
    trial = open_level(make_trial(key="other"))
    run_cohort(trial, 1, "NNT")
    trial.decide(Verdict.ESCALATE, 2, seats=3, reason=REASON)
    first = run_cohort(trial, 2, "P")
    assert answer_of(trial) == ("EXPAND_COHORT", 1)
    report_dlt_of(trial, first[0])

    person = trial.screen(disease=DISEASE)
    with refused("no_seat") as caught:
        reserve(trial, person, 2)

    gate = next(gate for gate in caught.value.gates if gate.rule == "rules_allow")
    assert not gate.is_clear
    assert str(first[0]) in gate.sentence
