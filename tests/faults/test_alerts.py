"""Parts killed, stopped and cut off while alerts go out: each arrives, in order, as itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import override_settings

from local.paths import ROOT
from ntrust import clock
from ntrust.models import Delivery, Watch
from ntrust.notifications import deliver_due
from ntrust.notifications.delivering import ORPHAN_AFTER
from ntrust.standing import read_news
from tests.committed import CommittedDb
from tests.faults.alerts import (
    Storm,
    has_all,
    own_postgres,
    own_redis,
    settle,
    start_sweeper,
    use_redis,
)
from tests.faults.post import PostOffice, wait_until
from tests.faults.test_mail import Post, by_mail, private_queue
from tests.live import start_worker

__all__ = ["by_mail"]


@pytest.fixture
def office(post_office: Post, monkeypatch: pytest.MonkeyPatch) -> PostOffice:
    """The office, as the service's processes are told of it."""
    monkeypatch.setenv("EMAIL_URL", f"smtp://127.0.0.1:{post_office[1]}")
    monkeypatch.setenv("NTRUST_MODE", "training")
    return post_office[0]


@pytest.fixture(autouse=True)
def _queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that nobody else works on."""
    use_redis(monkeypatch, private_queue())


def kill_worker(pid: int) -> None:
    """The worker and its processes, at once; its guard sees to the rest."""
    for process in psutil.Process(pid).children(recursive=True):
        process.kill()


def test_worker_killed_in_mid_send(
    committed_db: CommittedDb, office: PostOffice, tmp_path: Path
) -> None:
    """Three times; what it was sending is taken back, as its session has ended."""
    storm = Storm()
    sweeper = start_sweeper(committed_db, tmp_path / "deliver.log")
    kills = 2
    try:
        for _ in range(kills):
            worker = start_worker(committed_db, tmp_path / "worker.log")
            office.has_caller.clear()
            office.is_hanging = True
            storm.blow(2)
            wait_until(office.has_caller.is_set)
            kill_worker(worker.pid)
            worker.guarded.stop()
            office.is_hanging = False
            storm.blow(2)
        wait_until(lambda: has_all(office), seconds=60)
    finally:
        sweeper.stop()

    figures = settle(office, "worker killed in mid-send", events=storm.events, kills=kills)
    assert figures.longest_seconds < 60


def test_redis_stopped_and_started_in_a_storm(
    committed_db: CommittedDb, office: PostOffice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it, pages say so while it is true, and alerts are seconds late at most."""
    with own_redis(monkeypatch) as server:
        storm = Storm()
        sweeper = start_sweeper(committed_db, tmp_path / "deliver.log")
        worker = start_worker(committed_db, tmp_path / "worker.log")
        try:
            storm.blow(4)
            server.stop()
            storm.blow(6)
            wait_until(lambda: Watch.objects.filter(trouble="DOWN").exists())
            said = read_news(now=clock.now())
            wait_until(lambda: has_all(office), seconds=30)
            server.start(port=server.port)
            storm.blow(6)
            wait_until(lambda: Watch.objects.filter(trouble="").exists())
            wait_until(lambda: has_all(office), seconds=30)
        finally:
            worker.guarded.stop()
            sweeper.stop()

    figures = settle(office, "Redis stopped and started", events=storm.events, kills=1)
    assert said is not None
    assert said.sentence.startswith("The queue is down since ")
    assert read_news(now=clock.now()) is None
    assert figures.duplicated == 0
    assert figures.longest_seconds < 15


def test_mail_server_that_refuses_hangs_and_hangs_up(
    committed_db: CommittedDb, office: PostOffice, by_mail: None
) -> None:
    """What it kept and did not answer for is sent again under the same key."""
    storm = Storm()
    now = clock.now()
    storm.blow(2, now=now)
    office.refuses = True
    assert deliver_due(now=now) == 0
    office.refuses = False
    storm.blow(2, now=now)
    office.is_hanging = True
    with override_settings(EMAIL_TIMEOUT=0.3):
        assert deliver_due(now=now) == 0
    office.is_hanging = False
    storm.blow(2, now=now)
    office.hangs_up = 3

    for _ in range(12):
        deliver_due(now=now)
        if has_all(office):
            break
        now += timedelta(seconds=40)

    figures = settle(office, "SMTP refuses, hangs, hangs up", events=storm.events, kills=0)
    assert figures.duplicated >= 3
    assert max(Delivery.objects.values_list("attempts", flat=True)) < 8


def test_database_restarted_in_a_storm(
    django_db_setup: None,
    django_db_blocker: object,
    office: PostOffice,
    tmp_path: Path,
) -> None:
    """What was committed is sent; sweeper and worker come back by themselves."""
    with django_db_blocker.unblock(), own_postgres() as (server, db):  # type: ignore[attr-defined]
        storm = Storm()
        sweeper = start_sweeper(db, tmp_path / "deliver.log")
        worker = start_worker(db, tmp_path / "worker.log")
        storming = threading.Thread(target=blow_through, args=(storm, 12))
        try:
            storming.start()
            wait_until(lambda: storm.events >= 3)
            server.stop()
            connection.close()
            server.start(port=server.port)
            storming.join(60)
            assert not storming.is_alive()
            wait_until(lambda: has_all(office), seconds=60)
            assert sweeper.is_running()
        finally:
            worker.guarded.stop()
            sweeper.stop()
        settle(office, "PostgreSQL restarted", events=storm.events, kills=1)


def blow_through(storm: Storm, changes: int) -> None:
    """So many changes, in spite of a database that goes away for a while."""
    give_up = time.monotonic() + 50
    try:
        while storm.events < changes and time.monotonic() < give_up:
            try:
                storm.blow()
            except (OperationalError, InterfaceError):
                connection.close()
                time.sleep(0.1)
    finally:
        connection.close()


DYING = """
import os, signal, sys
import django
django.setup()
from cohorts.actions import place_hold
from ntrust.models import Study, User
from ntrust.notifications import planning
planning.nudge = lambda: os.kill(os.getpid(), signal.SIGKILL)
study = Study.objects.get(key=sys.argv[1])
place_hold(study, scope="STUDY", reason="news", by=User.objects.get(username=sys.argv[2]))
"""


def test_web_killed_between_commit_and_nudge(
    committed_db: CommittedDb, office: PostOffice, tmp_path: Path
) -> None:
    """PostgreSQL itself says that something was planned; of two sweepers one sends it. Told to
    stop, they end in order."""
    storm = Storm()
    sweepers = [start_sweeper(committed_db, tmp_path / f"deliver-{n}.log") for n in (1, 2)]
    try:
        wait_until(Watch.objects.exists)
        for trial in storm.trials:
            died = subprocess.run(
                [sys.executable, "-c", DYING, trial.study.key, trial.monitor.username],
                cwd=ROOT,
                env={**os.environ, "DATABASE_URL": committed_db.url},
                check=False,
            )
            assert died.returncode == -signal.SIGKILL
        wait_until(lambda: has_all(office))
    finally:
        ended = [sweeper.stop() for sweeper in sweepers]

    assert ended == [0, 0]
    figures = settle(office, "killed between commit and nudge", events=2, kills=2)
    assert figures.messages == 12
    assert figures.duplicated == 0
    assert figures.longest_seconds < 15


@pytest.fixture
def in_berlin() -> Iterator[None]:
    """This process keeps the time of a place with summer time."""
    # A patch of its own: the test's may be undone only after the settings it was laid over.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def test_clock_jumps_over_summer_time_and_back(
    committed_db: CommittedDb, office: PostOffice, by_mail: None, in_berlin: None
) -> None:
    """Planned before the jump, delivered at once after it: also by a clock an hour behind."""
    storm = Storm()
    end_of_summer_time = datetime(2026, 10, 25, 1, 0, tzinfo=UTC)
    hour = timedelta(hours=1)
    jumps = [-hour, -timedelta(minutes=1), timedelta(0), hour, -hour, 5 * hour]

    for jump in jumps:
        storm.blow(2, now=end_of_summer_time)
        assert deliver_due(now=end_of_summer_time + jump) == 12

    office.arrived_at = [end_of_summer_time.timestamp()] * len(office.messages)
    figures = settle(office, "clock set back and forward an hour", events=storm.events, kills=0)
    assert figures.duplicated == 0


def test_claim_of_a_session_that_has_ended_is_taken_back_soon(
    committed_db: CommittedDb, office: PostOffice, by_mail: None
) -> None:
    """And that of one that lives is not."""
    storm = Storm()
    now = clock.now()
    storm.blow(1, now=now)
    office.is_hanging = True
    sending = threading.Thread(target=send_and_close, args=(now,))
    sending.start()
    wait_until(office.has_caller.is_set)
    claimed = Delivery.objects.get(state="SENDING")

    deliver_due(now=now + 2 * ORPHAN_AFTER, most=0)
    assert Delivery.objects.get(pk=claimed.pk).state == "SENDING"
    office.is_hanging = False
    sending.join(30)

    assert Delivery.objects.get(pk=claimed.pk).state == "SENT"
    assert len(office.messages) == 6


def send_and_close(now: datetime) -> None:
    try:
        deliver_due(now=now)
    finally:
        connection.close()
