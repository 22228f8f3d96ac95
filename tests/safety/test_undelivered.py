"""What could not be sent: listed with its reason, told of once, sent again by the manager."""

from __future__ import annotations

from smtplib import SMTPDataError, SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends import locmem
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cohorts.actions import place_hold
from ntrust.actions import send_again, send_all_again, tell_of_outages
from ntrust.models import Delivery, Endpoint, Event, Outage
from ntrust.notifications import deliver_due, secret_of
from safety.management.conduct import Conduct
from tests.factories import cast, client_of, make_trial, refused, shared_trial

pytestmark = pytest.mark.django_db
REFUSED = SMTPRecipientsRefused({"x": (550, b"no such mailbox")})


def build() -> Conduct:
    """Four people are owed a mail about a hold."""
    trial = make_trial(sites=2)
    place_hold(
        trial.study,
        scope="SITE",
        site=trial.crews[0].site,
        reason="x",
        by=trial.monitor,
        now=trial.tick(),
    )
    return trial


_built, trial = shared_trial(build)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Answers with `error`, where there is one."""
    said: dict[str, Any] = {"error": REFUSED}

    def send(self: Any, messages: Any) -> int:
        if said["error"] is not None:
            raise said["error"]
        mail.outbox.extend(messages)
        return len(messages)

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", send)
    return said


def page(trial: Conduct, path: str = "") -> str:
    answer = client_of(trial.manager).get(f"/studies/trial/undelivered/{path}")
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


@pytest.mark.parametrize("error", [REFUSED, SMTPDataError(554, b"not wanted")])
def test_refusal_for_good_is_listed_at_once_and_sent_again_under_its_key(
    trial: Conduct, server: dict[str, Any], error: Exception
) -> None:
    server["error"] = error
    deliver_due(now=trial.now)
    failed = list(Delivery.objects.filter(state="FAILED"))
    assert {row.attempts for row in failed} == {1}
    said = page(trial)
    assert f"{len(failed)} messages could not be sent" in said
    assert "no such mailbox" in said or "not wanted" in said
    assert not Outage.objects.exists(), "the server answers"

    server["error"] = None
    row = send_again(
        failed[0], study=trial.study, reason="mailbox made", by=trial.manager, now=trial.tick()
    )
    deliver_due(now=trial.now)

    assert [message.extra_headers["X-Ntrust-Key"] for message in mail.outbox] == [str(row.key)]
    history = page(trial, f"{row.pk}/")
    marks = ["planned", "attempt 1", "failed", "sent again", "attempt 1", "● </span> sent"]
    places = [history.find(mark) for mark in ("planned", "failed", "mailbox made", "sent</span>")]
    assert -1 not in places, marks
    assert places == sorted(places)
    sent = send_all_again(trial.study, reason="all", by=trial.manager, now=trial.tick())
    assert len(sent) == len(failed) - 1


def test_only_what_has_failed_and_is_ours_is_sent_again(
    trial: Conduct, server: dict[str, Any]
) -> None:
    row = Delivery.objects.earliest("id")
    manager: dict[str, Any] = {"by": trial.manager, "now": trial.now}
    with refused("illegal_move"):
        send_again(row, study=trial.study, reason="now", **manager)
    with refused("reason_needed"):
        send_all_again(trial.study, reason=" ", **manager)
    with refused("nothing_failed"):
        send_all_again(trial.study, reason="now", **manager)
    other = make_trial(key="other")
    with refused("not_found"):
        send_again(row, study=other.study, reason="now", by=other.manager, now=other.now)


def test_server_that_is_gone_is_told_once_an_outage(trial: Conduct, server: dict[str, Any]) -> None:
    server["error"] = ConnectionRefusedError(111, "refused")
    deliver_due(now=trial.now)

    told = tell_of_outages(now=trial.tick()), tell_of_outages(now=trial.tick())

    assert told == (1, 0)
    outage = Outage.objects.get()
    assert (outage.channel, outage.failures, outage.ended_at) == ("MAIL", 6, None)
    assert Event.objects.get(kind="DELIVERY_FAILING").data == {"outage": outage.pk}
    assert "Mail cannot be sent since" in page(trial)
    today = client_of(trial.manager).get("/manage/trial/").content.decode()
    assert "Mail cannot be sent since" in today
    assert "Mail is out of order" in today
    assert "/studies/trial/undelivered/" in today
    server["error"] = None
    deliver_due(now=trial.now.replace(hour=23))
    assert Outage.objects.get().ended_at is not None
    assert "cannot be sent" not in page(trial)


def test_pages_are_for_central_people_and_cost_the_same_with_many(
    trial: Conduct, server: dict[str, Any]
) -> None:
    client = client_of(trial.manager)
    client.get("/studies/trial/undelivered/")

    def cost() -> int:
        with CaptureQueriesContext(
            connection,
        ) as asked:
            client.get("/studies/trial/undelivered/")
        return len(asked)

    none = cost()
    deliver_due(now=trial.now, most=1)
    one = cost()
    deliver_due(now=trial.now)
    assert none == one == cost()
    readers = set()
    for who, user in cast(trial).items():
        browser = Client()
        browser.force_login(user)
        if browser.get("/studies/trial/webhooks/").status_code == 200:
            readers.add(who)
    assert readers == {"manager", "monitor", "auditor"}


def test_webhook_is_added_on_its_page_with_a_secret_shown_once(trial: Conduct) -> None:
    client = client_of(trial.manager)
    asked = {"name": "theirs", "url": "https://10.0.0.1/", "reason": "they asked", "revision": "99"}

    shut = client.post("/studies/trial/webhooks/new/", asked)
    answer = client.post("/studies/trial/webhooks/new/", {**asked, "url": "https://8.8.8.8/hook"})
    kept = [str(dict(client.session)), str(client.cookies), str(answer.headers)]
    done = answer.content.decode()
    again = client.get("/studies/trial/webhooks/").content.decode()

    assert shut.status_code == 409
    assert "not public" in shut.content.decode()
    secret = secret_of(Endpoint.objects.get())
    assert (answer.status_code, done.count(secret)) == (200, 1)
    assert answer["Cache-Control"] == "private, no-store"
    assert not [word for word in kept if "whsec_" in word], "nowhere but on that page"
    assert "whsec_" not in again
    assert "theirs" in again
