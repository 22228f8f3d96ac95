"""What a participant counts as follows from the facts, and a machine never rules X."""

import pytest
from django.db import IntegrityError

from cohorts.actions import confirm_not_evaluable, update_outcome
from cohorts.models import Outcome, Participant
from ntrust.change import study_change
from safety.management.conduct import Conduct
from tests.factories import (
    end_windows,
    letters_at,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    trial = open_level(make_trial())
    run_cohort(trial, 1, "PP")
    return trial


_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


def rule_out(trial: Conduct, person: Participant, reason: str = "missed infusion 2") -> Outcome:
    return confirm_not_evaluable(person, reason=reason, by=trial.monitor, now=trial.tick())


def test_not_evaluable_is_the_monitors_ruling(trial: Conduct, person: Participant) -> None:
    outcome = rule_out(trial, person)

    assert (outcome.letter, outcome.not_evaluable_confirmed_by) == ("X", trial.monitor)
    assert outcome.because == ("Not evaluable, confirmed: missed infusion 2. The seat is replaced.")


def test_not_evaluable_needs_a_reason(trial: Conduct, person: Participant) -> None:
    with refused("reason_needed"):
        rule_out(trial, person, "   ")


@pytest.mark.parametrize("criterion", ["NOW", "IN72H"])
def test_one_with_a_dlt_or_a_possible_one_is_never_replaced(
    trial: Conduct, person: Participant, criterion: str
) -> None:
    report_dlt_of(trial, person, criterion)

    with refused("has_dlt"):
        rule_out(trial, person)


def test_one_who_counts_already_is_not_ruled_out(trial: Conduct, person: Participant) -> None:
    end_windows(trial)
    trial.sign_no_dlt(person)
    with refused("not_pending"):
        rule_out(trial, person)


def test_not_evaluable_is_ruled_once(trial: Conduct, person: Participant) -> None:
    rule_out(trial, person)

    with refused("not_pending"):
        rule_out(trial, person)


def test_not_evaluable_stays_so_after_a_refuted_dlt(trial: Conduct, person: Participant) -> None:
    rule_out(trial, person)
    report = report_dlt_of(trial, person)
    assert letters_at(trial, 1) == "TP"

    trial.adjudicate(report, is_confirmed=False, reason="not related")

    assert letters_at(trial, 1) == "XP"


def test_unknown_fact_is_a_mistake(trial: Conduct, person: Participant) -> None:
    with (
        pytest.raises(TypeError, match="letter"),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()) as change,
    ):
        update_outcome(change, person, letter="N")


@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"letter": "N"}, "no_dlt_is_signed_after_the_window"),
        (
            {"letter": "N", "has_signed_statement": True},
            "no_dlt_is_signed_after_the_window",
        ),
        (
            {"letter": "N", "has_signed_statement": True, "is_window_over": True, "dlt": "COUNTED"},
            "no_dlt_is_signed_after_the_window",
        ),
        ({"letter": "T"}, "dlt_letter_has_a_counted_dlt"),
        ({"letter": "X"}, "not_evaluable_is_confirmed"),
        ({"first_infused_at": None}, "window_closes_after_infusion_1"),
    ],
)
def test_database_refuses_a_letter_without_its_facts(
    trial: Conduct, person: Participant, fields: dict[str, object], constraint: str
) -> None:
    with (
        pytest.raises(IntegrityError, match=constraint),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
    ):
        Outcome.objects.filter(participant=person).update(**fields)
