"""The medical monitor's second word is a new signed report; the first stays."""

from __future__ import annotations

import pytest

from cohorts.models import Participant
from safety.management.conduct import Conduct
from safety.models import Adjudication
from tests.factories import (
    answer_of,
    letters_at,
    refused,
    shared_trial,
)
from tests.safety.superseded import (
    build,
    readjudicate,
    report_in,
    rule,
    supersede,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


# --- The monitor's second word ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "becomes", "letters"),
    [
        ("CONFIRMED", "REFUTED", "PPP"),
        ("REFUTED", "CONFIRMED", "TPP"),
        ("CLEARED", "CONFIRMED", "TPP"),
    ],
)
def test_second_word_is_a_new_signed_row(
    trial: Conduct, person: Participant, state: str, becomes: str, letters: str
) -> None:
    report = report_in(trial, person, state)

    successor = readjudicate(trial, report)

    assert (successor.state, successor.supersedes, successor.reason) == (
        becomes,
        report,
        "second look",
    )
    assert Adjudication.objects.get(report=successor).signature.signer == trial.monitor
    assert letters_at(trial, 1) == letters
    report.refresh_from_db()
    assert report.state == state
    answer_of(trial)


def test_second_word_goes_back_and_forth_and_each_is_kept(
    trial: Conduct, person: Participant
) -> None:
    report = report_in(trial, person, "CONFIRMED")

    there = readjudicate(trial, report)
    back = readjudicate(trial, there)

    assert letters_at(trial, 1) == "TPP"
    assert [row.state for row in (report, there, back)] == ["CONFIRMED", "REFUTED", "CONFIRMED"]
    with refused("not_in_force"):
        readjudicate(trial, report)


@pytest.mark.parametrize("state", ["PROVISIONAL", "REPORTED"])
def test_second_word_needs_a_first(trial: Conduct, person: Participant, state: str) -> None:
    report = report_in(trial, person, state)

    with refused("illegal_move"):
        readjudicate(trial, report)


def test_second_word_needs_reason_and_password(trial: Conduct, person: Participant) -> None:
    report = report_in(trial, person, "CONFIRMED")

    with refused("reason_needed"):
        readjudicate(trial, report, reason="")
    with refused("signature_refused"):
        readjudicate(trial, report, password="wrong")


def test_refuting_voids_what_waits_and_confirming_does_not(trial: Conduct) -> None:
    people = list(trial.study.participants.order_by("id")[:2])
    reports = [report_in(trial, one, "REPORTED") for one in people]
    waiting = [supersede(trial, report, "WITHDRAWN") for report in reports]

    trial.adjudicate(reports[0], is_confirmed=False)
    trial.adjudicate(reports[1], is_confirmed=True)

    for one in waiting:
        one.refresh_from_db()
    assert [one.state for one in waiting] == ["LAPSED", "WAITING"]
    rule(trial, waiting[1])
    assert letters_at(trial, 1) == "PPP"
