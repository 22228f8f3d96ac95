"""A person's own chat: an allowed service, sealed, told that something waits and no more."""

from __future__ import annotations

import json
import logging
import socket
from datetime import timedelta
from typing import Any

import pytest
from apprise.plugins.slack import NotifySlack
from django.core import mail

from cohorts.actions import place_hold
from ntrust.actions import pass_on_alerts, remove_chat, send_again, set_chat, try_chat
from ntrust.change import study_change
from ntrust.environment import CHAT_HOSTS
from ntrust.models import Chat, Delivery, Event, Notification, Outage
from ntrust.notifications import OPEN_FOR, OPENS_AFTER, deliver_due
from ntrust.notifications.chats import SERVICES
from safety.management.conduct import Conduct
from tests.factories import client_of, make_trial, refused, shared_trial
from tests.ntrust.listener import Listener, listener

__all__ = ["listener"]
pytestmark = pytest.mark.django_db
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
SECRET = "TIiajkdnlazkcOXrIdevi7FQ"


def build() -> Conduct:
    trial = make_trial()
    deliver_due(now=trial.now)
    return trial


_built, trial = shared_trial(build)


def here(listener: Listener) -> str:
    return f"json://127.0.0.1:{listener.port}/{SECRET}"


def choose(trial: Conduct, target: str) -> Chat:
    return set_chat(trial.manager, target=target, by=trial.manager, now=trial.tick())


def hold(trial: Conduct, reason: str = "a seizure of 01-001") -> None:
    who: dict[str, Any] = {"by": trial.monitor, "now": trial.tick()}
    place_hold(trial.study, scope="STUDY", reason=reason, **who)


def test_chat_hears_that_something_waits_and_no_more(
    trial: Conduct, listener: Listener, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.NTRUST_MODE, settings.NTRUST_PUBLIC_URL = "training", "https://trial.example.org"
    caplog.set_level(logging.DEBUG)
    row = choose(trial, here(listener))
    mail.outbox.clear()

    hold(trial)
    deliver_due(now=trial.now)

    ((path, _, body),) = listener.asked
    assert path == f"/{SECRET}"
    assert json.loads(body)["message"] == (
        "[TRAINING] Something urgent waits for you in ntrust, study TEST-001: "
        "https://trial.example.org/inbox/"
    )
    assert "seizure" not in body.decode()
    assert trial.manager.email in [one for sent in mail.outbox for one in sent.to], "mail as well"
    sent = Delivery.objects.get(channel="CHAT")
    assert (sent.state, sent.target, sent.notification.recipient) == ("SENT", "json", trial.manager)
    row.refresh_from_db()
    kept = [str(version.__dict__) for version in row.row_history.all()]
    assert not [word for word in [row.target, caplog.text, *kept] if SECRET in word]


def test_slack_is_asked_at_its_own_address(
    trial: Conduct, listener: Listener, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NTRUST_CHAT_SERVICES = {"slack": CHAT_HOSTS["slack"]}
    monkeypatch.setattr(NotifySlack, "webhook_url", f"http://127.0.0.1:{listener.port}")
    looked: list[str] = []
    monkeypatch.setattr("ntrust.notifications.chats.look_up", lambda host, _: looked.append(host))
    choose(trial, SLACK)

    try_chat(trial.manager, by=trial.manager, now=trial.now)
    deliver_due(now=trial.now)

    ((path, _, body),) = listener.asked
    assert path == f"/T1JJ3T3L2/A1BRTD4JD/{SECRET}"
    assert "This is a test from ntrust: http" in body.decode()
    assert looked == [*CHAT_HOSTS["slack"]] * 2, "when it is entered, and when it is sent"
    assert set(CHAT_HOSTS) == set(SERVICES)
    with refused("test_waits"):
        try_chat(trial.manager, by=trial.manager, now=trial.now + timedelta(seconds=59))


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("tgram://123456789:abcdefghijklmnopqrstuvwxyzabcdefghi/4567", "bad_chat"),
        ("json://10.0.0.1/x", "private_target"),
        ("json://8.8.8.8/x", "private_target"),
        ("json://localhost:x/token", "bad_chat"),
        ("jsons://127.0.0.1/x", "bad_chat"),
        ("mmost://localhost/token", "bad_chat"),
        ("file:///etc/passwd", "bad_chat"),
        (f"{SLACK}?verify=no", "bad_chat"),
        ("slack://", "bad_chat"),
        ("nonsense", "bad_chat"),
    ],
)
def test_other_services_and_hosts_are_refused(
    trial: Conduct, settings: Any, target: str, code: str
) -> None:
    settings.NTRUST_CHAT_SERVICES = {"slack": CHAT_HOSTS["slack"]}
    settings.NTRUST_LOOPBACK_TARGETS = True

    with refused(code):
        choose(trial, target)


def test_service_whose_name_leads_inside_is_not_told(
    trial: Conduct, listener: Listener, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.NTRUST_CHAT_SERVICES = {"slack": CHAT_HOSTS["slack"]}
    answers = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answers)
    choose(trial, SLACK)
    answers[0] = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.8", 443))

    hold(trial)
    deliver_due(now=trial.now)

    sent = Delivery.objects.get(channel="CHAT")
    assert (sent.state, listener.asked) == ("FAILED", [])
    assert "leads to an address that is not public" in sent.failure
    with refused("private_target"):
        choose(trial, SLACK)


def test_failing_chat_is_left_alone_for_a_while_and_is_nobody_elses_trouble(
    trial: Conduct, listener: Listener
) -> None:
    choose(trial, here(listener))
    listener.status = 503
    hold(trial)

    moment = trial.now
    for _ in range(OPENS_AFTER + 2):
        Delivery.objects.filter(channel="CHAT", state="PLANNED").update(next_try_at=moment)
        deliver_due(now=moment)

    row, sent = Chat.objects.get(), Delivery.objects.get(channel="CHAT")
    assert (len(listener.asked), row.failures, row.opened_at) == (OPENS_AFTER, 5, moment)
    assert (sent.state, sent.attempts, sent.next_try_at) == ("PLANNED", 5, moment + OPEN_FOR)
    assert SECRET not in sent.failure
    assert not Outage.objects.filter(channel="CHAT").exists()
    listener.status = 200
    deliver_due(now=moment + OPEN_FOR)
    assert Chat.objects.get().failures == 0
    assert Delivery.objects.get(channel="CHAT").state == "SENT"


def test_dead_letter_is_sent_again_and_a_chat_taken_away_hears_nothing(
    trial: Conduct, listener: Listener
) -> None:
    choose(trial, here(listener))
    hold(trial)
    remove_chat(trial.manager, by=trial.manager, now=trial.tick())
    deliver_due(now=trial.now)
    dead = Delivery.objects.get(channel="CHAT")
    assert (dead.state, dead.failure) == ("FAILED", "Undeliverable: the chat was taken away")
    assert Chat.objects.get().target == ""

    choose(trial, here(listener))
    why: dict[str, Any] = {"reason": "entered anew", "by": trial.manager, "now": trial.tick()}
    send_again(dead, study=trial.study, **why)
    deliver_due(now=trial.now)

    assert Delivery.objects.get(channel="CHAT").state == "SENT"
    assert len(listener.asked) == 1


@pytest.mark.parametrize(("chat", "passed_on"), [("PLANNED", True), ("SENT", False)])
def test_chat_that_is_still_tried_holds_no_deputy_back(
    trial: Conduct, listener: Listener, chat: str, passed_on: bool
) -> None:
    choose(trial, here(listener))
    hold(trial)
    told = Notification.objects.get(recipient=trial.manager, event__kind="HOLD_PLACED")
    told.deliveries.filter(channel="MAIL").update(state="SENDING")
    told.deliveries.filter(channel="MAIL").update(state="FAILED")
    if chat == "SENT":
        told.deliveries.filter(channel="CHAT").update(state="SENDING")
        told.deliveries.filter(channel="CHAT").update(state="SENT", sent_at=trial.now)

    with study_change(trial.study, by=None, now=trial.tick()) as change:
        pass_on_alerts(change)

    said = Event.objects.filter(kind__in=["ALERT_ESCALATED", "ALERT_UNANSWERED"])
    assert said.exists() is passed_on


def test_page_takes_a_chat_and_never_shows_it(
    trial: Conduct, listener: Listener, settings: Any
) -> None:
    client, url = client_of(trial.manager), "/accounts/chat/"
    hers = here(listener)

    wrong = client.post(url, {"act": "keep", "target": f"json://10.0.0.1/{SECRET}"})
    kept = client.post(url, {"act": "keep", "target": hers}, follow=True)
    tried = client.post(url, {"act": "try"}, follow=True).content.decode()
    deliver_due(now=trial.now + timedelta(days=9999))
    seen = client.get(url).content.decode()
    gone = client.post(url, {"act": "remove"}, follow=True).content.decode()

    assert (wrong.status_code, client.post(url, {}).status_code) == (422, 400)
    assert "leads to an address that is not public" in wrong.content.decode()
    assert "sealed, not shown" in kept.content.decode()
    assert "A test is on its way" in tried
    assert "taken by the service" in seen
    assert "Taken away: you are told by mail." in gone
    for page in (wrong.content.decode(), kept.content.decode(), tried, seen, gone):
        assert SECRET not in page
    settings.NTRUST_LOOPBACK_TARGETS = False
    assert "No chat or telephone service is allowed" in client.get(url).content.decode()
    assert "json: <a href" not in client.get("/accounts/preferences/").content.decode()
