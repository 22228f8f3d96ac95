"""The demo, loaded once a run and copied for each test that wants it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from datetime import timedelta

import psycopg
import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from local.paths import DATA
from ntrust import clock
from safety.management.demo import load_ntrust_1
from tests.committed import COPY, CommittedDb, administer, cloned_database, close_connections
from tests.live import served

LOADED = "ntrust_demo_loaded"


@pytest.fixture
def demo_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[CommittedDb]:
    """A database of the test's own with the demo in it, loaded as if an hour before."""
    with django_db_blocker.unblock():
        if os.environ.get("NTRUST_TEST_PROGRAMS"):
            load_once()
            with cloned_database(LOADED) as clone:
                yield clone
        else:  # on a server that stays, nothing is left behind
            with cloned_database() as clone:
                load()
                yield clone


@pytest.fixture
def demo_url(demo_db: CommittedDb) -> Iterator[str]:
    """The service with the demo, on a port of the loopback."""
    with served() as url:
        yield url


def load_once() -> None:
    """Make the database that is copied; the first worker that asks does."""
    settings = dict(connections.settings["default"])
    with (
        (DATA / "demo.lock").open("a") as lock,
        psycopg.connect(os.environ["DATABASE_URL"]) as line,
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        asked = "SELECT 1 FROM pg_database WHERE datname = %s"
        if line.execute(asked, [LOADED]).fetchone():
            return
        with cloned_database() as clone:
            load()
            close_connections()
            administer(settings, COPY, LOADED, clone.name)


def load() -> None:
    load_ntrust_1(now=clock.now() - timedelta(hours=1))
