"""The report of a serious event: recorded as sent it ends its clock, and overdue it is seen."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cohorts.queries import viewer_of
from ntrust import clock
from ntrust.models import Event
from safety.actions import EventDetails, record_report_sent, withdraw_report_sent
from safety.management.conduct import Conduct
from safety.models import AdverseEvent
from safety.queries.today import read_needs
from tests.factories import client_of, refused, shared_trial
from tests.safety.test_serious import HOSPITAL, build, enter, only_at, told

pytestmark = pytest.mark.django_db

_built, trial = shared_trial(build)
FIFTEEN = datetime(2026, 1, 25, tzinfo=UTC)
FILED = "to the authority, filed in the TMF under 4.2"


@pytest.fixture(autouse=True)
def _now(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: trial.now)


def send(trial: Conduct, event: AdverseEvent, **named: Any) -> None:
    sent = {"days": 15, "sent_at": trial.now, "reason": FILED, "by": trial.manager, **named}
    record_report_sent(event, **sent, now=trial.tick())


def overdue(trial: Conduct, now: datetime) -> list[tuple[str, tuple[str, ...], str]]:
    viewer = viewer_of(trial.manager, trial.study.key)
    assert viewer is not None
    needs = {need.key: need for need in read_needs(viewer, now=now)}
    found = needs.get("UNREPORTED")
    return [(found.mark.text, found.sentences, found.left)] if found else []


def test_report_that_was_sent_ends_its_own_clock_alone(trial: Conduct) -> None:
    event = enter(trial, details=EventDetails(seriousness=("LIFE_THREATENING",)))
    send(trial, event, days=7)

    assert told("SAE_REPORT_SENT") == [
        "P-001: the report of a serious event (7 calendar days, to the regulator) was sent "
        f"09-Jan-2026 12:01 UTC: {FILED}"
    ]
    sentence = only_at("SAE_REPORT_DUE", datetime(2026, 1, 22, 7, tzinfo=UTC))
    assert "15 calendar days" in sentence
    assert overdue(trial, FIFTEEN - timedelta(minutes=1)) == []
    assert overdue(trial, FIFTEEN + timedelta(days=2)) == [
        (
            "A report to the regulator is overdue: P-001",
            ("P-001: 15 calendar days ended 25-Jan-2026 00:00 UTC.",),
            "2 days overdue",
        )
    ]
    trial.now = FIFTEEN + timedelta(days=2)
    send(trial, event)
    assert overdue(trial, trial.now) == []


def test_report_taken_back_is_owed_again(trial: Conduct) -> None:
    event = enter(trial, details=HOSPITAL)
    send(trial, event)

    wrong: dict[str, Any] = {"days": 15, "reason": "it was another event's", "by": trial.monitor}
    withdraw_report_sent(event, **wrong, now=trial.tick())

    assert only_at("SAE_REPORT_DUE", datetime(2026, 1, 22, 7, tzinfo=UTC))
    assert overdue(trial, FIFTEEN)
    with refused("not_sent"):
        withdraw_report_sent(event, **wrong, now=trial.tick())
    send(trial, event)
    assert overdue(trial, FIFTEEN) == []


def test_what_is_no_report_of_this_event_is_refused(trial: Conduct) -> None:
    event = enter(trial, details=HOSPITAL)
    plain = enter(trial, details=EventDetails(seriousness=()), causality="UNRELATED")

    for code, thing, named in [
        ("no_such_clock", event, {"days": 7}),
        ("no_such_clock", plain, {"days": 0}),
        ("future_date", event, {"sent_at": trial.now + timedelta(days=1)}),
        ("impossible_order", event, {"sent_at": event.onset_at - timedelta(minutes=1)}),
        ("reason_needed", event, {"reason": " "}),
    ]:
        with refused(code):
            send(trial, thing, **named)
    send(trial, event, days=0)
    assert "(the site's hours, to the sponsor)" in told("SAE_REPORT_SENT")[0]
    with refused("already_sent"):
        send(trial, event, days=0)


def test_page_of_the_event_records_it_and_takes_it_back(trial: Conduct) -> None:
    event = enter(trial, details=HOSPITAL)
    page = f"/studies/trial/events/{event.pk}/"
    manager, site = client_of(trial.manager), client_of(trial.crews[0].investigator)

    seen = manager.get(page).content.decode()
    assert "15 calendar days, to the regulator" in seen
    assert f"{page}clocks/15/sent/" in seen
    assert f"{page}clocks/15/sent/" not in site.get(page).content.decode()
    assert site.post(f"{page}clocks/15/sent/", {}).status_code == 403
    assert manager.get(f"{page}clocks/7/sent/").status_code == 404
    said = {"sent_at": f"{trial.now:%Y-%m-%dT%H:%M}", "reason": FILED, "revision": "999"}
    assert manager.post(f"{page}clocks/15/sent/", {**said, "reason": ""}).status_code == 422
    trial.tick()
    done = manager.post(f"{page}clocks/15/sent/", said, follow=True).content.decode()
    assert "nobody is reminded of this clock any more" in done
    assert FILED in done
    back = manager.post(f"{page}clocks/15/not-sent/", {"reason": "x", "revision": "999"})
    assert (back.status_code, Event.objects.filter(kind="SAE_REPORT_WITHDRAWN").count()) == (302, 1)
