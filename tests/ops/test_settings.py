"""A missing or wrong setting stops the program at start-up, with the fix in the message.

Every case is a process of its own, started with nothing but the variables shown.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from ntrust.environment import broker_url, database_settings, email_settings, read_environment
from ntrust.models import User
from ntrust.startup import demo_accounts_problem
from tests.committed import CommittedDb

ROOT = Path(__file__).resolve().parents[2]
SECRET_KEY = "Qm1vG8r_5wXkZ2nT9yLc4bHs7dPf3jAe6uRiKoVtMxWqNzBg-0S"
DATABASE = "postgres://nobody@127.0.0.1:1/nowhere"
REDIS = "redis://127.0.0.1:1/0"
WORKING = {"DATABASE_URL": DATABASE, "REDIS_URL": REDIS}
PRODUCTION = {
    **WORKING,
    "NTRUST_MODE": "production",
    "SECRET_KEY": SECRET_KEY,
    "ALLOWED_HOSTS": "trial.example.org",
    "PUBLIC_URL": "https://trial.example.org/",
    "AUDIT_SEAL_KEY": "f7Wq2zT9kLm4Xv8Rb1Nc6Yd3Hs5Pj0Ga",
}
CHECK = ["manage.py", "check"]
WEB = ["-m", "uvicorn", "ntrust.asgi:application", "--port", "0"]
WORKER = ["-m", "celery", "--app", "ntrust.celery:app", "worker"]
BEAT = ["-m", "celery", "--app", "ntrust.celery:app", "beat", "--schedule", "beat-schedule"]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as freshly cloned: the same files, and no `.data` beside them."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "manage.py", folder)
    for name in ("ntrust", "cohorts", "dosing", "safety"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run(
    checkout: Path, arguments: list[str], variables: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Start Python in the checkout with these variables and no others."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(checkout), **variables}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


BAD = {
    "no database": ({"REDIS_URL": REDIS}, "No database: run `make up` first, or set DATABASE_URL="),
    "no redis": ({"DATABASE_URL": DATABASE}, "No Redis: run `make up` first, or set REDIS_URL="),
    "sqlite": (
        {**WORKING, "DATABASE_URL": "sqlite:///x.db"},
        "only PostgreSQL works: set DATABASE",
    ),
    "no name": ({**WORKING, "DATABASE_URL": "postgres://db:5432/"}, "names no database: add it"),
    "bad port": ({**WORKING, "DATABASE_URL": "postgres://db:x/n"}, "write it as postgres://user"),
    "bad redis": ({**WORKING, "REDIS_URL": "localhost"}, "write it as redis://host:6379/0"),
    "bad mode": ({**WORKING, "NTRUST_MODE": "prod"}, "set it to development, training or produc"),
    "bad flag": ({**WORKING, "DEBUG": "maybe"}, "DEBUG is 'maybe': set it to 1 or 0"),
    "bad number": ({**WORKING, "NTRUST_DB_POOL_SIZE": "-1"}, "set it to a whole number"),
    "bad level": ({**WORKING, "LOG_LEVEL": "LOUD"}, "set it to DEBUG, INFO, WARNING or ERROR"),
    "bad service": (
        {**WORKING, "CHAT_SERVICES": "slack, json"},
        "CHAT_SERVICES names 'json': choose from discord,",
    ),
    "bad mail": ({**WORKING, "EMAIL_URL": "mail.example.org"}, "write it as smtp://"),
    "production, debug": ({**PRODUCTION, "DEBUG": "1"}, "unset DEBUG, or set DEBUG=0"),
    "production, no key": ({**PRODUCTION, "SECRET_KEY": ""}, "refuses the default SECRET_KEY: set"),
    "production, short": ({**PRODUCTION, "SECRET_KEY": "a1b2c3d4"}, "set one of 50 characters"),
    "production, dull": ({**PRODUCTION, "SECRET_KEY": "ab" * 40}, "set one of 50 characters"),
    "production, hosts": ({**PRODUCTION, "ALLOWED_HOSTS": ""}, "set ALLOWED_HOSTS=trial.example"),
    "production, any": ({**PRODUCTION, "ALLOWED_HOSTS": "*"}, "set ALLOWED_HOSTS=trial.example"),
    "production, nowhere": (
        {**PRODUCTION, "PUBLIC_URL": ""},
        "PUBLIC_URL is '': set it to the address under which people open the service, as in PUBLIC",
    ),
    "production, no TLS": (
        {**PRODUCTION, "PUBLIC_URL": "http://trial.example.org"},
        "PUBLIC_URL is 'http://trial.example.org': set it",
    ),
    "production, no seal": (
        {**PRODUCTION, "AUDIT_SEAL_KEY": ""},
        "Production needs AUDIT_SEAL_KEY",
    ),
    "production, one key": ({**PRODUCTION, "AUDIT_SEAL_KEY": SECRET_KEY}, "a key of its own"),
    "production, short seal": ({**PRODUCTION, "AUDIT_SEAL_KEY": "a1b2c3d4"}, "set one of 32"),
    "seal's file": ({**WORKING, "AUDIT_SEAL_KEY_FILE": "/nowhere"}, "that this service may read"),
    "two seal keys": (
        {**WORKING, "AUDIT_SEAL_KEY": "a", "AUDIT_SEAL_KEY_FILE": "/nowhere"},
        "AUDIT_SEAL_KEY or AUDIT_SEAL_KEY_FILE, not both",
    ),
    "short token": (
        {**WORKING, "METRICS_TOKEN": "a1b2c3d4"},
        "METRICS_TOKEN is short: set one of 32",
    ),
    "production, sqlite": ({**PRODUCTION, "DATABASE_URL": "sqlite://x"}, "only PostgreSQL works"),
    "production, no database": ({**PRODUCTION, "DATABASE_URL": ""}, "or set DATABASE_URL=postgres"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_setting_stops_with_the_fix_in_one_line(case: str, checkout: Path) -> None:
    variables, fix = BAD[case]

    answer = run(checkout, CHECK, variables)

    assert answer.returncode == 1
    assert fix in answer.stderr
    assert answer.stderr.startswith("manage.py: ")
    assert len(answer.stderr.splitlines()) == 1


@pytest.mark.parametrize("program", [WEB, WORKER, BEAT], ids=["web", "worker", "beat"])
def test_bad_setting_stops_every_process_in_one_line(program: list[str], checkout: Path) -> None:
    answer = run(checkout, program, {"REDIS_URL": REDIS})

    assert answer.returncode == 1
    assert answer.stderr.splitlines()[-1].startswith("ntrust: No database: run `make up` first")
    assert "Traceback" not in answer.stderr


@pytest.mark.parametrize("variables", [WORKING, PRODUCTION], ids=["development", "production"])
def test_good_settings_pass_the_check(variables: dict[str, str], checkout: Path) -> None:
    answer = run(checkout, CHECK, variables)

    assert answer.returncode == 0, answer.stderr


def test_services_file_stands_in_for_variables_that_are_not_set(tmp_path: Path) -> None:
    services = tmp_path / "services.env"
    services.write_text(
        f"# made\nDATABASE_URL={DATABASE}\nREDIS_URL={REDIS}\nNTRUST_MODE=training\n"
    )

    read = read_environment({"REDIS_URL": "redis://elsewhere:6379/2"}, services)

    assert (read.mode, read.debug) == ("training", False)
    assert read.public_url == "http://127.0.0.1:8000"
    assert read.database["NAME"] == "nowhere"
    assert read.redis_url == "redis://elsewhere:6379/2"


def test_services_file_does_not_count_in_production(tmp_path: Path) -> None:
    services = tmp_path / "services.env"
    services.write_text(f"DATABASE_URL={DATABASE}\nREDIS_URL={REDIS}\n")
    variables = {**PRODUCTION, "DATABASE_URL": ""}

    with pytest.raises(ImproperlyConfigured, match="No database"):
        read_environment(variables, services)


def test_database_url_is_taken_apart() -> None:
    read = database_settings("postgresql://an%40a:p%2Fw@db:5433/tri%20al?sslmode=require")

    assert {key: read[key] for key in ("USER", "PASSWORD", "HOST", "PORT", "NAME")} == {
        "USER": "an@a",
        "PASSWORD": "p/w",
        "HOST": "db",
        "PORT": "5433",
        "NAME": "tri al",
    }
    assert read["OPTIONS"] == {"sslmode": "require"}
    assert (read["CONN_MAX_AGE"], read["ATOMIC_REQUESTS"]) == (60, False)


@pytest.mark.parametrize(
    "url",
    ["postgres://u@%2Frun%2FPg:5433/n", "postgres://u@/n?host=/run/Pg&port=5433"],
)
def test_database_url_may_name_a_socket_folder(url: str) -> None:
    read = database_settings(url)

    assert (read["HOST"], read["PORT"], read["NAME"]) == ("/run/Pg", "5433", "n")


def test_pool_replaces_kept_connections() -> None:
    read = database_settings(DATABASE, pool_size=8)

    assert read["OPTIONS"]["pool"]["max_size"] == 8
    assert read["CONN_MAX_AGE"] == 0


def test_broker_url_spells_a_socket_as_celery_does() -> None:
    assert (
        broker_url("unix:///run/redis.sock?db=2") == "redis+socket:///run/redis.sock?virtual_host=2"
    )
    assert broker_url(REDIS) == REDIS


def test_email_url_is_taken_apart() -> None:
    read = email_settings("smtp://ana:p%40w@mail.example.org:587/?tls=1")

    assert read["EMAIL_HOST"] == "mail.example.org"
    assert (read["EMAIL_PORT"], read["EMAIL_USE_TLS"]) == (587, True)
    assert (read["EMAIL_HOST_USER"], read["EMAIL_HOST_PASSWORD"]) == ("ana", "p@w")


def test_pure_command_needs_no_environment_and_is_quick(checkout: Path) -> None:
    command = ["manage.py", "threeplusthree", "decide", "--doses", "3", "1NNN"]
    run(checkout, command, {})

    began = time.perf_counter()
    answer = run(checkout, command, {})
    seconds = time.perf_counter() - began

    assert answer.returncode == 0, answer.stderr
    assert '"verdict"' in answer.stdout
    assert seconds < 3.0  # 0.3 s on an idle machine; this one may be busy


def production_at(database: CommittedDb) -> dict[str, str]:
    """Good production settings over the test's own database."""
    return {**PRODUCTION, "DATABASE_URL": database.url, "REDIS_URL": os.environ["REDIS_URL"]}


@pytest.mark.parametrize(
    ("program", "starts_with"),
    [
        (WEB, "ntrust: Production refuses demo accounts (demo-ana): set DATABASE_URL"),
        (WORKER, "ntrust: Production refuses demo accounts (demo-ana): set DATABASE_URL"),
        (BEAT, "ntrust: Production refuses demo accounts (demo-ana): set DATABASE_URL"),
        (["manage.py", "check", "--deploy"], "\t(ntrust.E001)"),
        (["manage.py", "check", "--database", "default"], "\t(ntrust.E001)"),
    ],
    ids=["web", "worker", "beat", "check --deploy", "check --database"],
)
def test_production_refuses_demo_accounts(
    program: list[str], starts_with: str, checkout: Path, committed_db: CommittedDb
) -> None:
    User.objects.create_user("demo-ana", is_demo=True)

    answer = run(checkout, program, production_at(committed_db))

    assert answer.returncode == 1
    sentence = starts_with if starts_with.startswith("ntrust") else "Production refuses demo accou"
    assert sentence in answer.stderr
    assert "Traceback" not in answer.stderr


def test_check_before_a_deployment_finds_nothing(checkout: Path, committed_db: CommittedDb) -> None:
    check = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]

    answer = run(checkout, check, production_at(committed_db))

    assert answer.returncode == 0, answer.stderr
    assert "no issues" in answer.stdout


@pytest.mark.parametrize("program", [WEB, WORKER, BEAT], ids=["web", "worker", "beat"])
def test_production_does_not_start_when_nobody_can_look(program: list[str], checkout: Path) -> None:
    answer = run(checkout, program, {**PRODUCTION, "REDIS_URL": os.environ["REDIS_URL"]})

    assert answer.returncode == 1
    assert "Production could not look for demo accounts (OperationalError)" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_demo_accounts_are_named_and_counted(committed_db: CommittedDb) -> None:
    assert demo_accounts_problem() == ""

    for name in ("d", "c", "b", "a"):
        User.objects.create_user(name, is_demo=True)

    assert demo_accounts_problem().startswith("Production refuses demo accounts (a, b, c and ot")


def test_settings_hold_for_the_running_service(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SHOW timezone")

        assert cursor.fetchone() == ("UTC",)
    assert connection.vendor == "postgresql"
    assert psycopg.version.__version__.startswith("3.")
