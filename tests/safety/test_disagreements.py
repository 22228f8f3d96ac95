"""Where criteria, investigator and monitor differ: open until ruled, and kept."""

import pytest

from cohorts.models import Hold, Outcome, Participant
from ntrust.notifications.chains import without_detail
from safety.actions import (
    add_grade,
    convene_review,
    report_dlt,
    state_not_dlt,
)
from safety.management.conduct import Conduct
from safety.models import DltReport, EventWord
from safety.policies import read_event
from safety.queries import disagreements
from tests.factories import (
    PASSWORD,
    answer_of,
    client_of,
    end_windows,
    refused,
    shared_trial,
)
from tests.lifting import lift_hold
from tests.safety.toxic import (
    build,
    disputed,
    enter,
    first_of,
    known,
    letter,
    rule,
    sign_none,
    state_of,
    who,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return first_of(trial)


def test_no_against_the_criteria_waits_for_the_monitor(trial: Conduct, person: Participant) -> None:
    event = disputed(trial, person)

    assert (state_of(event), letter(person)) == ("DISPUTED", "P")
    said = trial.study.events.filter(kind="DLT_DISPUTED").get()
    told = "P-001: an event is stated not dose-limiting, and meets D3; the medical monitor rules"
    assert said.sentence == f"{told}: Colitis: a stroke."
    assert without_detail(said) == f"{told}.", "no mail has what it is, or what was typed"
    told = said.notifications.values_list("recipient__username", flat=True)
    assert trial.monitor.username in set(told)
    end_windows(trial)
    with refused("no_statement"):
        sign_none(trial, person)


def test_monitor_rules_a_dlt(trial: Conduct, person: Participant) -> None:
    event = disputed(trial, person)

    word = rule(trial, event, is_dlt=True)

    report = DltReport.objects.get(event=event)
    assert (report.state, report.criterion, letter(person)) == ("CONFIRMED", "D3", "T")
    assert (word.report, state_of(event)) == (report, "REPORTED")
    assert report.adjudication.signature == word.signature
    answer_of(trial)


def test_dlt_by_ruling_is_news(trial: Conduct, person: Participant) -> None:
    event = disputed(trial, person)

    rule(trial, event, is_dlt=True)

    said = trial.study.events.filter(kind="DLT_REPORTED").get()
    assert (said.data.get("level", said.level), letter(person)) == (1, "T")


def test_candidate_holds_again_after_the_hold_was_lifted(trial: Conduct) -> None:
    one, two, three = trial.study.participants.order_by("id")
    trial.report(one, criterion="D3", term="Stroke", grade=4)
    first = enter(trial, two, grading_system="ASTCT ICANS", details=known(category=None))
    state_not_dlt(first, reason="a stroke", **who(trial, two))
    rule(trial, first, is_dlt=False)
    hold = Hold.objects.get(rule="POSSIBLE_SECOND_DLT", state="PLACED")
    lift_hold(hold, reason="ruled", by=trial.monitor, password=PASSWORD, now=trial.tick())

    enter(trial, three, grading_system="ASTCT ICANS", details=known(category=None))

    assert Hold.objects.filter(rule="POSSIBLE_SECOND_DLT", state="PLACED").exists()


def test_monitor_rules_no_dlt(trial: Conduct, person: Participant) -> None:
    event = disputed(trial, person)

    rule(trial, event, is_dlt=False)

    assert (state_of(event), letter(person)) == ("CLOSED", "P")
    assert not DltReport.objects.filter(event=event).exists()
    end_windows(trial)
    sign_none(trial, person)
    assert letter(person) == "N"


def test_ruling_is_asked_again_when_the_grade_rises(trial: Conduct, person: Participant) -> None:
    event = disputed(trial, person)
    rule(trial, event, is_dlt=False)

    add_grade(event, grade=4, since=trial.now, **who(trial, person))

    assert state_of(event) == "OPEN"


def test_ruling_needs_a_dispute_a_reason_and_the_password(
    trial: Conduct, person: Participant
) -> None:
    event = enter(trial, person, grading_system="ASTCT ICANS")
    with refused("not_disputed"):
        rule(trial, event, is_dlt=True)
    state_not_dlt(event, reason="a stroke", **who(trial, person))
    with refused("reason_needed"):
        rule(trial, event, is_dlt=True, reason=" ")
    with refused("signature_refused"):
        rule(trial, event, is_dlt=True, password="wrong")


def test_death_is_ruled_unrelated_by_the_committee_alone(
    trial: Conduct, person: Participant
) -> None:
    event = disputed(trial, person, grade=5, term="Death")
    with refused("committee_needed"):
        rule(trial, event, is_dlt=False)

    rule(trial, event, is_dlt=False, committee_reference="minutes 7")

    assert state_of(event) == "CLOSED"
    answers = {one.criterion: one.answer for one in read_event(event, now=trial.now)}
    assert (answers["D1"], answers["D3"]) == ("DOES_NOT", "MEETS")


def test_all_three_words_are_kept_and_listed(trial: Conduct, person: Participant) -> None:
    event = disputed(trial, person)
    (row,) = disagreements(trial.study)
    assert (row.rule, row.investigator, row.monitor, row.is_open) == (
        "meets D3",
        "no DLT",
        "",
        True,
    )
    assert row.investigator_reason == "a stroke"

    rule(trial, event, is_dlt=True)

    (row,) = disagreements(trial.study)
    assert (row.rule, row.investigator, row.monitor, row.is_open) == (
        "meets D3",
        "no DLT",
        "DLT",
        False,
    )


def test_report_against_the_criteria_is_listed(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grade=1)
    report = report_dlt(event, criterion="D3", **who(trial, person))
    (row,) = disagreements(trial.study)
    assert (row.rule, row.investigator, row.is_open) == ("meets none", "DLT", True)

    trial.adjudicate(report, is_confirmed=False, reason="grade 1")

    (row,) = disagreements(trial.study)
    assert (row.monitor, row.monitor_reason, row.is_open) == ("no DLT", "grade 1", False)


def test_agreement_is_not_listed(trial: Conduct, person: Participant) -> None:
    event = enter(trial, person, grading_system="ASTCT ICANS")
    trial.adjudicate(report_dlt(event, criterion="D3", **who(trial, person)))

    assert EventWord.objects.filter(event=event).count() == 2
    assert disagreements(trial.study) == []


def test_recommendation_hinges_on_what_is_not_agreed(trial: Conduct, person: Participant) -> None:
    event = disputed(trial, person)
    rule(trial, event, is_dlt=False)

    doubts = Outcome.objects.get(participant=person).doubts

    (doubt,) = [one for one in doubts if one["kind"] == "disagreement"]
    assert doubt["reads_as"] == "T"


def test_rule_that_is_agreed_with_is_no_doubt(trial: Conduct, person: Participant) -> None:
    rule(trial, disputed(trial, person), is_dlt=True)

    doubts = Outcome.objects.get(participant=person).doubts

    assert [one for one in doubts if one["kind"] == "disagreement"] == []


def test_disagreement_is_reported_to_its_site_and_to_the_committee(
    trial: Conduct, person: Participant
) -> None:
    disputed(trial, person)
    shown = f"/studies/{trial.study.key}/reports/"

    monitors = client_of(trial.monitor).get(shown).content.decode()
    packet = convene_review(trial.study, by=trial.manager, now=trial.tick()).packet

    assert "The criteria: meets D3." in " ".join(monitors.split())
    assert "The medical monitor has yet to rule." in " ".join(monitors.split())
    elsewhere = client_of(trial.crews[1].investigator).get(shown).content.decode()
    assert "meets D3" not in elsewhere
    (row,) = packet.content["disagreements"]
    assert (row["subject"], row["criteria"]) == (person.subject_number, "meets D3")
    assert (row["investigator"], row["monitor"], row["is_open"]) == ("no DLT", "", True)
