"""Pages of events: the alert, one event, the list; people of another site see none of it."""

from typing import Any

import pytest
from django.urls import reverse

from cohorts.models import Participant
from ntrust import clock
from ntrust.models import Study, User
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, EventWord
from tests.factories import DISEASE, client_of, fingerprint, shared_trial, typed_by
from tests.safety.toxic import build, enter, first_of, known

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(lambda: build("PP"))


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


@pytest.fixture
def person(trial: Conduct) -> Participant:
    return first_of(trial)


def page(name: str, event: AdverseEvent) -> str:
    return reverse(f"safety:{name}", args=["trial", event.pk])


def read(user: User, address: str, status: int = 200, **asked: str) -> str:
    answer = client_of(user).get(address, asked)
    assert answer.status_code == status, answer.content.decode()[:500]
    return " ".join(answer.content.decode().split())


def send(user: User, address: str, **entered: Any) -> str:
    revision = Study.objects.get(key="trial").revision
    answer = client_of(user).post(address, {"revision": revision, **entered}, follow=True)
    said = " ".join(answer.content.decode().split())
    assert answer.redirect_chain, said[said.find("callout") :][:900]
    return said


def at(trial: Conduct) -> str:
    return trial.now.strftime("%Y-%m-%dT%H:%M")


def meeting(trial: Conduct, person: Participant) -> AdverseEvent:
    details = known(category=None)
    event = enter(trial, person, grading_system="ASTCT ICANS", details=details)
    trial.tick()
    return event


# --- The alert -------------------------------------------------------------------------------


def test_alert_needs_four_answers_and_says_what_it_could_meet(
    trial: Conduct, person: Participant
) -> None:
    by = trial.investigator_of(person)
    address = reverse("safety:event", args=["trial", person.screening_number])
    assert "ASTCT ICANS:</span> ICE 7 to 9, wakes spontaneously" in read(by, address)

    said = send(
        by,
        address,
        term="Confusion",
        onset_at=at(trial),
        grading_system="ASTCT ICANS",
        grade="3",
        causality="POSSIBLE",
        now="yes",
    )

    assert "The event is entered. Grade 3, related: meets D3." in said
    assert "What comes next" in said
    assert "Say whether it is dose-limiting" in said


def test_reading_of_what_is_filled_in_keeps_nothing(trial: Conduct, person: Participant) -> None:
    by = trial.investigator_of(person)
    address = reverse("safety:event_reading", args=["trial", person.screening_number])
    before = fingerprint()

    assert "then the criteria are read" in read(by, address, term="Fever")
    asked = {"grading_system": "ASTCT CRS", "grade": "3", "causality": "POSSIBLE"}
    said = read(by, address, onset_at=at(trial), **asked)

    assert "<b>D2 could meet</b>" in said
    assert "clock ends" in said
    assert fingerprint() == before


# --- One event -------------------------------------------------------------------------------


def test_event_shows_readings_course_and_what_is_owed(trial: Conduct, person: Participant) -> None:
    event = meeting(trial, person)

    said = read(trial.investigator_of(person), page("one_event", event))

    for words in (
        "grade 3",
        "D3 meets",
        "day 3 of 28",
        "Still owed",
        "Not dose-limiting",
        "Course",
    ):
        assert words in said, words
    assert "Rule on the event" not in said
    assert "Not dose-limiting" not in read(trial.monitor, page("one_event", event))


def test_event_is_graded_ended_and_completed_over_its_pages(
    trial: Conduct, person: Participant
) -> None:
    by = trial.investigator_of(person)
    event = enter(trial, person, grade=1, grading_system="ASTCT CRS")
    trial.tick()
    found = {"finding_fever": "fever", "finding_hypotension": "one_vasopressor"}

    said = send(by, page("add_grade", event), since=at(trial), **found, finding_hypoxia="none")
    assert "Grade 3 is entered." in said
    assert "One vasopressor, with or without vasopressin" in said
    said = send(
        by,
        page("complete_event", event),
        causality="PROBABLE",
        serious="yes",
        seriousness=["HOSPITALISATION"],
        related_fludarabine="UNLIKELY",
        narrative="On the ward.",
        reason="chart",
    )
    assert "Related to NKX019" in said
    assert "hospitalisation, or a longer one" in said
    said = send(by, page("end_event", event), ended_at=at(trial), outcome="RECOVERED")
    assert "The end is entered." in said


def test_serious_needs_its_criteria(trial: Conduct, person: Participant) -> None:
    event = meeting(trial, person)
    by = trial.investigator_of(person)
    before = fingerprint()

    answer = client_of(by).post(page("complete_event", event), {"serious": "yes", "reason": "x"})

    assert answer.status_code == 422
    assert "Say by which criteria." in answer.content.decode()
    assert fingerprint() == before


def test_dispute_is_stated_and_ruled_on_over_the_pages(trial: Conduct, person: Participant) -> None:
    event = meeting(trial, person)

    said = send(trial.investigator_of(person), page("state_not_dlt", event), reason="a stroke")
    assert "the medical monitor rules on it" in said
    said = send(
        trial.monitor,
        page("rule_on_event", event),
        is_dlt="yes",
        reason="ICANS",
        **typed_by(trial.monitor),
    )

    assert "The ruling is signed." in said
    assert "DLT report, confirmed" in said
    assert EventWord.objects.filter(event=event).count() == 2


# --- The list --------------------------------------------------------------------------------


def test_list_is_filtered(trial: Conduct, person: Participant) -> None:
    meeting(trial, person)
    enter(trial, person, term="Chills", grade=1)
    address = reverse("safety:events", args=["trial"])

    everything = read(trial.manager, address)
    asked = read(trial.manager, address, question="dose-limiting or not?")

    assert "2 events" in everything
    assert "2 shown" in everything
    assert "1 shown" in asked
    assert "Chills</a>" not in asked


def test_another_sites_events_are_not_there(trial: Conduct, person: Participant) -> None:
    event = meeting(trial, person)
    elsewhere = trial.crews[1].investigator
    by = {"grade": "add_grade", "end": "end_event", "whole": "complete_event"}

    for name in (*by.values(), "one_event", "state_not_dlt", "rule_on_event"):
        read(elsewhere, page(name, event), status=404)
    address = reverse("safety:event_reading", args=["trial", person.screening_number])
    read(elsewhere, address, status=404)
    said = read(elsewhere, reverse("safety:events", args=["trial"]))
    assert "0 events of your site" in said
    assert event.term not in said


def test_unknown_event_is_not_there(trial: Conduct) -> None:
    read(trial.manager, reverse("safety:one_event", args=["trial", 999_999]), status=404)


@pytest.mark.parametrize("rows", [1, 3])
def test_list_costs_the_same_for_each_event(
    trial: Conduct, rows: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(rows):
        enter(trial, first_of(trial), term=f"Event {number}", grade=1)
    client = client_of(trial.manager)
    address = reverse("safety:events", args=["trial"])

    with django_assert_max_num_queries(14 + 3 * rows):
        client.get(address)


def test_participant_in_screening_has_events_too(trial: Conduct) -> None:
    someone = trial.consent(disease=DISEASE)
    event = enter(trial, someone)

    said = read(trial.manager, page("one_event", event))

    assert "no question" in said
    assert "of 28" not in said
