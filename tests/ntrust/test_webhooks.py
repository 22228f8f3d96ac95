"""Other systems are told by a real HTTP server's measure: signed, once, and never inside."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cohorts.actions import place_hold
from ntrust.actions import (
    add_endpoint,
    pause_endpoint,
    resume_endpoint,
    send_again,
    tell_of_outages,
    try_endpoint,
)
from ntrust.models import Delivery, Endpoint, Event, Outage
from ntrust.notifications import OPEN_FOR, OPENS_AFTER, check_target, deliver_due, secret_of
from safety.management.conduct import Conduct
from tests.factories import make_trial, refused, shared_trial
from tests.ntrust.listener import Listener, listener

__all__ = ["listener"]
pytestmark = pytest.mark.django_db
GUIDE = Path(__file__).resolve().parents[2] / "docs/guide/channels.md"
WHY = "The safety database follows the trial."


def build() -> Conduct:
    trial = make_trial()
    deliver_due(now=trial.now)
    return trial


_built, trial = shared_trial(build)


def hook(trial: Conduct, listener: Listener, **fields: Any) -> Endpoint:
    told = {"name": "safety database", "url": listener.url, "reason": WHY, "kinds": ["HOLD_PLACED"]}
    return add_endpoint(trial.study, **{**told, **fields}, by=trial.manager, now=trial.tick())


def hold(trial: Conduct, **scope: Any) -> Delivery:
    place_hold(
        trial.study,
        **(scope or {"scope": "STUDY"}),
        reason="a seizure",
        by=trial.monitor,
        now=trial.tick(),
    )
    return Delivery.objects.filter(channel="WEBHOOK").latest("id")


def test_other_system_hears_signed_and_nothing_clinical(trial: Conduct, listener: Listener) -> None:
    endpoint = hook(trial, listener)
    row = hold(trial)

    deliver_due(now=trial.now)

    ((path, headers, body),) = listener.asked
    event = Event.objects.get(kind="HOLD_PLACED")
    assert path == "/hook"
    assert json.loads(body) == {
        "study": "trial",
        "event": event.pk,
        "kind": "HOLD_PLACED",
        "at": event.at.isoformat(),
        "revision": event.revision,
        "training": False,
    }
    assert headers["Idempotency-Key"] == str(row.key)
    seconds, mac = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["Ntrust-Signature"]).groups()
    said = f"{seconds}.".encode() + body
    assert mac == hmac.new(secret_of(endpoint).encode(), said, hashlib.sha256).hexdigest()
    assert 0 <= int(seconds) - int(trial.now.timestamp()) < 60
    assert Delivery.objects.get(pk=row.pk).state == "SENT"


def test_guide_verifies_what_is_sent(trial: Conduct, listener: Listener) -> None:
    endpoint = hook(trial, listener)
    hold(trial)
    deliver_due(now=trial.now)
    (code,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    known: dict[str, Any] = {}
    exec(code, known)

    _, headers, body = listener.asked[0]
    signature = headers["Ntrust-Signature"]
    now, secret = trial.now.timestamp(), secret_of(endpoint)
    is_ours = known["is_ours"]

    assert len(code.strip().splitlines()) <= 12
    assert is_ours(secret, signature, body, now=now)
    assert not is_ours(secret, signature, body + b" ", now=now)
    assert not is_ours("whsec_other", signature, body, now=now)
    assert not is_ours(secret, signature, body, now=now + 400), "an old one is sent again by others"


def test_only_kinds_that_were_asked_for_and_none_while_paused(
    trial: Conduct, listener: Listener
) -> None:
    endpoint = hook(trial, listener, kinds=["DLT_REPORTED"])
    place_hold(trial.study, scope="STUDY", reason="x", by=trial.monitor, now=trial.tick())
    assert not Delivery.objects.filter(channel="WEBHOOK").exists()
    trial_row = try_endpoint(endpoint, reason="does it hear?", by=trial.manager, now=trial.tick())

    deliver_due(now=trial.now)
    pause_endpoint(endpoint, reason="moves house", by=trial.manager, now=trial.tick())

    assert json.loads(listener.asked[0][2])["kind"] == "TEST"
    assert Delivery.objects.get(pk=trial_row.pk).state == "SENT"
    with refused("webhook_paused"):
        try_endpoint(endpoint, reason="again", by=trial.manager, now=trial.now)
    resume_endpoint(endpoint, reason="has moved", by=trial.manager, now=trial.tick())
    assert Endpoint.objects.get().state == "ACTIVE"


@pytest.mark.parametrize(("status", "state"), [(500, "PLANNED"), (302, "PLANNED"), (410, "FAILED")])
def test_answer_that_is_no_yes_is_tried_again_and_no_redirect_is_followed(
    trial: Conduct, listener: Listener, status: int, state: str
) -> None:
    hook(trial, listener)
    listener.status, listener.headers = status, {"Location": f"{listener.url}/elsewhere"}
    row = hold(trial)

    deliver_due(now=trial.now)

    after = Delivery.objects.get(pk=row.pk)
    assert (after.state, after.attempts) == (state, 1)
    assert str(status) in after.failure
    assert [path for path, _, _ in listener.asked] == ["/hook"]
    listener.status = 200
    if state == "FAILED":
        send_again(row, study=trial.study, reason="it is back", by=trial.manager, now=trial.tick())
    deliver_due(now=trial.now + timedelta(minutes=1))
    keys = {headers["Idempotency-Key"] for _, headers, _ in listener.asked}
    assert (Delivery.objects.get(pk=row.pk).state, keys) == ("SENT", {str(row.key)})


def test_circuit_opens_tries_once_after_a_while_and_closes(
    trial: Conduct, listener: Listener
) -> None:
    endpoint = hook(trial, listener)
    listener.status = 500
    for number in range(OPENS_AFTER + 1):
        try_endpoint(endpoint, reason=f"try {number}", by=trial.manager, now=trial.tick())

    now = trial.now
    deliver_due(now=now)
    asked = len(listener.asked)
    waiting = Delivery.objects.filter(state="PLANNED", channel="WEBHOOK", attempts=0)
    assert asked == OPENS_AFTER
    (later,) = [row.next_try_at - now for row in waiting]
    assert OPEN_FOR <= later < OPEN_FOR + timedelta(minutes=1)
    assert tell_of_outages(now=now) == 1
    assert tell_of_outages(now=now) == 0, "once an outage"
    said = Event.objects.get(kind="DELIVERY_FAILING").sentence
    assert said.startswith("Webhook safety database cannot be sent since ")

    deliver_due(now=now + OPEN_FOR + timedelta(minutes=2))
    assert len(listener.asked) == asked + 1, "one tries"
    listener.status = 200
    deliver_due(now=now + 3 * OPEN_FOR)

    row = Endpoint.objects.get()
    assert (row.failures, row.opened_at) == (0, None)
    assert Outage.objects.get().ended_at is not None


# --- Nothing inside is reached ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://127.0.0.1/", "private_target"),
        ("https://[::1]/", "private_target"),
        ("https://10.0.0.8/x", "private_target"),
        ("https://169.254.169.254/latest/meta-data", "private_target"),
        ("https://[::ffff:10.0.0.8]/", "private_target"),
        ("https://[64:ff9b::10.0.0.8]/", "private_target"),
        ("https://[fd00::1]/", "private_target"),
        ("https://0.0.0.0/", "private_target"),
        ("https://100.64.0.1/", "private_target"),
        ("https://2130706433/", "private_target"),
        ("https://localhost/", "private_target"),
        ("http://8.8.8.8/", "bad_target"),
        ("ftp://8.8.8.8/", "bad_target"),
        ("https://user:word@8.8.8.8/", "bad_target"),
        ("https://8.8.8.8:0/", "bad_target"),
        ("https://8.8.8.8:99999/", "bad_target"),
        ("https://8.8.8.8/a b", "bad_target"),
        ("https://8.8.8.8/\r\nHost: x", "bad_target"),
        ("https://", "bad_target"),
    ],
)
def test_addresses_that_are_not_public_are_refused(trial: Conduct, url: str, code: str) -> None:
    with refused(code):
        add_endpoint(trial.study, name="x", url=url, reason=WHY, by=trial.manager, now=trial.now)


def test_one_private_answer_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", answers("8.8.8.8", "10.1.2.3"))

    with refused("private_target"):
        check_target("https://name.example/")


def answers(*addresses: str) -> Any:
    """A name server that gives these."""
    return lambda host, port, **kwargs: [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, port)) for one in addresses
    ]


def test_name_that_leads_inside_later_is_never_called(
    trial: Conduct, listener: Listener, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    """It was public when it was entered; when something is sent it is checked again."""
    settings.NTRUST_LOOPBACK_TARGETS = False
    monkeypatch.setattr(socket, "getaddrinfo", answers("8.8.8.8"))
    hook(trial, listener, url=f"https://name.example:{listener.port}/hook")
    row = hold(trial)
    monkeypatch.setattr(socket, "getaddrinfo", answers("127.0.0.1"))

    deliver_due(now=trial.now)

    after = Delivery.objects.get(pk=row.pk)
    assert (after.state, listener.asked) == ("FAILED", [])
    assert "not public" in after.failure


def test_what_is_connected_to_is_the_address_that_was_checked(
    trial: Conduct, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name server that answers otherwise the second time is not asked a second time."""
    calls: list[str] = []
    real = socket.getaddrinfo

    def once(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        if host != "name.example":
            return real(host, port, *args, **kwargs)
        calls.append(host)
        return answers("127.0.0.1")(host, port)

    monkeypatch.setattr(socket, "getaddrinfo", once)
    hook(trial, listener, url=f"http://name.example:{listener.port}/hook")
    hold(trial)
    calls.clear()

    deliver_due(now=trial.now)

    assert calls == ["name.example"]
    assert listener.asked[0][1]["Host"] == f"name.example:{listener.port}"
