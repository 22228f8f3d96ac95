"""DLTs from report to count: never silence, never lost, never counted twice."""

from datetime import timedelta
from typing import Any

import pytest

from cohorts.actions import confirm_not_evaluable
from cohorts.models import Outcome, Participant
from cohorts.protocol import read_file
from dosing.actions import begin_lymphodepletion, complete_lymphodepletion, give_infusion
from dosing.models import DltWindow
from ntrust.models import Event
from safety.actions import (
    clear_dlt,
    pass_time_everywhere,
    report_dlt,
    report_event,
    sign_window_statement,
)
from safety.management.conduct import Conduct
from safety.management.demo import PROTOCOLS
from safety.models import AdverseEvent, DltReport, WindowStatement
from tests.factories import (
    DISEASE,
    PASSWORD,
    answer_of,
    end_windows,
    letters_at,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    report_late_dlt,
    run_cohort,
    seat,
    shared_trial,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """Three treated at level 1, three days ago."""
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "PPP")
    return trial


_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


def enter(trial: Conduct, person: Participant, **named: Any) -> AdverseEvent:
    named = {
        "term": "Fever",
        "onset_at": trial.now,
        "grade": 3,
        "grading_system": "CTCAE v5.0",
        "causality": "POSSIBLE",
        "is_serious": False,
        "aware_at": trial.now,
        **named,
    }
    return report_event(person, by=trial.investigator_of(person), now=trial.tick(), **named)


def clear(trial: Conduct, report: DltReport, **named: Any) -> DltReport:
    by = trial.investigator_of(report.event.participant)
    named = {"resolved_at": trial.now, "password": PASSWORD, **named}
    return clear_dlt(report, by=by, now=trial.tick(), **named)


def state(trial: Conduct, has_dlt: bool, person: Participant, **named: Any) -> WindowStatement:
    named = {"password": PASSWORD, **named}
    return sign_window_statement(
        person, has_dlt=has_dlt, by=trial.investigator_of(person), now=trial.tick(), **named
    )


def letter(person: Participant) -> str:
    return Outcome.objects.get(participant=person).letter


# --- Events ----------------------------------------------------------------------------------


@pytest.mark.parametrize("grade", [-1, 0, 6])
def test_grade_is_one_to_five(trial: Conduct, person: Participant, grade: int) -> None:
    with refused("bad_grade"):
        enter(trial, person, grade=grade)


@pytest.mark.parametrize("field", ["onset_at", "aware_at"])
def test_event_does_not_begin_tomorrow(trial: Conduct, person: Participant, field: str) -> None:
    with refused("future_date"):
        enter(trial, person, **{field: trial.now + timedelta(days=1)})


def test_event_keeps_when_it_was_known_and_entered(trial: Conduct, person: Participant) -> None:
    aware_at = trial.now - timedelta(hours=20)

    event = enter(trial, person, onset_at=aware_at, aware_at=aware_at)

    assert (event.aware_at, event.entered_at) == (aware_at, trial.now)
    assert letter(person) == "P"


# --- Reports ---------------------------------------------------------------------------------


@pytest.mark.parametrize("criterion", ["", "NOW"])
def test_report_counts_at_once(trial: Conduct, person: Participant, criterion: str) -> None:
    report = report_dlt_of(trial, person, criterion)

    assert (report.state, report.counts_at, letter(person)) == ("REPORTED", None, "T")


def test_report_is_refused_for_an_unknown_criterion_only(
    trial: Conduct, person: Participant
) -> None:
    event = enter(trial, person)

    with refused("unknown_criterion"):
        report_dlt(event, criterion="D99", by=trial.investigator_of(person), now=trial.tick())


def test_report_before_treatment_is_kept_and_counts_nowhere(trial: Conduct) -> None:
    person = trial.screen(disease=DISEASE)

    report = report_dlt_of(trial, person)

    assert report.state == "REPORTED"
    assert not Outcome.objects.filter(participant=person).exists()


def test_report_of_an_event_before_infusion_1_does_not_count(
    trial: Conduct, person: Participant
) -> None:
    given_at = Outcome.objects.get(participant=person).first_infused_at
    assert given_at is not None
    event = enter(trial, person, onset_at=given_at - timedelta(minutes=1))

    report_dlt(event, criterion="NOW", by=trial.investigator_of(person), now=trial.tick())

    assert letter(person) == "P"


@pytest.mark.parametrize(("minutes", "expected"), [(-1, "T"), (0, "P")])
def test_report_counts_for_events_that_began_in_the_window(
    trial: Conduct, person: Participant, minutes: int, expected: str
) -> None:
    end_windows(trial)
    close = DltWindow.objects.get(participant=person).closes_at
    assert close is not None
    event = enter(trial, person, onset_at=close + timedelta(minutes=minutes))

    report_dlt(event, criterion="NOW", by=trial.investigator_of(person), now=trial.tick())

    assert letter(person) == expected


def test_report_entered_before_its_infusion_counts_once_the_infusion_is(trial: Conduct) -> None:
    """Paper catches up in any order: the DLT first, then the infusion it followed."""
    confirm_not_evaluable(
        trial.study.participants.earliest("id"),
        reason="under-dosed",
        by=trial.monitor,
        now=trial.tick(),
    )
    (late,) = seat(trial, 1)
    by = trial.investigator_of(late)
    course = begin_lymphodepletion(
        late,
        regimen="flu_cy",
        started_at=trial.now,
        first_infusion_on=trial.now,
        by=by,
        now=trial.tick(),
    )
    complete_lymphodepletion(course, ended_at=trial.now, by=by, now=trial.tick())
    given_at = trial.now
    trial.now += timedelta(days=2)
    report_dlt_of(trial, late)
    assert letter(late) == "P"

    first = course.infusions.get(number=1)
    # A day already past: what happened is entered, whatever was reported before.
    give_infusion(
        first, given_at=given_at, given_cells=first.assigned_cells, by=by, now=trial.tick()
    )

    assert letter(late) == "T"
    answer_of(trial)


def test_reports_of_one_participant_count_once(trial: Conduct, person: Participant) -> None:
    report_dlt_of(trial, person)
    report_dlt_of(trial, person)

    assert letters_at(trial, 1) == "TPP"
    assert trial.advice().counts["1"] == {"n": 1, "x": 1, "pending": 2}


def test_one_refuted_report_leaves_the_other(trial: Conduct, person: Participant) -> None:
    first, _ = report_dlt_of(trial, person), report_dlt_of(trial, person)

    trial.adjudicate(first, is_confirmed=False, reason="not related")

    assert letter(person) == "T"


# --- Adjudication ----------------------------------------------------------------------------


def test_confirmed_dlt_goes_on_counting(trial: Conduct, person: Participant) -> None:
    report = trial.adjudicate(report_dlt_of(trial, person))

    assert (report.state, letter(person)) == ("CONFIRMED", "T")
    with refused("illegal_move"):
        trial.adjudicate(report, is_confirmed=False, reason="second thoughts")


def test_adjudication_needs_reason_and_password(trial: Conduct, person: Participant) -> None:
    report = report_dlt_of(trial, person)
    with refused("reason_needed"):
        trial.adjudicate(report, reason="  ")
    trial.password = "wrong"
    with refused("signature_refused"):
        trial.adjudicate(report)


def test_refuted_dlt_needs_a_new_statement(trial: Conduct, person: Participant) -> None:
    end_windows(trial)
    report = report_late_dlt(trial, person)
    first = state(trial, True, person)

    trial.adjudicate(report, is_confirmed=False, reason="not related")

    first.refresh_from_db()
    assert first.withdrawn_because == "The DLT no longer counts."
    assert (letter(person), DltWindow.objects.get(participant=person).state) == (
        "P",
        "AWAITING_STATEMENT",
    )
    state(trial, False, person)
    assert letter(person) == "N"


# --- Provisional -----------------------------------------------------------------------------


def test_provisional_is_pending_until_its_clock_ends(trial: Conduct, person: Participant) -> None:
    report = report_dlt_of(trial, person, "IN72H")
    assert (report.state, letter(person)) == ("PROVISIONAL", "P")
    assert report.counts_at == report.event.onset_at + timedelta(hours=72)

    assert pass_time_everywhere(now=report.counts_at - timedelta(minutes=1)) == 0
    assert letter(person) == "P"
    assert pass_time_everywhere(now=report.counts_at) == 1

    report.refresh_from_db()
    assert (report.state, letter(person)) == ("REPORTED", "T")
    assert Event.objects.latest("id").by is None


def test_provisional_counts_in_the_first_change_after_its_clock(
    trial: Conduct, person: Participant
) -> None:
    report_dlt_of(trial, person, "IN72H")
    trial.now += timedelta(hours=73)

    trial.screen(disease=DISEASE)

    assert letter(person) == "T"


def test_provisional_entered_late_counts_at_once(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, onset_at=trial.now - timedelta(hours=70))
    trial.now += timedelta(hours=3)

    report = report_dlt(
        event, criterion="IN72H", by=trial.investigator_of(person), now=trial.tick()
    )

    assert (report.state, letter(person)) == ("REPORTED", "T")


def test_resolution_in_time_clears_it(trial: Conduct, person: Participant) -> None:
    report = report_dlt_of(trial, person, "IN72H")
    trial.now += timedelta(hours=71)

    clear(trial, report)

    report.refresh_from_db()
    assert (report.state, letter(person)) == ("CLEARED", "P")
    end_windows(trial)
    state(trial, False, person)
    assert letter(person) == "N"


def test_resolution_needs_the_password(trial: Conduct, person: Participant) -> None:
    report = report_dlt_of(trial, person, "IN72H")

    with refused("signature_refused"):
        clear(trial, report, password="wrong")


def test_resolution_after_the_clock_clears_nothing(trial: Conduct, person: Participant) -> None:
    report = report_dlt_of(trial, person, "IN72H")
    limit = report.counts_at
    assert limit is not None
    trial.now = limit + timedelta(minutes=1)

    with refused("illegal_move"):  # the clock is applied first: it counts
        clear(trial, report, resolved_at=limit - timedelta(hours=1))


@pytest.mark.parametrize("hours", [-100, 1])
def test_resolution_lies_between_onset_and_now(
    trial: Conduct, person: Participant, hours: int
) -> None:
    report = report_dlt_of(trial, person, "IN72H")

    with refused("impossible_order"):
        clear(trial, report, resolved_at=trial.now + timedelta(hours=hours))


@pytest.mark.parametrize(("grade", "state"), [(3, "PROVISIONAL"), (4, "REPORTED"), (5, "REPORTED")])
def test_grade_that_waits_for_no_clock_counts_at_once(grade: int, state: str) -> None:
    criterion = {"id": "CRS", "text": "or 72 h", "clock_hours": 72, "at_once_from": 4}
    trial = open_level(make_trial(key="grades", conduct={"dlt_criteria": [criterion]}))
    (person,) = run_cohort(trial, 1, "P")

    report = trial.report(person, criterion="CRS", term="Cytokine release", grade=grade)

    assert report.state == state


@pytest.mark.parametrize(
    ("criterion", "grade"), [("D2", 4), ("D6", 4), ("D9", 4), ("D7", 5), ("D3", 3)]
)
def test_shipped_criteria_count_at_once_from_their_grade(criterion: str, grade: int) -> None:
    rule = read_file(PROTOCOLS / "ntrust-1.yaml").criterion(criterion)

    at_once = rule.at_once_from if rule.clock_hours else 3

    assert at_once == grade
