"""The migrated database that test databases are copied from, kept as a dump from run to run.

Applying the migrations takes many seconds, nearly all of it spent on Django's model states, in each
worker of each run. So it is done once: the dump is named after everything that could change it.
Without that dump, migrating begins at the fullest one whose migrations are all still the same.
Django applies what is missing on top, so that a stale dump could not hide a migration.
Only for servers the run has started itself; on any other DATABASE_URL nothing is left behind.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
from psycopg import sql

from local.paths import DATA, ROOT, make_data_folder

TEMPLATE = "ntrust_migrated"
CACHE = DATA / "test-database"
KEPT_DUMPS = 5


def migrated_template() -> str | None:
    """The name of the migrated database on the run's own server; None on anybody else's."""
    programs = os.environ.get("NTRUST_TEST_PROGRAMS")
    if not programs:
        return None
    make_data_folder()
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as line:
            asked = "SELECT 1 FROM pg_database WHERE datname = %s"
            if not line.execute(asked, [TEMPLATE]).fetchone():
                fill_template(line, Path(programs))
    return TEMPLATE


def put_tables_in(url: str) -> None:
    """Fill the empty database of any server from the kept dump; nothing when none was kept."""
    programs = os.environ.get("NTRUST_TEST_PROGRAMS")
    with psycopg.connect(url) as line:
        dump = CACHE / f"{hash_of(what_could_change_it(line.info.server_version))}.sql"
    if programs and dump.exists():
        load(dump, url, Path(programs))


def load(dump: Path, url: str, programs: Path) -> None:
    psql = [programs / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output"]
    run([*psql, os.devnull, "--file", dump, "--dbname", url])


def fill_template(line: psycopg.Connection, programs: Path) -> None:
    """Create it from the dump, or by applying the migrations, and then keep the dump."""
    files = what_could_change_it(line.info.server_version)
    dump = CACHE / f"{hash_of(files)}.sql"
    base = dump if dump.exists() else fullest_base(files)
    unfinished, url = f"{TEMPLATE}_new", f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/"
    line.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(unfinished)))
    line.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
    url += unfinished
    if base is not None:
        load(base, url, programs)
    if base != dump:
        migrate = [sys.executable, ROOT / "manage.py", "migrate", "--verbosity", "0"]
        run(migrate, DATABASE_URL=url)
        fresh = dump.with_suffix(f".{os.getpid()}")
        run([programs / "pg_dump", "--no-owner", "--file", fresh, "--dbname", url])
        for outdated in sorted(CACHE.glob("*.sql"), key=os.path.getmtime)[:-KEPT_DUMPS]:
            outdated.unlink()
            contents_of(outdated).unlink(missing_ok=True)
        fresh.replace(dump)
        contents_of(dump).write_text(json.dumps(files, indent=1))
    names = map(sql.Identifier, (unfinished, TEMPLATE))
    line.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))


def fullest_base(files: dict[str, str]) -> Path | None:
    """The dump with most migrations, all of which are in `files` unchanged."""
    found = {
        dump: json.loads(contents_of(dump).read_text())
        for dump in CACHE.glob("*.sql")
        if contents_of(dump).exists()
    }
    fitting = {dump: held for dump, held in found.items() if held.items() <= files.items()}
    return max(fitting, key=lambda dump: len(fitting[dump]), default=None)


def contents_of(dump: Path) -> Path:
    """Where it is written what a dump was made of."""
    return dump.with_suffix(".json")


def what_could_change_it(server_version: int) -> dict[str, str]:
    """Server, packages and migrations, each with its version or hash."""
    files = [ROOT / "requirements.txt", *sorted(ROOT.glob("*/migrations/*.py"))]
    return {"server": str(server_version)} | {
        str(file.relative_to(ROOT)): hashlib.sha256(file.read_bytes()).hexdigest()[:24]
        for file in files
    }


def hash_of(files: dict[str, str]) -> str:
    return hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:24]


def run(command: list[object], **env: str) -> None:
    """Run a program to its end; what it says is the error."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{Path(words[0]).name} {words[1]} failed:\n{done.stdout}{done.stderr}")
