"""Overrides: with a committee's verdict and reasons, never against a hold or a toxic level."""

from collections.abc import Callable
from typing import Any

import pytest

from cohorts.actions import place_hold, sign_decision
from cohorts.engine.design import Verdict
from cohorts.models import Decision
from cohorts.policies import seats_to_offer
from cohorts.states import HoldScope
from safety.management.conduct import Conduct
from tests.cohorts.test_decisions import REASON, build, conclude, propose, refused_to_propose
from tests.factories import (
    DISEASE,
    PASSWORD,
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
def test_less_safe_override_needs_reason_and_verdict(trial: Conduct, named: dict[str, str]) -> None:
    refused_to_propose(
        "override_needs_reason", trial, conclude(trial, Verdict.ESCALATE, 3, seats=3, **named)
    )


@pytest.mark.parametrize("reason", ["", " " * 40])
def test_safer_override_needs_a_reason(trial: Conduct, reason: str) -> None:
    refused_to_propose(
        "override_needs_reason",
        trial,
        conclude(trial, Verdict.ENROL, 1, seats=3, reason=reason),
    )


def test_safer_override_needs_no_more_than_a_reason(trial: Conduct) -> None:
    said = {"reason": "caution", "committee_verdict": ""}

    more = propose(trial, Verdict.ENROL, 1, seats=3, **said)
    stop = propose(trial, Verdict.STOP, None, **said)

    assert [(d.is_override, d.is_less_safe) for d in (more, stop)] == [(True, False)] * 2


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


# --- No combination opens what is closed or held ----------------------------------------------


def toxic_2() -> Conduct:
    """1NNN 2TT."""
    trial = open_level(make_trial(key="toxic-2", level_minus_one=True))
    run_cohort(trial, 1, "NNN")
    run_cohort(open_level(trial, 2), 2, "TT")
    return trial


def toxic_1() -> Conduct:
    """1TT, with a level -1 planned."""
    trial = open_level(make_trial(key="toxic-1", level_minus_one=True))
    run_cohort(trial, 1, "TT")
    return trial


def waiting_1() -> Conduct:
    """1NTP: wait."""
    trial = open_level(make_trial(key="waiting", level_minus_one=True))
    run_cohort(trial, 1, "NTP")
    return trial


def held_2() -> Conduct:
    """1NNN, level 2 and above held by a person."""
    trial = open_level(make_trial(key="held", level_minus_one=True))
    run_cohort(trial, 1, "NNN")
    place_hold(
        trial.study,
        scope=HoldScope.LEVEL,
        level=trial.level(2),
        reason="a signal elsewhere",
        by=trial.monitor,
        now=trial.tick(),
    )
    return trial


@pytest.mark.parametrize(
    ("build_state", "shut_from", "code", "least"),
    [
        (toxic_2, 2, "level_closed", "level_minus_one"),
        (toxic_1, 1, "level_closed", None),
        (waiting_1, 4, "", "level_minus_one"),
        (held_2, 2, "held", "level_minus_one"),
    ],
)
def test_no_verdict_at_any_level_opens_what_is_shut(
    build_state: Callable[[], Conduct], shut_from: int, code: str, least: str | None
) -> None:
    trial = build_state()
    advice = trial.advice()
    named: dict[str, Any] = {"reason": REASON, "committee_verdict": "go up all the same"}
    placing = [v for v in Verdict if v not in (Verdict.WAIT, Verdict.STOP)]
    for level in (-1, 1, 2, 3):
        for verdict in placing:
            said = conclude(trial, verdict, level, seats=1, **named)
            is_advised = (verdict, level) == (advice.verdict, advice.level)
            if level >= shut_from and not is_advised:
                refused_to_propose(code, trial, said)
            elif level == -1 and least:
                refused_to_propose(least, trial, said)
            elif not is_advised:
                beyond = level == advice.level and seats_to_offer(trial.study, level) < 1
                decision = trial.propose(said)
                assert decision.is_override
                above = advice.level is None or level > advice.level
                assert decision.is_less_safe == (above or beyond), (verdict, level)


def test_hold_after_the_proposal_stops_the_signatures_under_an_override(trial: Conduct) -> None:
    said = conclude(trial, Verdict.ESCALATE, 3, seats=1, reason=REASON)
    decision = trial.propose(said)
    place_hold(
        trial.study,
        scope=HoldScope.LEVEL,
        level=trial.level(3),
        reason="a signal elsewhere",
        by=trial.monitor,
        now=trial.tick(),
    )

    with refused("held"):
        sign_decision(decision, by=trial.manager, password=PASSWORD, now=trial.tick())
