"""The inbox: what waits for a word first, one word, others' alerts are not there."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cohorts.actions import Conclusion, place_hold
from cohorts.engine.design import Verdict
from cohorts.queries import viewer_of
from ntrust import clock
from ntrust.models import Event, Notification, Study
from ntrust.notifications import acknowledge_url
from safety.management.conduct import Conduct
from safety.queries.alerts import read_inbox
from safety.queries.noise import read_noise
from tests.awaiting import (
    MINUTES,
    RULES,
    build_awaiting,
    hold_site,
    person,
    said,
    send_away,
    told_to,
    wait,
)
from tests.factories import fingerprint, shared_trial

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build_awaiting)


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def text_of(user: Any, path: str = "/inbox/") -> str:
    return str(client_of(user).get(path).content.decode())


def test_what_is_awaited_comes_first_with_its_time_and_counts_in_the_header(
    trial: Conduct,
) -> None:
    event = hold_site(trial)
    reader = trial.crews[0].investigator

    text = text_of(reader)

    first = text[text.index("awaited-title") : text.index("rest-title")]
    assert "Hold on S1" in first
    assert "urgent" in first
    assert "29 min left" in first or "30 min left" in first
    assert "told as investigator at S1" in first
    assert f"/inbox/{told_to(event, reader).pk}/acknowledge/" in first
    assert '<span class="visually-hidden">waiting:</span> 1</b>' in text


def test_what_was_typed_stands_below_what_is_to_be_known(trial: Conduct) -> None:
    hold_site(trial)

    row = read_inbox(trial.crews[0].investigator, now=trial.now).awaited[0]

    assert row.detail == "P-001 had a fit"
    assert row.detail in row.said
    assert row.detail not in row.head
    assert f'<p class="alert-said">{row.head[:12]}' in text_of(trial.crews[0].investigator)


def test_button_acknowledges_once_and_says_whose_word_it_was(trial: Conduct) -> None:
    event = hold_site(trial)
    reader, colleague = trial.crews[0].investigator, person("sub-1")
    row = told_to(event, reader)

    client_of(reader).post(f"/inbox/{row.pk}/acknowledge/")
    before = fingerprint()
    other = client_of(colleague).post(
        f"/inbox/{told_to(event, colleague).pk}/acknowledge/", follow=True
    )
    again = client_of(reader).post(f"/inbox/{row.pk}/acknowledge/", follow=True)

    row.refresh_from_db()
    assert (row.acknowledged_at, row.acknowledged_where, row.read_at) == (
        trial.now,
        "INBOX",
        trial.now,
    )
    assert "Somebody you were told with has acknowledged this already" in other.content.decode()
    assert "You have acknowledged this already" in again.content.decode()
    assert f"acknowledged by {reader}, " in text_of(colleague)
    assert "Nobody waits for a word from you." in text_of(colleague)
    assert fingerprint() == before


def test_others_alerts_are_not_there(trial: Conduct) -> None:
    row = told_to(hold_site(trial), trial.crews[0].investigator)
    before = fingerprint()
    stranger = client_of(trial.crews[1].investigator)

    codes = [
        stranger.post(f"/inbox/{row.pk}/{what}/").status_code for what in ("open", "acknowledge")
    ]
    codes.append(stranger.post("/inbox/999999/open/").status_code)
    codes.append(client_of(row.recipient).get(f"/inbox/{row.pk}/acknowledge/").status_code)

    assert codes == [404, 404, 404, 405]
    assert fingerprint() == before
    assert "Hold on S1" not in text_of(trial.crews[1].investigator)


def test_opening_marks_it_read_once_and_leads_to_the_page(trial: Conduct) -> None:
    row = told_to(hold_site(trial), trial.crews[0].investigator)
    client = client_of(row.recipient)

    answer = client.post(f"/inbox/{row.pk}/open/")
    at = trial.now
    trial.tick()
    client.post(f"/inbox/{row.pk}/open/")

    row.refresh_from_db()
    assert answer["Location"] == "/studies/trial/holds/"
    assert row.read_at == at
    assert row.acknowledged_at is None


def test_who_has_left_the_study_has_no_inbox_of_it(trial: Conduct) -> None:
    row = told_to(hold_site(trial), trial.crews[0].investigator)
    row.recipient.memberships.update(revoked_at=trial.now, revoked_by=trial.manager)

    text = text_of(row.recipient)

    assert "Hold on S1" not in text
    assert client_of(row.recipient).post(f"/inbox/{row.pk}/acknowledge/").status_code == 404


def test_inbox_costs_the_same_with_one_and_with_many(trial: Conduct) -> None:
    reader = trial.crews[0].investigator
    Notification.objects.filter(recipient=reader).update(read_at=trial.now)
    costs, scopes = [], [("STUDY", None), ("LEVEL", 1), ("LEVEL", 2), ("LEVEL", 3)]
    for count in (1, 2, 4):
        for scope, level in scopes[Event.objects.filter(kind="HOLD_PLACED").count() : count]:
            place_hold(
                trial.study,
                scope=scope,
                level=trial.level(level) if level else None,
                reason="a signal",
                by=trial.monitor,
                now=trial.tick(),
            )
        with CaptureQueriesContext(connection) as queries:
            assert len(read_inbox(reader, now=trial.now).awaited) == count
        costs.append(len(queries))

    assert costs[0] == costs[1] == costs[2] == 4


def test_decision_is_read_on_its_own_page_and_that_answers_its_alert(trial: Conduct) -> None:
    rule = {"roles": ["INVESTIGATOR", "PHARMACIST"], "acknowledge": {"minutes": MINUTES}}
    Study.objects.filter(pk=trial.study.pk).update(
        notification_rules={**RULES, "DECISION_SIGNED": rule}
    )
    trial.sign(
        trial.propose(
            Conclusion(
                verdict=Verdict.ENROL,
                level=trial.level(1),
                committee_verdict="agrees",
                reason="The committee wants to see more participants at this level.",
                seats=1,
            )
        )
    )
    event = Event.objects.filter(kind="DECISION_SIGNED").latest("id")
    reader, crew = trial.crews[0].investigator, trial.crews[0]
    number, row = event.data["decision"], told_to(event, reader)
    page = f"/studies/trial/decisions/{number}/acknowledge/"

    by_link = Client().post(acknowledge_url(row).removeprefix("http://127.0.0.1:8000"))
    by_inbox = client_of(reader).post(f"/inbox/{row.pk}/acknowledge/")
    shown = text_of(reader)
    client_of(reader).post(page, {"site": "S1", "revision": "0"})

    row.refresh_from_db()
    assert by_link.status_code == 409
    assert "acknowledged on its own page, once it has been read" in by_link.content.decode()
    assert by_inbox["Location"] == page
    assert page in shown
    assert (row.acknowledged_at, row.answer_id) == (trial.now, row.pk)
    assert told_to(event, person("sub-1")).answer_id == row.pk
    assert told_to(event, crew.pharmacist).answer_id is None
    assert page not in text_of(reader)


def test_manager_sees_what_nobody_answered(trial: Conduct) -> None:
    hold_site(trial)
    assert "alerts not acknowledged" not in text_of(trial.manager, "/manage/trial/")
    wait(trial, MINUTES)

    text = text_of(trial.manager, "/manage/trial/")

    assert "2 alerts not acknowledged in time" in text
    assert "No word on “Hold on S1” from the " in text
    assert len(said("ALERT_ESCALATED")) == 2


def test_noise_counts_a_person_and_week(trial: Conduct) -> None:
    event = hold_site(trial)
    long_ago = trial.now - timedelta(days=200)
    Notification.objects.exclude(event=event).update(planned_at=long_ago)
    reader = trial.crews[0].investigator
    trial.now += timedelta(minutes=12)
    client_of(person("sub-1")).post(f"/inbox/{told_to(event, person('sub-1')).pk}/acknowledge/")
    viewer = viewer_of(trial.manager, "trial")
    assert viewer is not None

    rows = {row.person: row for row in read_noise(viewer, now=trial.now)}

    row = rows[str(reader)]
    assert (row.alerts, row.urgent, row.awaited, row.answered, row.share) == (1, 1, 1, 1, 100)
    assert row.minutes == 12
    assert rows[str(trial.crews[0].pharmacist)].minutes is None
    answer: Any = client_of(trial.manager).post("/studies/trial/noise/csv/")
    lines = b"".join(answer.streaming_content).decode().splitlines()
    assert "median minutes to the word" in lines[1]
    assert len(lines) == 2 + 3
    assert Event.objects.latest("id").data["rows"] == 3
    assert client_of(reader).get("/studies/trial/noise/").status_code == 404


def test_rota_says_where_nobody_is_and_takes_a_shift(trial: Conduct) -> None:
    manager = client_of(trial.manager)
    assert "Nobody is on call" in text_of(trial.manager, "/studies/trial/on-call/")
    member = person("monitor-2").memberships.get()
    entered = {
        "person": str(member.pk),
        "starts_at": f"{trial.now:%Y-%m-%dT%H:%M}",
        "ends_at": "2026-12-31T09:00",
        "reason": "the rota",
        "revision": "0",
    }

    answer = manager.post("/studies/trial/on-call/put/", entered)
    send_away(trial, person("monitor-2"), trial.manager)

    text = text_of(trial.manager, "/studies/trial/on-call/")
    assert answer.status_code == 302, answer.content.decode()
    assert text.count("Nobody is on call") == 1, "for the managers alone"
    assert "away in that time: Manager trial is told" in text
    assert client_of(trial.crews[0].investigator).get("/studies/trial/on-call/").status_code == 404
