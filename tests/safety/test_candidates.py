"""Candidates: raised by the criteria, never closed by silence, and disagreement is kept."""

from datetime import timedelta
from typing import Any

import pytest

from cohorts.models import Outcome, Participant
from safety.actions import (
    add_grade,
    complete_event,
    end_event,
    pass_time_everywhere,
    report_dlt,
    state_not_dlt,
)
from safety.management.conduct import Conduct
from safety.models import DltCandidate
from tests.factories import (
    answer_of,
    end_windows,
    kinds_since,
    refused,
    revision_of,
    shared_trial,
    shut,
)
from tests.safety.toxic import (
    build,
    enter,
    first_of,
    known,
    letter,
    question,
    sign_none,
    state_of,
    wait,
    who,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return first_of(trial)


# --- Raised ----------------------------------------------------------------------------------


def test_event_that_meets_a_criterion_is_an_open_question(
    trial: Conduct, person: Participant
) -> None:
    revision = revision_of(trial)

    event = enter(trial, person, grading_system="ASTCT ICANS")

    outcome = Outcome.objects.get(participant=person)
    assert state_of(event) == "OPEN"
    assert (outcome.letter, outcome.dlt, outcome.has_open_dlt_question) == (
        "P",
        "PROVISIONAL",
        True,
    )
    assert kinds_since(trial, revision)[:2] == ["EVENT_REPORTED", "DLT_CANDIDATE"]
    said = trial.study.events.filter(kind="DLT_CANDIDATE").get().sentence
    assert said.endswith("Colitis: dose-limiting or not? grade 3, related: meets D3.")


def test_event_that_could_meet_one_is_an_open_question(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grading_system="ASTCT CRS")

    found = DltCandidate.objects.get(event=event)
    assert (found.state, found.rereads_at) == ("OPEN", event.onset_at + timedelta(hours=72))


def test_unknown_kind_of_event_is_an_open_question(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person)

    assert state_of(event) == "OPEN"
    complete_event(
        event, details=known(category="laboratory"), reason="seen again", **who(trial, person)
    )
    assert state_of(event) == "CLOSED"
    assert Outcome.objects.get(participant=person).dlt == "NONE"
    assert (
        trial.study.events.filter(kind="EVENT_NOT_DLT")
        .get()
        .sentence.endswith(
            "by what is known now no criterion asks whether an event is dose-limiting: Colitis."
        )
    )


@pytest.mark.parametrize(
    "named",
    [
        {"grade": 2, "details": known()},
        {"causality": "UNLIKELY"},
        {"details": known(category="fever")},
    ],
)
def test_event_that_meets_none_asks_nobody(
    trial: Conduct, person: Participant, named: dict[str, Any]
) -> None:
    event = enter(trial, person, **named)

    assert question(event) is None
    assert Outcome.objects.get(participant=person).dlt == "NONE"


def test_mild_event_of_an_unknown_kind_could_be_gvhd(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grade=2)

    said = trial.study.events.filter(kind="DLT_CANDIDATE").get().sentence
    assert state_of(event) == "OPEN"
    assert said.endswith(
        "could meet D4 (what kind of event it is is not known; whether it needed "
        "steroid treatment is not known)."
    )


def test_event_before_the_window_asks_nobody(trial: Conduct, person: Participant) -> None:
    given_at = Outcome.objects.get(participant=person).first_infused_at
    assert given_at is not None

    event = enter(trial, person, grade=4, onset_at=given_at - timedelta(minutes=1))

    assert question(event) is None


@pytest.mark.parametrize(("grade", "asks"), [(2, False), (3, True)])
def test_event_that_gets_worse_in_the_window_is_of_it(
    trial: Conduct, person: Participant, grade: int, asks: bool
) -> None:
    given_at = Outcome.objects.get(participant=person).first_infused_at
    assert given_at is not None
    before = given_at - timedelta(days=1)
    named = {"grade": 2, "onset_at": before, "grading_system": "ASTCT ICANS"}
    event = enter(trial, person, **named)

    add_grade(event, grade=grade, since=trial.now, **who(trial, person))

    assert (question(event) is not None) is asks
    if asks:
        report_dlt(event, criterion="D3", **who(trial, person))
        assert letter(person) == "T"


def test_report_answers_the_question(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grading_system="ASTCT ICANS")

    report_dlt(event, criterion="D3", **who(trial, person))

    assert (state_of(event), letter(person)) == ("REPORTED", "T")
    answer_of(trial)


def test_resolution_in_time_answers_the_question(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grading_system="ASTCT CRS")
    at = wait(trial, hours=71)

    end_event(event, ended_at=at, outcome="RECOVERED", **who(trial, person))

    assert state_of(event) == "CLOSED"
    assert Outcome.objects.get(participant=person).dlt == "NONE"


def test_worse_grade_ends_the_waiting_of_a_provisional_report(
    trial: Conduct, person: Participant
) -> None:
    event = enter(trial, person, grading_system="ASTCT CRS")
    report = report_dlt(event, criterion="D2", **who(trial, person))
    assert (report.state, letter(person)) == ("PROVISIONAL", "P")

    add_grade(event, grade=4, since=trial.now, **who(trial, person))

    report.refresh_from_db()
    assert (report.state, letter(person)) == ("REPORTED", "T")
    answer_of(trial)


def test_lower_grade_clears_no_provisional_report(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grading_system="ASTCT CRS")
    report = report_dlt(event, criterion="D2", **who(trial, person))
    end = report.counts_at
    assert end is not None

    add_grade(event, grade=2, since=trial.now, **who(trial, person))

    report.refresh_from_db()
    assert (report.state, report.counts_at) == ("PROVISIONAL", end)
    pass_time_everywhere(now=end)
    assert letter(person) == "T"


# --- The window's statement ------------------------------------------------------------------


def test_statement_is_refused_naming_the_event(trial: Conduct, person: Participant) -> None:
    enter(trial, person, grading_system="ASTCT ICANS")
    end_windows(trial)

    with refused("no_statement") as caught:
        sign_none(trial, person)

    assert shut(caught) == ["no_open_question"]
    assert caught.value.sentence == (
        "An event of the window may be a DLT, and that is not answered: Colitis, grade 3 "
        "(waits for the investigator's word)."
    )


def test_signed_statement_is_withdrawn_by_a_late_event(trial: Conduct, person: Participant) -> None:
    began = trial.now
    end_windows(trial)
    statement = sign_none(trial, person)
    assert letter(person) == "N"

    enter(trial, person, onset_at=began, grading_system="ASTCT ICANS")

    statement.refresh_from_db()
    assert statement.withdrawn_because != ""
    assert letter(person) == "P"
    answer_of(trial)


def test_statement_is_withdrawn_when_a_late_regrade_asks(
    trial: Conduct, person: Participant
) -> None:
    event = enter(trial, person, grade=2, grading_system="ASTCT ICANS")
    began = trial.now
    end_windows(trial)
    statement = sign_none(trial, person)

    add_grade(event, grade=3, since=began, **who(trial, person))

    statement.refresh_from_db()
    assert (statement.withdrawn_at, letter(person)) == (trial.now, "P")


# --- "Not dose-limiting" ---------------------------------------------------------------------


def test_no_is_taken_while_a_clock_runs_and_asked_again_at_its_end(
    trial: Conduct, person: Participant
) -> None:
    event = enter(trial, person, grading_system="ASTCT CRS")
    state_not_dlt(event, reason="improving", **who(trial, person))
    assert state_of(event) == "CLOSED"
    end = event.onset_at + timedelta(hours=72)

    assert pass_time_everywhere(now=end - timedelta(minutes=1)) == 0
    assert pass_time_everywhere(now=end) == 1

    assert state_of(event) == "OPEN"
    assert Outcome.objects.get(participant=person).dlt == "PROVISIONAL"
    assert pass_time_everywhere(now=end + timedelta(minutes=1)) == 0


def test_clock_that_has_passed_is_an_open_question_before_a_statement(
    trial: Conduct, person: Participant
) -> None:
    event = enter(trial, person, grading_system="ASTCT CRS")
    state_not_dlt(event, reason="improving", **who(trial, person))
    trial.now += timedelta(days=30)

    with refused("no_statement"):
        sign_none(trial, person)


def test_no_is_asked_again_when_the_grade_rises(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grading_system="ASTCT CRS")
    state_not_dlt(event, reason="improving", **who(trial, person))

    add_grade(event, grade=4, since=trial.now, **who(trial, person))

    assert state_of(event) == "OPEN"


@pytest.mark.parametrize("named", [{"causality": ""}, {"grading_system": "CTCAE v5.0"}])
def test_no_is_refused_while_a_fact_is_missing(
    trial: Conduct, person: Participant, named: dict[str, Any]
) -> None:
    event = enter(trial, person, **{"grading_system": "ASTCT ICANS", **named})

    with refused("facts_missing"):
        state_not_dlt(event, reason="no", **who(trial, person))


def test_no_needs_a_reason_and_a_question(trial: Conduct, person: Participant) -> None:
    mild = enter(trial, person, grade=1)
    with refused("no_candidate"):
        state_not_dlt(mild, reason="mild", **who(trial, person))
    event = enter(trial, person, grading_system="ASTCT ICANS")
    with refused("reason_needed"):
        state_not_dlt(event, reason=" ", **who(trial, person))
