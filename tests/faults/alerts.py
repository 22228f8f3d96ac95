"""Alerts under faults: the storm, the parts that are killed, and what is asked of the end.

Each test writes one line of figures; with NTRUST_FIGURES they are added to that file too, from
which `python -m bench faults` makes the table in docs/validation/alerts.md.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from celery import current_app
from django.conf import settings
from django.db import connection, connections

from cohorts.actions import place_hold
from cohorts.models import Hold
from local.accounts import server_account
from local.folders import private_folder
from local.guarded import Guarded, Stopping, start_guarded
from local.paths import ROOT
from local.postgres import Postgres, embedded_programs
from local.redis import Redis, embedded_program
from ntrust import clock
from ntrust.models import Delivery
from safety.management.conduct import Conduct
from tests.committed import CommittedDb, close_connections, database_url
from tests.factories import EVERYBODY, NOTIFICATIONS, PASSWORD, make_trial
from tests.faults.post import PostOffice
from tests.lifting import lift_hold

TOLD = {**NOTIFICATIONS, "HOLD_LIFTED": {"roles": EVERYBODY, "urgent": True}}


@dataclass
class Storm:
    """Holds placed and lifted, in two studies by turns; each change is told to six, urgently."""

    trials: list[Conduct] = field(
        default_factory=lambda: [
            make_trial(key=f"storm-{n}", sites=2, conduct={"notifications": TOLD}) for n in (1, 2)
        ]
    )
    events: int = 0

    def __post_init__(self) -> None:
        self.turns = cycle(self.trials)

    def blow(self, changes: int = 1, *, now: datetime | None = None) -> None:
        """So many changes, one after the other."""
        for _ in range(changes):
            self.change(next(self.turns), now or clock.now())

    def change(self, trial: Conduct, now: datetime) -> None:
        """Lift the study's hold, or place one."""
        held = Hold.objects.filter(study=trial.study, state="PLACED").first()
        if held is None:
            place_hold(trial.study, scope="STUDY", reason="news", by=trial.monitor, now=now)
        else:
            lift_hold(held, by=trial.monitor, password=PASSWORD, reason="read", now=now)
        self.events += 1


@dataclass(frozen=True)
class Figures:
    """What one fault did."""

    fault: str
    events: int
    messages: int
    kills: int
    lost: int
    duplicated: int
    longest_seconds: float


def settle(office: PostOffice, fault: str, *, events: int, kills: int) -> Figures:
    """What became of every urgent message; as it was told, and for the table.

    Asserts that none was lost, that all are marked as sent, and that each person heard of each
    study's holds in the order in which they happened.
    """
    rows = {str(row.key): row for row in Delivery.objects.filter(is_urgent=True)}
    first: dict[str, float] = {}
    for key, at in zip(office.keys, office.arrived_at, strict=True):
        first.setdefault(key, at)
    figures = Figures(
        fault,
        events=events,
        messages=len(rows),
        kills=kills,
        lost=len(rows.keys() - first.keys()),
        duplicated=sum(times - 1 for times in Counter(office.keys).values()),
        longest_seconds=round(
            max(at - rows[key].planned_at.timestamp() for key, at in first.items()), 1
        ),
    )
    print(json.dumps(asdict(figures)))
    if os.environ.get("NTRUST_FIGURES"):
        with Path(os.environ["NTRUST_FIGURES"]).open("a") as file:
            file.write(json.dumps(asdict(figures)) + "\n")
    assert rows, "nothing was planned"
    assert figures.lost == 0
    assert set(first) == set(rows), "only what was planned has come"
    assert {row.state for row in rows.values()} == {"SENT"}
    lanes: dict[str, list[int]] = defaultdict(list)
    for key in first:
        lanes[rows[key].lane].append(rows[key].pk)
    assert "" not in lanes
    assert all(numbers == sorted(numbers) for numbers in lanes.values()), lanes
    return figures


def has_all(office: PostOffice) -> bool:
    """Whether everything that was planned has come, and is marked."""
    keys = {str(key) for key in Delivery.objects.values_list("key", flat=True)}
    is_marked = not Delivery.objects.exclude(state="SENT").exists()
    return is_marked and keys <= set(office.keys)


def start_sweeper(db: CommittedDb, log_file: Path) -> Guarded:
    """`manage.py deliver` as a process of its own."""
    with log_file.open("ab") as output:
        return start_guarded(
            "deliver",
            [sys.executable, "manage.py", "deliver"],
            output=output,
            stopping=Stopping("TERM", "QUIT", 6.0),
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": db.url},
        )


@contextmanager
def own_redis(patch: pytest.MonkeyPatch) -> Iterator[Redis]:
    """A Redis of this test's own, which everything it starts uses."""
    account = server_account()
    home = private_folder(account)
    server = Redis(home, home / "redis.log", account, embedded_program(home, account))
    server.start()
    try:
        use_redis(patch, server.url)
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def use_redis(patch: pytest.MonkeyPatch, url: str) -> None:
    """Have this process and those it starts use another Redis."""
    patch.setattr(current_app.conf, "broker_url", url)
    patch.setattr(settings, "REDIS_URL", url)
    patch.setenv("REDIS_URL", url)


@contextmanager
def own_postgres() -> Iterator[tuple[Postgres, CommittedDb]]:
    """A PostgreSQL of this test's own with a copy of the test database; the default connection
    leads there."""
    account = server_account()
    home = private_folder(account)
    programs = embedded_programs(home, account)
    server = Postgres(home, home / "postgres.log", account, programs, durable=False)
    server.start()
    try:
        with lead_to(server) as db:
            yield server, db
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def lead_to(server: Postgres) -> Iterator[CommittedDb]:
    """Copy the test database into a server's empty one, and lead the default connection there."""
    here = connections.settings["default"]
    kept: dict[str, Any] = dict(here)
    try:
        dump = subprocess.run(
            [server.programs / "pg_dump", "--no-owner", "--dbname", database_url(kept)],
            check=True,
            capture_output=True,
        ).stdout
        psql = [server.programs / "psql", "--no-psqlrc", "--quiet", "--output", os.devnull]
        subprocess.run([*psql, "--dbname", server.url], input=dump, check=True)
        close_connections()
        password = server.url.split(":")[2].partition("@")[0]
        here.update(
            HOST="127.0.0.1",
            PORT=str(server.port),
            USER="ntrust",
            PASSWORD=password,
            NAME="ntrust",
            CONN_MAX_AGE=0,
        )
        yield CommittedDb("ntrust", database_url(here))
    finally:
        close_connections()
        here.update(kept)
        connection.close()
