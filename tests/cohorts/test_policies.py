"""The gates, in order, and what they say; the same list refuses."""

import pytest

from cohorts.engine.design import Verdict
from cohorts.models import Cohort, Decision
from cohorts.policies import (
    current_basis,
    current_level,
    gates_for_seat,
    new_dlts,
    require_protocol,
    seats_to_offer,
)
from ntrust.actions import create_study
from safety.management.conduct import Conduct
from tests.factories import (
    DISEASE,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    report_late_dlt,
    reserve,
    run_cohort,
    seat,
    shared_trial,
)

pytestmark = pytest.mark.django_db

ORDER = [
    "protocol_active",
    "study_escalating",
    "not_held",
    "level_closed",
    "decision_signed",
    "rules_allow",
    "seat_free",
    "decision_acknowledged",
    "site_active",
    "consent_current",
    "eligible",
    "eligibility_in_date",
    "next_in_queue",
]


def build() -> Conduct:
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    return trial


_built, trial = shared_trial(build)


def test_gates_come_in_order_each_with_a_sentence(trial: Conduct) -> None:
    person = trial.screen(disease=DISEASE)

    gates = gates_for_seat(trial.study, trial.level(2), now=trial.now, participant=person)

    assert [gate.rule for gate in gates] == ORDER
    assert all(gate.is_clear for gate in gates)
    assert all(gate.sentence.endswith(".") for gate in gates)


def test_refusal_carries_the_same_list(trial: Conduct) -> None:
    person = trial.screen(disease=DISEASE)
    level = trial.level(3)

    with refused("no_seat") as caught:
        reserve(trial, person, 3)

    fresh = gates_for_seat(trial.study, level, now=trial.now, participant=person)
    assert list(caught.value.gates) == fresh
    assert all(gate.sentence in caught.value.sentence for gate in fresh if not gate.is_clear)


def test_gates_without_a_protocol_name_that_only(trial: Conduct) -> None:
    empty = create_study("empty", title="Empty", protocol_number="E", now=trial.now)

    (gate,) = gates_for_seat(empty, trial.level(2), now=trial.now)

    assert (gate.rule, gate.is_clear, gate.who_can_clear) == (
        "protocol_active",
        False,
        "study manager",
    )


@pytest.mark.parametrize(("seated", "offered"), [(0, 0), (1, 0), (3, 0)])
def test_no_seat_is_offered_while_opened_ones_are_free(
    trial: Conduct, seated: int, offered: int
) -> None:
    seat(trial, 2, seated)

    assert seats_to_offer(trial.study, 2) == offered


def test_seats_are_offered_again_once_the_decision_fell(trial: Conduct) -> None:
    seat(trial, 2, 1)

    report_late_dlt(trial, trial.study.participants.earliest("id"))

    assert Decision.objects.latest("number").state == "BASIS_CHANGED"
    assert seats_to_offer(trial.study, 2) == 2
    assert seats_to_offer(trial.study, 1) == 3


def test_current_level_is_that_of_the_cohort_opened_last(trial: Conduct) -> None:
    assert current_level(trial.study) == 2
    assert Cohort.objects.count() == 2
    people = seat(trial, 2, 3)
    assert len(people) == 3
    trial.decide(Verdict.ENROL, 1, seats=1, reason="One more at the level below was asked for.")

    assert current_level(trial.study) == 1


def test_new_dlts_are_those_since_the_decision(trial: Conduct) -> None:
    decision = Decision.objects.latest("number")
    people = run_cohort(trial, 2, "P")
    basis = current_basis(trial.study, require_protocol(trial.study))
    assert new_dlts(decision, basis) == []

    report_dlt_of(trial, people[0])

    basis = current_basis(trial.study, require_protocol(trial.study))
    assert new_dlts(decision, basis) == [str(people[0])]
