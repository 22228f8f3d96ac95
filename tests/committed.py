"""Tests that need real commits: several connections, threads, processes.

The usual way, emptying the tables afterwards, is closed: the database refuses to delete history.
So such a test gets a copy of the migrated test database, and the copy is dropped.
"""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import psycopg
import pytest
from django.db import connections
from django.test.utils import setup_databases, teardown_databases
from psycopg import sql
from pytest_django import DjangoDbBlocker

COPY: Final = "CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY"
"""A third of the time of PostgreSQL's own choice, on a server that waits for no disk."""
_numbers = itertools.count(1)


@dataclass(frozen=True)
class CommittedDb:
    """The copy a test works on."""

    name: str
    url: str


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The test database, also in a run without one test that carries the mark.

    pytest-django makes it only when a test of the run bears its mark; without it a copy would be
    taken of whatever database the environment names.
    """
    configured = connections.settings["default"]
    if configured["NAME"] == configured["TEST"]["NAME"]:
        yield
        return
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, aliases={"default"})
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture
def committed_db(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[CommittedDb]:
    """A database of the test's own, freshly migrated; every thread's connection leads to it.

    Not together with the mark ``django_db``: nothing is rolled back here.
    """
    with django_db_blocker.unblock(), cloned_database() as clone:
        yield clone


@contextmanager
def cloned_database(template: str = "") -> Iterator[CommittedDb]:
    """Copy the test database, or another one, lead the default connection to the copy, drop it at
    the end."""
    if connections["default"].in_atomic_block:
        raise RuntimeError("A transaction is open: of a wider fixture of this module?")
    settings = connections.settings["default"]
    kept = dict(settings)
    name = f"{kept['NAME'][:50]}_c{next(_numbers)}"
    close_connections()
    administer(kept, COPY, name, template or kept["NAME"])
    settings.update(NAME=name, CONN_MAX_AGE=0)
    try:
        yield CommittedDb(name, database_url(settings))
    finally:
        close_connections()
        settings.update(NAME=kept["NAME"], CONN_MAX_AGE=kept["CONN_MAX_AGE"])
        drop_database(kept, name)


def drop_database(settings: dict[str, object], name: str) -> None:
    """With whoever is in it. PostgreSQL's own autovacuum is not ours to end: a plain drop does."""
    try:
        administer(settings, "DROP DATABASE {} WITH (FORCE)", name)
    except psycopg.errors.InsufficientPrivilege:
        administer(settings, "DROP DATABASE {}", name)


def close_connections() -> None:
    """Close this thread's connection, and the pool of all threads where there is one."""
    connection = connections["default"]
    connection.close()
    connection.close_pool()


def administer(settings: dict[str, object], statement: str, *names: str) -> None:
    """Run a statement on databases, from outside them."""
    with psycopg.connect(
        host=settings["HOST"],
        port=settings["PORT"] or None,
        user=settings["USER"],
        password=settings["PASSWORD"],
        dbname="postgres",
        autocommit=True,
    ) as line:
        line.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


def database_url(settings: dict[str, object]) -> str:
    """DATABASE_URL for another process that works on the same database."""
    user, password, host, name = (
        quote(str(settings[key]), safe="") for key in ("USER", "PASSWORD", "HOST", "NAME")
    )
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    return f"postgres://{user}:{password}@{host}{port}/{name}"


def name_test_database(template: str | None) -> None:
    """Give the run's test database a name no other run uses, and say what it is a copy of."""
    settings = connections.settings["default"]
    run = os.environ["NTRUST_TEST_RUN"]
    settings["TEST"]["NAME"] = f"test_{settings['NAME']}_{run}"
    settings["TEST"]["TEMPLATE"] = template
