"""The statement at a window's end: never early, never against the reports, withdrawn by news."""

from datetime import timedelta

import pytest

from cohorts.models import Participant
from dosing.models import DltWindow
from safety.actions import report_dlt
from safety.management.conduct import Conduct
from tests.factories import (
    DISEASE,
    answer_of,
    end_windows,
    refused,
    report_late_dlt,
    revision_of,
    shared_trial,
    shut,
)
from tests.safety.test_events import build, enter, letter, state

pytestmark = pytest.mark.django_db
_built, trial = shared_trial(build)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


def test_window_is_never_closed_early(trial: Conduct, person: Participant) -> None:
    close = DltWindow.objects.get(participant=person).closes_at
    assert close is not None
    trial.now = close - timedelta(minutes=2)
    for has_dlt in (False, True):
        with refused("no_statement") as caught:
            state(trial, has_dlt, person)
        assert "window_over" in shut(caught)
        trial.now = close - timedelta(minutes=2)
    trial.now = close

    state(trial, False, person)

    assert letter(person) == "N"


def test_statement_before_treatment_is_refused(trial: Conduct) -> None:
    person = trial.screen(disease=DISEASE)

    with refused("no_statement") as caught:
        state(trial, False, person)

    assert shut(caught) == ["window_over"]


def test_statement_is_signed_once(trial: Conduct, person: Participant) -> None:
    end_windows(trial)
    state(trial, False, person)

    with refused("no_statement"):
        state(trial, False, person)


def test_statement_waits_for_a_running_clock(trial: Conduct, person: Participant) -> None:
    end_windows(trial)
    close = DltWindow.objects.get(participant=person).closes_at
    assert close is not None
    trial.now = close
    event = enter(trial, person, onset_at=close - timedelta(hours=1))
    report_dlt(event, criterion="IN72H", by=trial.investigator_of(person), now=trial.tick())

    for has_dlt in (False, True):
        with refused("no_statement") as caught:
            state(trial, has_dlt, person)
        assert "no_open_question" in shut(caught)


def test_statement_agrees_with_the_reports(trial: Conduct, person: Participant) -> None:
    end_windows(trial)
    with refused("no_statement") as caught:
        state(trial, True, person)
    assert shut(caught) == ["agrees_with_reports"]
    report_late_dlt(trial, person)

    with refused("no_statement") as caught:
        state(trial, False, person)

    assert shut(caught) == ["agrees_with_reports"]


def test_statement_needs_the_password(trial: Conduct, person: Participant) -> None:
    end_windows(trial)

    with refused("signature_refused"):
        state(trial, False, person, password="")


@pytest.mark.parametrize(("criterion", "expected"), [("NOW", "T"), ("IN72H", "P")])
def test_report_after_the_statement_withdraws_it(
    trial: Conduct, person: Participant, criterion: str, expected: str
) -> None:
    end_windows(trial)
    close = DltWindow.objects.get(participant=person).closes_at
    assert close is not None
    trial.now = close
    statement = state(trial, False, person)
    event = enter(trial, person, onset_at=close - timedelta(hours=1))
    before = revision_of(trial)

    report_dlt(event, criterion=criterion, by=trial.investigator_of(person), now=trial.tick())

    statement.refresh_from_db()
    assert statement.withdrawn_at == trial.now
    assert letter(person) == expected
    assert DltWindow.objects.get(participant=person).state == "AWAITING_STATEMENT"
    assert revision_of(trial) == before + 1
    answer_of(trial)
