"""Gives the test run a real PostgreSQL and a real Redis before Django's settings are read.

DATABASE_URL and REDIS_URL are used when they are set (any role that may create databases will do).
Otherwise the run starts servers of its own in temporary folders, which are removed at its end,
also after Ctrl-C or a kill. NTRUST_POSTGRES_BIN names another PostgreSQL's folder of programs.
"""

import atexit
import os
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings

from local.accounts import server_account
from local.folders import private_folder
from local.postgres import Postgres, embedded_programs
from local.redis import Redis, embedded_program

SETTINGS = "DJANGO_SETTINGS_MODULE"
TEST_ENVIRONMENT = {
    "NTRUST_MODE": "development",
    "SECRET_KEY": "the-test-run-signs-with-this-and-protects-nothing-by-it",
}


def prepare_environment() -> None:
    """Export what the settings read: in the run's first process, and again in each xdist worker."""
    if settings.configured:
        raise RuntimeError("The settings were read already: they name another run's servers.")
    os.environ[SETTINGS] = "ntrust.settings"
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:
        os.environ["REDIS_URL"] = redis_of_worker(os.environ["REDIS_URL"], worker)
        return
    os.environ.update(TEST_ENVIRONMENT)
    os.environ["NTRUST_TEST_RUN"] = str(os.getpid())
    os.environ.pop("NTRUST_TEST_PROGRAMS", None)
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = start_postgres()
    if not os.environ.get("REDIS_URL"):
        os.environ["REDIS_URL"] = start_redis()


def hide_settings() -> None:
    """Leave it to each xdist worker to name the settings, once it has a Redis database of its own.

    Where they are named already pytest-django reads them before the first conftest.py is.
    """
    del os.environ[SETTINGS]


def start_postgres(*, durable: bool = False) -> str:
    """Start a PostgreSQL that lives as long as this process; answers its address."""
    account = server_account()
    home = private_folder(account)
    chosen = os.environ.get("NTRUST_POSTGRES_BIN")
    programs = Path(chosen) if chosen else embedded_programs(home, account)
    server = Postgres(
        home, home / "postgres.log", account, programs, durable=durable, throw_away=True
    )
    server.start()
    atexit.register(server.stop)
    os.environ["NTRUST_TEST_PROGRAMS"] = str(programs)
    return server.url


def start_redis() -> str:
    """Start a Redis that lives as long as this process; answers its address."""
    account = server_account()
    home = private_folder(account)
    program = embedded_program(home, account)
    server = Redis(home, home / "redis.log", account, program, durable=False, throw_away=True)
    server.start()
    atexit.register(server.stop)
    return server.url


def redis_of_worker(url: str, worker: str) -> str:
    """The address of an xdist worker's own database: gw0 takes the one after the run's."""
    parts = urlsplit(url)
    number = int(parts.path.lstrip("/") or 0) + 1 + int(worker.removeprefix("gw"))
    return urlunsplit(parts._replace(path=f"/{number}"))
