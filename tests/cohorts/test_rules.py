"""What follows from the rules after each change: answers, holds, cohorts, decisions."""

from datetime import timedelta
from typing import Any

import pytest

from cohorts.actions import confirm_not_evaluable
from cohorts.engine.design import Verdict
from cohorts.models import Cohort, Decision, Hold, Recommendation
from cohorts.policies import recommend_now
from ntrust.actions import create_study
from ntrust.models import Event
from safety.actions import pass_time_everywhere
from safety.management.conduct import Conduct
from tests.factories import (
    PASSWORD,
    START,
    answer_of,
    end_windows,
    kinds_since,
    letters_at,
    make_trial,
    open_level,
    report_dlt_of,
    report_late_dlt,
    revision_of,
    run_cohort,
    seat,
    shared_trial,
    treat,
)
from tests.lifting import lift_hold
from tests.re_reviewing import re_review

pytestmark = pytest.mark.django_db
REASON = "The committee goes up before the last outcome is known."


def build() -> Conduct:
    """Level 1 clean; level 2 open with two treated and one seated."""
    trial = open_level(make_trial())
    run_cohort(trial, 1, "NNN")
    open_level(trial, 2)
    run_cohort(trial, 2, "PPU")
    return trial


_built, trial = shared_trial(build)


def people_at(trial: Conduct, level: int) -> list[Any]:
    return list(trial.study.participants.filter(outcome__level__ordinal=level).order_by("id"))


def holds(trial: Conduct) -> list[tuple[str, int]]:
    rows = Hold.objects.filter(study=trial.study, state="PLACED").order_by("id")
    return list(rows.values_list("rule", "level__ordinal"))


def decisions(trial: Conduct) -> list[str]:
    rows = Decision.objects.filter(study=trial.study).order_by("number")
    return list(rows.values_list("state", flat=True))


def test_recommendation_is_stored_only_when_something_it_reads_changed(trial: Conduct) -> None:
    before = trial.advice()

    trial.screen(disease="lupus nephritis")

    assert trial.advice() == before
    assert before.revision < revision_of(trial)


def test_recommendation_names_counts_pending_bounds_and_basis(trial: Conduct) -> None:
    advice = trial.advice()

    assert advice.counts == {
        "1": {"n": 3, "x": 0, "pending": 0},
        "2": {"n": 0, "x": 0, "pending": 3},
    }
    assert [row["subject"] for row in advice.pending] == ["P-004", "P-005", "P-006"]
    assert (advice.verdict, advice.level, advice.rule) == ("WAIT", 2, "5 wait, seats taken")
    assert len(advice.bounds) > 1
    assert advice.basis["current"] == 2
    assert advice.engine_version


def test_late_dlt_changes_everything_in_one_transaction(trial: Conduct) -> None:
    """After "no DLT" was signed: statement withdrawn, decision marked, level held, answer new."""
    before = revision_of(trial)
    person = people_at(trial, 1)[0]

    report_late_dlt(trial, person)

    assert revision_of(trial) == before + 2, "the event, then the DLT report"
    statement = person.window_statements.get()
    assert (statement.withdrawn_at, bool(statement.withdrawn_because)) == (trial.now, True)
    assert person.window.state == "AWAITING_STATEMENT"
    assert letters_at(trial, 1) == "TNN"
    assert decisions(trial) == ["CIRCULATED", "BASIS_CHANGED"]
    decision = Decision.objects.latest("number")
    assert decision.basis_changed_at == trial.now
    assert str(person) in decision.basis_change
    assert holds(trial) == [("BASIS_CHANGED_2", 2)]
    assert answer_of(trial) == ("EXPAND_COHORT", 1)
    told = Event.objects.filter(revision=before + 2).order_by("id")
    assert sorted(told.values_list("kind", flat=True)) == [
        "BASIS_CHANGED",
        "DLT_REPORTED",
        "HOLD_PLACED",
        "OUTCOME_CHANGED",
        "RECOMMENDATION_CHANGED",
    ]
    assert set(told.values_list("at", flat=True)) == {trial.now}


def test_more_late_news_holds_again_what_was_lifted() -> None:
    """A first late DLT at level 1, the holds lifted; then one at level 2, below treated level 3."""
    trial = open_level(make_trial(key="three-levels"))
    first = run_cohort(trial, 1, "NNN")
    second = run_cohort(open_level(trial, 2), 2, "NNN")
    run_cohort(open_level(trial, 3), 3, "PPP")
    report_late_dlt(trial, first[0])
    for number in (2, 3):
        re_review(trial, Decision.objects.get(study=trial.study, number=number))
    for hold in Hold.objects.filter(study=trial.study, state="PLACED"):
        lift_hold(hold, by=trial.monitor, password=PASSWORD, reason="reviewed", now=trial.tick())
    assert holds(trial) == []

    report_late_dlt(trial, second[0])

    assert ("BASIS_CHANGED_3", 3) in holds(trial)
    assert "P-004" in Decision.objects.get(study=trial.study, number=3).basis_change


def test_second_late_dlt_below_stops_everything_above(trial: Conduct) -> None:
    for person in people_at(trial, 1)[:2]:
        report_late_dlt(trial, person)

    assert answer_of(trial) == ("STOP", None)
    assert trial.advice().outcome == "NO_TOLERATED_DOSE"
    assert "DOSED_ABOVE_TOXIC" in trial.advice().flags
    assert dict(Cohort.objects.values_list("level__ordinal", "state")) == {
        1: "CLOSED",
        2: "STOPPED",
    }
    assert ("SECOND_DLT", 1) in holds(trial)


def test_second_dlt_stops_the_cohort_and_sends_back_down(trial: Conduct) -> None:
    first, second, _ = people_at(trial, 2)
    report_dlt_of(trial, first)
    assert answer_of(trial) == ("WAIT", 2)

    report_dlt_of(trial, second)

    cohort = Cohort.objects.get(level__ordinal=2)
    assert (cohort.state, cohort.stopped_because) == ("STOPPED", "Two or more DLTs at level 2.")
    assert holds(trial) == [("SECOND_DLT", 2)]
    assert answer_of(trial) == ("DE_ESCALATE", 1)
    assert decisions(trial) == ["CIRCULATED", "CIRCULATED"], "the basis below still holds"


def test_de_escalation_is_decided_and_filled_to_six(trial: Conduct) -> None:
    for person in people_at(trial, 2)[:2]:
        report_dlt_of(trial, person)

    open_level(trial, 1)
    run_cohort(trial, 1, "NNN")

    assert letters_at(trial, 1) == "NNNNNN"
    assert answer_of(trial) == ("STOP", None)
    assert (trial.advice().outcome, trial.advice().mtd) == ("MTD", 1)
    trial.decide(Verdict.STOP, None)
    assert set(Cohort.objects.values_list("state", flat=True)) == {"CLOSED", "STOPPED"}


def test_pending_below_who_has_a_dlt_holds_what_an_override_opened() -> None:
    trial = open_level(make_trial(key="other"))
    run_cohort(trial, 1, "NNP")
    trial.decide(Verdict.ESCALATE, 2, seats=3, reason=REASON)
    seat(trial, 2)

    report_late_dlt(trial, people_at(trial, 1)[2])

    assert letters_at(trial, 1) == "NNT"
    assert answer_of(trial) == ("EXPAND_COHORT", 1)
    assert decisions(trial) == ["CIRCULATED", "BASIS_CHANGED"]
    assert holds(trial) == [("BASIS_CHANGED_2", 2)]


def test_pending_below_who_has_none_changes_no_basis() -> None:
    trial = open_level(make_trial(key="other"))
    run_cohort(trial, 1, "NNP")
    trial.decide(Verdict.ESCALATE, 2, seats=3, reason=REASON)

    trial.sign_no_dlt(people_at(trial, 1)[2])

    assert decisions(trial) == ["CIRCULATED", "CIRCULATED"]
    assert answer_of(trial) == ("ESCALATE", 2)


def test_escalation_with_pending_is_held_by_the_pending_ones_dlt() -> None:
    trial = open_level(make_trial(key="other", escalate_with_pending=True))
    run_cohort(trial, 1, "NNN")
    trial.decide(Verdict.ENROL, 1, seats=1, reason=REASON)
    run_cohort(trial, 1, "P")
    assert answer_of(trial) == ("ESCALATE", 2)
    open_level(trial, 2)
    seat(trial, 2)
    assert answer_of(trial) == ("ENROL", 2)

    report_late_dlt(trial, people_at(trial, 1)[3])

    assert answer_of(trial)[1] == 1
    assert holds(trial) == [("BASIS_CHANGED_3", 2)]


def test_cohort_goes_to_review_when_the_last_outcome_is_known(trial: Conduct) -> None:
    treat(trial, people_at(trial, 2)[2:])
    end_windows(trial)
    states = []
    for person in people_at(trial, 2):
        trial.sign_no_dlt(person)
        states.append(Cohort.objects.get(level__ordinal=2).state)

    assert states == ["FULL", "FULL", "IN_REVIEW"]
    assert answer_of(trial) == ("ESCALATE", 3)


def test_reviewed_cohort_reopens_for_a_replacement() -> None:
    trial = open_level(make_trial(key="other"))
    people = run_cohort(trial, 1, "NNP")
    person = people[2]
    confirm_not_evaluable(person, reason="under-dosed", by=trial.monitor, now=trial.tick())

    assert Cohort.objects.get(study=trial.study).state == "OPEN"
    assert answer_of(trial) == ("ENROL", 1)


def test_silence_is_never_no_dlt(trial: Conduct) -> None:
    trial.now += timedelta(days=400)
    pass_time_everywhere(now=trial.now)

    assert letters_at(trial, 2) == "PPP"
    assert answer_of(trial) == ("WAIT", 2)


def test_second_study_changes_nothing_here(trial: Conduct) -> None:
    before, rows = trial.advice(), Recommendation.objects.filter(study=trial.study).count()
    other = open_level(make_trial(key="other"))

    run_cohort(other, 1, "TT")

    assert trial.advice() == before
    assert Recommendation.objects.filter(study=trial.study).count() == rows
    assert answer_of(trial) == ("WAIT", 2)
    assert answer_of(other) == ("STOP", None)
    assert holds(trial) == []


def test_nothing_is_recommended_without_a_protocol() -> None:
    empty = create_study("empty", title="Empty", protocol_number="E", now=START)

    assert recommend_now(empty) is None


def test_events_of_a_change_tell_of_the_new_answer_once(trial: Conduct) -> None:
    before = revision_of(trial)

    report_dlt_of(trial, people_at(trial, 2)[0])

    kinds = kinds_since(trial, before)
    assert kinds == ["EVENT_REPORTED", "OUTCOME_CHANGED", "DLT_REPORTED"]
