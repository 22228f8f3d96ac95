"""A DLT report is refused to nobody who may report: whatever state the study, the site, the
participant and the page are in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from cohorts.actions import fail_screening, leave_study, place_hold
from cohorts.models import Outcome, Participant
from cohorts.states import ParticipantState
from dosing.actions import complete_follow_up
from ntrust import clock
from ntrust.actions import suspend_site
from ntrust.change import study_change
from ntrust.models import Study
from ntrust.states import StudyState
from safety.management.conduct import Conduct
from safety.models import DltReport
from tests.factories import (
    DISEASE,
    PASSWORD,
    amend,
    cast,
    client_of,
    end_windows,
    fingerprint,
    letters_at,
    make_trial,
    open_level,
    report_dlt_of,
    run_cohort,
    seat,
    shared_trial,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """One treated at level 1, three days ago; two seats are free."""
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "P")
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def treated(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


def screening(trial: Conduct) -> Participant:
    return trial.consent(disease=DISEASE)


def screen_failed(trial: Conduct) -> Participant:
    person = screening(trial)
    by = trial.investigator_of(person)
    fail_screening(person, reason="no", by=by, password=PASSWORD, now=trial.tick())
    return person


def eligible(trial: Conduct) -> Participant:
    return trial.screen(disease=DISEASE)


def slotted(trial: Conduct) -> Participant:
    return seat(trial, 1)[0]


def conditioning(trial: Conduct) -> Participant:
    person = slotted(trial)
    trial.condition([person], day_0=trial.now)
    return person


def follow_up(trial: Conduct) -> Participant:
    person = treated(trial)
    end_windows(trial)
    trial.sign_no_dlt(person)
    return person


def off_study(trial: Conduct) -> Participant:
    person = follow_up(trial)
    by = trial.investigator_of(person)
    return complete_follow_up(person, by=by, now=trial.tick())


def gone(to: str) -> Callable[[Conduct], Participant]:
    def leave(trial: Conduct) -> Participant:
        person = treated(trial)
        by = trial.investigator_of(person)
        return leave_study(person, to=to, reason="left", by=by, now=trial.tick())

    return leave


STATES: dict[str, Callable[[Conduct], Participant]] = {
    "SCREENING": screening,
    "SCREEN_FAILED": screen_failed,
    "ELIGIBLE": eligible,
    "SLOTTED": slotted,
    "CONDITIONING": conditioning,
    "TREATED": treated,
    "FOLLOW_UP": follow_up,
    "OFF_STUDY": off_study,
    "WITHDRAWN": gone("WITHDRAWN"),
    "LOST": gone("LOST"),
    "DIED": gone("DIED"),
}


def hold_study(trial: Conduct) -> None:
    place_hold(trial.study, scope="STUDY", reason="a signal", by=trial.monitor, now=trial.tick())


def close_site(trial: Conduct) -> None:
    suspend_site(trial.crews[0].site, reason="an audit", by=trial.manager, now=trial.tick())


def end_study(trial: Conduct) -> None:
    """No action ends a study yet."""
    with study_change(trial.study, by=trial.manager, reason="ended", now=trial.tick()):
        Study.objects.filter(pk=trial.study.pk).update(state=StudyState.TERMINATED)


def supersede_protocol(trial: Conduct) -> None:
    amend(trial)


def change_criteria(trial: Conduct) -> None:
    """An amendment that changes the criteria: the participant keeps those of their own version."""
    amend(trial, conduct={"dlt_criteria": [{"id": "OTHER", "text": "Another"}]})


CIRCUMSTANCES = [hold_study, close_site, end_study, supersede_protocol, change_criteria]


def test_every_state_of_a_participant_is_tried() -> None:
    assert set(STATES) == set(ParticipantState.values)


@pytest.mark.parametrize("criterion", ["", "NOW", "IN72H"])
@pytest.mark.parametrize("state", STATES)
def test_reported_in_every_state_of_the_participant(
    trial: Conduct, state: str, criterion: str
) -> None:
    person = STATES[state](trial)
    person.refresh_from_db()
    assert person.state == state

    report = report_dlt_of(trial, person, criterion)

    expected = "PROVISIONAL" if criterion == "IN72H" else "REPORTED"
    assert (report.criterion, report.state) == (criterion, expected)


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES, ids=lambda one: one.__name__)
def test_reported_whatever_the_study_and_its_site_are_in(
    trial: Conduct, circumstance: Callable[[Conduct], None]
) -> None:
    circumstance(trial)

    report_dlt_of(trial, treated(trial))

    assert letters_at(trial, 1) == "T"


def event_data(trial: Conduct) -> dict[str, Any]:
    """From a page that was opened before anything happened."""
    when = trial.now.strftime("%Y-%m-%dT%H:%M")
    return {
        "revision": 1,
        "term": "Cytokine release",
        "onset_at": when,
        "aware_at": when,
        "grade": "4",
        "grading_system": "CTCAE v5.0",
        "causality": "POSSIBLE",
        "is_serious": "yes",
        "criterion": "to-follow",
    }


@pytest.mark.parametrize("circumstance", CIRCUMSTANCES, ids=lambda one: one.__name__)
def test_reported_over_the_page_from_a_stale_form(
    trial: Conduct, circumstance: Callable[[Conduct], None]
) -> None:
    circumstance(trial)
    person = treated(trial)
    address = f"/studies/trial/participants/{person.screening_number}/event/"

    answer = client_of(trial.crews[0].investigator).post(address, event_data(trial))

    assert answer.status_code == 302
    assert DltReport.objects.get().state == "REPORTED"
    assert Outcome.objects.get(participant=person).dlt == "COUNTED"


@pytest.mark.parametrize("who", ["investigator elsewhere", "pharmacist", "monitor", "stranger"])
def test_identity_is_the_one_reason_to_refuse(trial: Conduct, who: str) -> None:
    user = cast(trial)[who]
    address = f"/studies/trial/participants/{treated(trial).screening_number}/event/"
    before = fingerprint()

    answer = client_of(user).post(address, event_data(trial))

    assert answer.status_code in (403, 404)
    assert fingerprint() == before
