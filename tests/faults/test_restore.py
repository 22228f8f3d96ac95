"""A backup that was never restored is none: a dump, and a base backup with the log to a moment.

The commands are those of docs/operations/backup.md, read from it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
import pytest

from local.accounts import Account, server_account
from local.folders import own_folder, private_folder
from local.paths import ROOT
from local.postgres import Postgres, embedded_programs
from ntrust.sealing import seal_history
from safety.actions import raise_query
from safety.management.conduct import Conduct
from tests.everything import build_everything
from tests.faults.alerts import lead_to
from tests.faults.post import wait_until

PAGE: Final = ROOT / "docs" / "operations" / "backup.md"
SUPERUSER: Final = (
    "host all postgres 127.0.0.1/32 trust\nhost replication backup 127.0.0.1/32 trust\n"
)
"""Who may do more than the service: on servers of this test alone."""


def block(name: str) -> str:
    """A block of the page, by the name after its language."""
    found = re.search(rf"^```\w+ {name}\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    assert found, f"{PAGE.name} has no block {name}"
    return found[1]


class Place:
    """A folder for servers, backups and the archive, as the account that runs the servers."""

    def __init__(self, account: Account | None) -> None:
        self.account = account
        self.home = private_folder(account)
        self.programs = embedded_programs(self.home, account)
        self.backups, self.archive = self.home / "backups", self.home / "archive"
        for folder in (self.backups, self.archive):
            own_folder(folder, account)

    def make(self, name: str) -> Postgres:
        """A server that is not started yet."""
        home = self.home / name
        own_folder(home, self.account)
        return Postgres(home, home / "postgres.log", self.account, self.programs)

    def run(self, name: str, server: Postgres, *, user: str = "ntrust") -> None:
        """The commands of a block, against a server."""
        environment = {
            "PATH": f"{self.programs}:/usr/bin:/bin",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGUSER": user,
            "PGPASSWORD": urlsplit(server.url).password or "",
            "PGDATABASE": "ntrust",
            "PGDATA": str(server.data),
            "BACKUPS": str(self.backups),
            "ARCHIVE": str(self.archive),
        }
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", block(name)],
            env=environment,
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
        )
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"


@pytest.fixture
def place() -> Iterator[Place]:
    made = Place(server_account())
    try:
        yield made
    finally:
        shutil.rmtree(made.home, ignore_errors=True)


@contextmanager
def running(server: Postgres) -> Iterator[Postgres]:
    server.start()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def archiving(place: Place) -> Iterator[Postgres]:
    """A server whose log is archived, with a role for base backups."""
    server = place.make("first")
    with running(server):
        pass
    written = block("archive").replace("$ARCHIVE", str(place.archive))
    with (server.data / "postgresql.conf").open("a") as settings:
        settings.write(written)
    with (server.data / "pg_hba.conf").open("a") as rules:
        rules.write(SUPERUSER)
    with running(server):
        as_superuser(server, "CREATE ROLE backup LOGIN REPLICATION")
        yield server


def as_superuser(server: Postgres, *statements: Any) -> list[Any]:
    """Run statements; the rows of the last."""
    with psycopg.connect(
        host="127.0.0.1", port=server.port, user="postgres", dbname="ntrust", autocommit=True
    ) as line:
        for statement in statements:
            cursor = line.execute(statement)
        return cursor.fetchall() if cursor.description else []


def ask(trial: Conduct, text: str) -> None:
    person = trial.study.participants.earliest("id")
    raise_query(person, text=text, by=trial.manager, now=trial.tick())


def asked_of(server: Postgres) -> set[str]:
    with psycopg.connect(server.url) as line:
        return {row[0] for row in line.execute("SELECT text FROM safety_dataqueryentry")}


def verify(server: Postgres) -> dict[str, tuple[int, str]]:
    """Each command of the page's last block: its exit status and all that it said."""
    found = {}
    for command in block("check").splitlines():
        _, *arguments = command.split()
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": server.url},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        found[arguments[1]] = (done.returncode, done.stdout + done.stderr)
    return found


def archive_all(server: Postgres) -> None:
    """Have the log written so far archived."""
    ((name,),) = as_superuser(server, "SELECT pg_walfile_name(pg_switch_wal())")
    wait_until(
        lambda: (
            as_superuser(server, f"SELECT last_archived_wal >= '{name}' FROM pg_stat_archiver")
            == [(True,)]
        )
    )


@pytest.mark.usefixtures("django_db_setup")
def test_dump_and_moment_are_restored_whole(place: Place, django_db_blocker: Any) -> None:
    """What was there at the moment is there, what came after is not, and the record proves it; a
    row altered in the restored copy is found."""
    with archiving(place) as first:
        with django_db_blocker.unblock(), lead_to(first):
            trial = build_everything()
            place.run("base", first, user="backup")
            ask(trial, "before the moment")
            seal_history()
            place.run("dump", first)
            place.run("name", first, user="postgres")
            ask(trial, "after the moment")
            kept = asked_of(first)
        archive_all(first)
    assert {"before the moment", "after the moment"} <= kept

    second = place.make("from-dump")
    with running(second):
        place.run("restore-dump", second)
        assert asked_of(second) == kept - {"after the moment"}
        assert all(status == 0 for status, _ in verify(second).values()), verify(second)

    third = place.make("to-moment")
    shutil.copy2(first.home / "postgres.password", third.home)
    own_folder(third.data, place.account)
    place.run("restore-moment", third)
    with running(third):
        assert asked_of(third) == kept - {"after the moment"}
        assert all(status == 0 for status, _ in verify(third).values()), verify(third)

        as_superuser(
            third,
            "SET session_replication_role = replica",
            "UPDATE ntrust_event SET sentence = 'nothing happened' WHERE id = "
            "(SELECT min(id) FROM ntrust_event)",
        )
        status, said = verify(third)["verify_history"]
        assert status == 1
        assert "ntrust_event" in said
