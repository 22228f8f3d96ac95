"""The page of DLT reports: for whom, what waits, what is missing, and the inbox."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse

from cohorts.models import Participant
from ntrust import change as change_module
from ntrust import clock
from ntrust.errors import Refused
from ntrust.models import Study
from safety.actions import pass_time_everywhere, report_dlt, supersede_dlt
from safety.management.conduct import Conduct
from safety.models import InboxAlert
from tests.factories import (
    cast,
    client_of,
    make_trial,
    report_dlt_of,
    shared_trial,
)
from tests.safety.reported import (
    PAGE,
    act,
    build,
    propose,
    provisional,
    reported,
    revision,
)

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


# --- The list --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("manager", 200),
        ("monitor", 200),
        ("investigator", 200),
        ("auditor", 200),
        ("investigator elsewhere", 200),
        ("pharmacist", 404),
        ("committee", 404),
        ("stranger", 404),
        ("superuser", 404),
        ("revoked", 404),
    ],
)
def test_reports_are_for_their_readers(trial: Conduct, who: str, status: int) -> None:
    assert client_of(cast(trial)[who]).get(PAGE).status_code == status


def test_reports_of_another_site_are_not_there(trial: Conduct) -> None:
    own = client_of(trial.crews[0].investigator).get(PAGE).content.decode()
    other = client_of(trial.crews[1].investigator).get(PAGE).content.decode()

    assert "P-001" in own
    assert "2 reports" in own
    assert "P-001" not in other
    assert "0 reports" in other


def test_worklist_names_what_waits_for_a_word(trial: Conduct) -> None:
    propose(trial)

    said = client_of(trial.monitor).get(PAGE).content.decode()

    assert "Waits for your word" in said
    assert "counts and is to be adjudicated" in said
    assert "counts as a DLT from" in said
    assert "to be superseded, entered in error" in said
    assert "Rule on the superseding" in said


def test_missing_criterion_is_on_the_list(trial: Conduct) -> None:
    event = reported().event
    report_dlt(event, by=trial.crews[0].investigator, now=trial.tick())

    said = client_of(trial.manager).get(PAGE).content.decode()

    assert "still to be entered: the criterion" in said


def test_superseded_report_is_struck_and_stays_in_sight(trial: Conduct) -> None:
    report = provisional()
    supersede_dlt(
        report, kind="WORSE", reason="grade 4", by=trial.crews[0].investigator, now=trial.tick()
    )

    said = client_of(trial.monitor).get(PAGE).content.decode()

    assert f"<s>#{report.pk} provisional</s>" in said
    assert f"Supersedes #{report.pk}: grade 4" in said


@pytest.mark.parametrize("reports", [1, 3])
def test_list_costs_the_same_for_more_reports(
    trial: Conduct, django_assert_max_num_queries: Any, reports: int
) -> None:
    person = reported().event.participant
    for _ in range(reports):
        report_dlt_of(trial, person)
    client = client_of(trial.monitor)
    client.get(PAGE)

    with django_assert_max_num_queries(60):
        client.get(PAGE)


# --- The inbox -------------------------------------------------------------------------------


def event_data(trial: Conduct) -> dict[str, Any]:
    when = trial.now.strftime("%Y-%m-%dT%H:%M")
    return {
        "revision": revision(),
        "term": "Fever",
        "onset_at": when,
        "aware_at": when,
        "grade": "3",
        "grading_system": "CTCAE v5.0",
        "causality": "POSSIBLE",
        "is_serious": "no",
        "criterion": "NOW",
    }


def test_reporter_is_told_that_the_alert_is_received(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(study: Study) -> Study:
        raise Refused("study_busy", "Busy.")

    monkeypatch.setattr(change_module, "_lock", busy)
    client = client_of(trial.crews[0].investigator)

    answer = client.post("/studies/trial/participants/S-002/event/", event_data(trial), follow=True)

    assert "The alert is received. It will be applied first" in answer.content.decode()
    assert InboxAlert.objects.count() == 1
    listed = client_of(trial.manager).get(PAGE).content.decode()
    assert "1 alert in the inbox" in listed
    assert "the next change of the study applies it first" in listed
    assert "in the inbox" not in client.get(PAGE).content.decode()


def test_failed_alert_is_listed_until_it_is_settled(trial: Conduct) -> None:
    alert = InboxAlert.objects.create(
        study=trial.study,
        kind="EVENT",
        content={},
        content_hash="",
        trouble="ZeroDivisionError",
        received_at=trial.now,
        received_by=trial.crews[0].investigator,
    )
    address = reverse("safety:settle_alert", args=["trial", alert.pk])
    client = client_of(trial.manager)
    assert client.get(address).status_code == 404
    pass_time_everywhere(now=trial.tick())
    assert "Could not be applied" in client.get(PAGE).content.decode()

    answer = client.post(address, {"revision": revision(), "reason": "entered by hand"})

    assert answer.status_code == 302
    assert "in the inbox" not in client.get(PAGE).content.decode()
    assert client.get(address).status_code == 404
    assert client_of(trial.crews[0].investigator).get(address).status_code == 404


def test_participant_is_of_this_study(trial: Conduct) -> None:
    other = make_trial(key="other")
    stranger = client_of(other.monitor)

    assert stranger.get(act("adjudicate", reported())).status_code == 404
    assert Participant.objects.filter(study=other.study).count() == 0
