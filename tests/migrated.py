"""The migrated database that test databases are copied from, kept as a dump from run to run.

Applying the migrations takes many seconds, nearly all of it spent on Django's model states, in each
worker of each run. So it is done once: the dump is named after everything that could change it.
Django applies what is missing on top, so that a stale dump could not hide a migration.
Only for servers the run has started itself; on any other DATABASE_URL nothing is left behind.
"""

import fcntl
import hashlib
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


def fill_template(line: psycopg.Connection, programs: Path) -> None:
    """Create it from the dump, or by applying the migrations, and then keep the dump."""
    dump = CACHE / f"{fingerprint(line.info.server_version)}.sql"
    unfinished, url = f"{TEMPLATE}_new", f"{os.environ['DATABASE_URL'].rpartition('/')[0]}/"
    line.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(unfinished)))
    line.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(unfinished)))
    url += unfinished
    if dump.exists():
        psql = [programs / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--output"]
        run([*psql, os.devnull, "--file", dump, "--dbname", url])
    else:
        migrate = [sys.executable, ROOT / "manage.py", "migrate", "--verbosity", "0"]
        run(migrate, DATABASE_URL=url)
        fresh = dump.with_suffix(f".{os.getpid()}")
        run([programs / "pg_dump", "--no-owner", "--file", fresh, "--dbname", url])
        for outdated in sorted(CACHE.glob("*.sql"), key=os.path.getmtime)[:-KEPT_DUMPS]:
            outdated.unlink()
        fresh.replace(dump)
    names = map(sql.Identifier, (unfinished, TEMPLATE))
    line.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(*names))


def fingerprint(server_version: int) -> str:
    """Changes with the migrations, the packages, the settings and the server."""
    files = [ROOT / "requirements.txt", ROOT / "ntrust" / "settings.py"]
    files += sorted(ROOT.glob("*/migrations/*.py"))
    digest = hashlib.sha256(str(server_version).encode())
    for file in files:
        digest.update(f"{file.relative_to(ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:24]


def run(command: list[object], **env: str) -> None:
    """Run a program to its end; what it says is the error."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{Path(words[0]).name} {words[1]} failed:\n{done.stdout}{done.stderr}")
