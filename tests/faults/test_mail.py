"""Mail through a real worker to a real server, and what happens when one of them fails."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psutil
import pytest
from celery import current_app
from django.conf import settings
from django.test import override_settings

from cohorts.actions import place_hold
from cohorts.models import Hold
from ntrust import clock
from ntrust.models import Delivery
from ntrust.notifications import CLAIM_LASTS, deliver_due, nudge
from safety.management.conduct import Conduct
from tests.committed import CommittedDb
from tests.factories import make_trial
from tests.faults.post import PostOffice, wait_until
from tests.faults.test_races import race
from tests.live import WorkerProcess, start_worker

Post = tuple[PostOffice, int]


def private_queue() -> str:
    """A Redis database that no other test of this run listens to."""
    runner = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    parts = urlsplit(settings.REDIS_URL)
    return urlunsplit(parts._replace(path=f"/{8 + int(runner) % 8}"))


@pytest.fixture
def worker(
    committed_db: CommittedDb, post_office: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WorkerProcess]:
    """A Celery worker in training mode that mails to the post office; the queue is theirs alone."""
    queue = private_queue()
    monkeypatch.setattr(current_app.conf, "broker_url", queue)
    monkeypatch.setenv("REDIS_URL", queue)
    monkeypatch.setenv("EMAIL_URL", f"smtp://127.0.0.1:{post_office[1]}")
    monkeypatch.setenv("NTRUST_MODE", "training")
    process = start_worker(committed_db, tmp_path / "worker.log")
    try:
        yield process
    finally:
        process.guarded.stop()


@pytest.fixture
def by_mail(post_office: Post) -> Iterator[None]:
    """This process too mails to the post office: it plays the sweeper."""
    with override_settings(
        EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=post_office[1],
        EMAIL_TIMEOUT=10,
    ):
        yield


def hold(trial: Conduct) -> Hold:
    """Four people are told, urgently."""
    return place_hold(
        trial.study, scope="STUDY", reason="a signal", by=trial.monitor, now=clock.now()
    )


def states() -> list[str]:
    return sorted(Delivery.objects.values_list("state", flat=True))


def test_worker_delivers_what_a_change_planned(
    committed_db: CommittedDb, post_office: Post, worker: WorkerProcess
) -> None:
    office, _ = post_office
    trial = make_trial()

    hold(trial)

    wait_until(lambda: len(office.messages) == 4 and states() == ["SENT"] * 4)
    assert {str(message["Subject"]) for message in office.messages} == {
        "[TRAINING] [URGENT] TEST-001: Hold on the study."
    }
    assert sorted(str(message["To"]) for message in office.messages) == [
        "investigator-trial-1@example.org",
        "manager-trial@example.org",
        "monitor-trial@example.org",
        "pharmacist-trial-1@example.org",
    ]
    ids = Delivery.objects.values_list("notification", flat=True)
    assert sorted(map(int, office.ids)) == sorted(ids)


def test_worker_killed_while_sending_is_made_good_by_the_sweeper(
    committed_db: CommittedDb, post_office: Post, worker: WorkerProcess, by_mail: None
) -> None:
    """Claimed, not yet sent, kill -9: another process sends it under the same number."""
    office, _ = post_office
    trial = make_trial()
    office.is_hanging = True
    hold(trial)
    wait_until(office.has_caller.is_set)
    claimed = Delivery.objects.get(state="SENDING")

    for process in psutil.Process(worker.pid).children(recursive=True):
        process.kill()

    wait_until(lambda: not worker.guarded.is_running())
    office.is_hanging = False
    assert Delivery.objects.get(pk=claimed.pk).state == "SENDING"
    now = clock.now()
    deliver_due(now=now)
    assert Delivery.objects.get(pk=claimed.pk).state == "SENDING", "its sender may still live"

    deliver_due(now=now + CLAIM_LASTS)

    assert states() == ["SENT"] * 4
    assert str(claimed.key) in office.keys
    assert Delivery.objects.get(pk=claimed.pk).attempts == 2


def test_server_that_refuses_is_tried_again_later(
    committed_db: CommittedDb, post_office: Post, by_mail: None
) -> None:
    office, _ = post_office
    office.refuses = True
    hold(make_trial())
    now = clock.now()

    assert deliver_due(now=now) == 0
    row = Delivery.objects.earliest("id")
    assert (row.state, row.attempts) == ("PLANNED", 1)
    assert "try again later" in row.failure
    office.refuses = False
    assert deliver_due(now=now + timedelta(seconds=29)) == 0
    assert deliver_due(now=now + timedelta(seconds=38)) == 4

    assert states() == ["SENT"] * 4
    assert len(office.messages) == 4


def test_server_that_is_gone_for_good_ends_as_failed(
    committed_db: CommittedDb, post_office: Post, by_mail: None
) -> None:
    with override_settings(EMAIL_PORT=1):
        hold(make_trial())
        now = clock.now()
        for _ in range(8):
            assert deliver_due(now=now) == 0
            now += timedelta(hours=2)

    assert states() == ["FAILED"] * 4
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {8}
    assert all(
        "ConnectionRefusedError" in failure
        for failure in Delivery.objects.values_list("failure", flat=True)
    )


@pytest.fixture
def no_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A broker at an address where nothing listens."""
    app = current_app._get_current_object()
    broken = app.__class__(
        "broken", broker="redis://127.0.0.1:1/0", set_as_current=False, changes={}
    )
    monkeypatch.setattr("ntrust.notifications.nudging.current_app", broken)
    yield
    broken.close()


def test_change_commits_while_redis_is_down_and_the_sweeper_delivers(
    committed_db: CommittedDb, post_office: Post, by_mail: None, no_redis: None
) -> None:
    office, _ = post_office
    trial = make_trial()
    began = time.monotonic()

    placed = hold(trial)

    assert time.monotonic() - began < 2, "nobody waits for a broker that is down"
    assert Hold.objects.get(pk=placed.pk).state == "PLACED"
    assert states() == ["PLANNED"] * 4
    assert deliver_due(now=clock.now()) == 4
    assert len(office.messages) == 4


def test_nudge_never_raises(no_redis: None) -> None:
    nudge()


def test_two_sweepers_send_each_row_once(
    committed_db: CommittedDb, post_office: Post, by_mail: None
) -> None:
    office, _ = post_office
    trial = make_trial(sites=3)
    hold(trial)
    now = clock.now()

    results: list[Any] = race([lambda: deliver_due(now=now) for _ in range(6)], at_once=6)

    assert sum(results) == 8
    assert len(office.ids) == len(set(office.ids)) == 8
