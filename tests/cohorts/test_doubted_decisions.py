"""A decision is not signed on a call that came into doubt after it was proposed."""

import pytest

from cohorts.actions import Conclusion, push_doubts, sign_decision
from cohorts.engine.design import Verdict
from cohorts.models import Decision
from ntrust.change import study_change
from safety.management.conduct import Conduct
from tests.factories import PASSWORD, make_trial, open_level, refused, run_cohort

pytestmark = pytest.mark.django_db


def propose(trial: Conduct) -> Decision:
    """What the rules recommend, concluded by a review."""
    advice = trial.advice()
    level = trial.level(advice.level)
    return trial.propose(Conclusion(Verdict(advice.verdict), level, "agrees"))


def test_decision_that_came_into_doubt_is_not_signed() -> None:
    trial = open_level(make_trial())
    people = run_cohort(trial, 1, "NNN")
    decision = propose(trial)
    sign_decision(decision, by=trial.manager, password=PASSWORD, now=trial.tick())
    doubt = {"kind": "candidate", "reads_as": "T", "because": "Rash, grade 3"}
    with study_change(trial.study, by=trial.monitor, reason="asked", now=trial.tick()) as change:
        push_doubts(change, {people[1].pk: [doubt]}, source="test")
    found = trial.advice().split["1"]
    assert (found["no_dlt"], found["possible"]) == (2, 1)

    with refused("stale_decision") as caught:
        sign_decision(decision, by=trial.monitor, password=PASSWORD, now=trial.tick())

    assert f"{people[1]} (Rash, grade 3)" in caught.value.sentence


def test_doubt_that_is_settled_does_not_stop_a_signature() -> None:
    trial = open_level(make_trial())
    people = run_cohort(trial, 1, "TNN")
    decision = propose(trial)
    report = people[0].adverse_events.get().dlt_reports.get()
    assert decision.content["recommendation"]["split"]["1"]["reported"] == 1

    trial.adjudicate(report)

    assert trial.sign(decision).state == "SIGNED"
