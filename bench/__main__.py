"""`make bench`: every measurement of speed; `python -m bench live` is one of them.

The engine needs no server, the faults start their own. Each of the others runs on a database of
its own and on a Redis, which are removed at the end; on DATABASE_URL and REDIS_URL where these are
set, in a new database there.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from local.paths import ROOT
from tests.migrated import migrated_template
from tests.servers import prepare_environment, start_postgres

NAMES = ("engine", "seals", "packets", "live", "floor", "mail", "faults")
WITH_NO_DATABASE = ("engine", "faults")
DURABLE = ("floor",)
prepare = cache(prepare_environment)


def main(wanted: list[str]) -> int:
    """Run the measurements; 1 when one misses its target, 2 when there is no such one."""
    names = wanted or list(NAMES)
    if not set(names) <= set(NAMES):
        print(f"There are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    return max([_run(name) for name in names])


def _run(name: str) -> int:
    print(f"\n== {name} ==", flush=True)
    command = [sys.executable, "-m", f"bench.{name}"]
    durable = name in DURABLE
    with nullcontext() if name in WITH_NO_DATABASE else database(durable=durable):
        return 1 if subprocess.run(command, cwd=ROOT, check=False).returncode else 0


@contextmanager
def database(*, durable: bool) -> Iterator[None]:
    """A migrated database of its own, named by DATABASE_URL while it lasts; where the server is
    ours, one that keeps on the disk what it commits, if `durable`."""
    prepare()
    before = os.environ["DATABASE_URL"]
    if durable and "NTRUST_TEST_PROGRAMS" in os.environ:
        os.environ["DATABASE_URL"] = start_postgres(durable=True)
    template = migrated_template()
    parts = urlsplit(os.environ["DATABASE_URL"])
    name = sql.Identifier(f"ntrust_bench_{os.getpid()}")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as line:
        source = (
            sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        )
        line.execute(sql.SQL("CREATE DATABASE {}").format(name) + source)
    server = os.environ["DATABASE_URL"]
    os.environ["DATABASE_URL"] = urlunsplit(parts._replace(path=f"/ntrust_bench_{os.getpid()}"))
    try:
        if not template:
            migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
            subprocess.run(migrate, cwd=ROOT, check=True)
        yield
    finally:
        os.environ["DATABASE_URL"] = before
        with psycopg.connect(server, autocommit=True) as line:
            line.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
