"""`make up`, whole, in a checkout of its own."""

import json
import os
import smtplib
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

from local.paths import ROOT
from local.up import PREPARATIONS, listen
from tests.local.checkouts import END_SECONDS, Checkout, Run, wait_until
from tests.local.conftest import MakeCheckout
from tests.migrated import put_tables_in

# The demonstration takes its time; only the long run waits for it.
WITHOUT_DEMO = "" if os.environ.get("NTRUST_FULL") else "up.PREPARATIONS = up.PREPARATIONS[:2];"
UP = f"import sys; from local import up; {WITHOUT_DEMO} sys.exit(up.main())"
UP_SECONDS = 300.0


def start_up(checkout: Checkout) -> Run:
    """Run it and wait for the lines that say where everything is."""
    run = checkout.start(UP)
    wait_until(lambda: "Ctrl-C" in run.said() or run.process.poll() is not None, UP_SECONDS)
    assert run.process.poll() is None, run.said()
    return run


def begin_with_tables(checkout: Checkout) -> None:
    """As in a checkout that was up before. Only the long run makes every table from nothing, which
    takes a minute or two; what `make up` then has to do, it does all the same."""
    if os.environ.get("NTRUST_FULL"):
        return
    servers = checkout.start_services()
    put_tables_in(checkout.services["DATABASE_URL"])
    assert servers.end() == 0


def url_of(checkout: Checkout) -> str:
    return str(json.loads((checkout.data / "up.json").read_text())["url"])


def test_up_serves_survives_a_kill_and_stops_in_order(make_checkout: MakeCheckout) -> None:
    checkout = make_checkout(whole=True)
    begin_with_tables(checkout)

    first = start_up(checkout)
    with urllib.request.urlopen(url_of(checkout) + "readyz", timeout=10) as answer:
        assert answer.status == 200
    second = checkout.start(UP)
    assert second.process.wait(20) == 0
    assert f"Already running: {url_of(checkout)}" in second.said()
    send_mail(checkout)
    wait_until(lambda: list((checkout.data / "mail").glob("*.eml")))
    secret = checkout.services["SECRET_KEY"]

    first.kill_9()
    assert len(first.known) >= 15
    again = start_up(checkout)
    assert first.still_there() == []
    assert checkout.services["SECRET_KEY"] == secret

    assert again.end(2) == 0
    assert wait_until(lambda: again.still_there() == [], END_SECONDS) < END_SECONDS
    names = ("web", "worker", "beat", "deliver", "mail", "redis", "postgres")
    places = [again.said().index(f"Stopping {name}") for name in names]
    assert places == sorted(places)


def send_mail(checkout: Checkout) -> None:
    """Send one through the address the service was given."""
    host, port = checkout.services["EMAIL_URL"].removeprefix("smtp://").split(":")
    with smtplib.SMTP(host, int(port), timeout=10) as line:
        line.sendmail("a@example.org", ["b@example.org"], "Subject: hello\n\nworld")


def test_up_loads_the_demo_last() -> None:
    assert [arguments[0] for _, arguments in PREPARATIONS] == [
        "migrate",
        "collectstatic",
        "load_demo",
    ]


def test_listen_passes_over_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]

        found, port = listen(number)
        found.close()

    assert port > number


def test_mail_is_kept_whole_and_not_sent(tmp_path: Path) -> None:
    listener, port = listen(0)
    process = subprocess.Popen(
        [sys.executable, "-m", "local.mail", str(listener.fileno()), str(tmp_path)],
        cwd=ROOT,
        pass_fds=[listener.fileno()],
        stdout=subprocess.DEVNULL,
    )
    try:
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as line:
            line.sendmail("a@example.org", ["b@example.org"], "Subject: Größe\n\nça va".encode())
    finally:
        listener.close()
        process.terminate()
        process.wait(10)

    (kept,) = tmp_path.glob("*.eml")
    assert kept.read_bytes().splitlines()[-1] == "ça va".encode()


def test_make_targets_name_modules_that_exist() -> None:
    wanted = ("up", "test", "test-full", "lint", "clean")
    for target in wanted:
        said = subprocess.run(
            ["make", "--no-print-directory", "-n", target],
            cwd=ROOT,
            env={**os.environ, "MAKEFLAGS": ""},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        module = said.split()[2]
        assert said.startswith("python3 -m local.")
        assert (ROOT / f"{module.replace('.', '/')}.py").is_file()


def test_ci_runs_lint_and_then_the_suite() -> None:
    script = ROOT / ".ci" / "run"

    assert os.access(script, os.X_OK)
    assert subprocess.run(["bash", "-n", script], check=False).returncode == 0
    text = script.read_text()
    assert "set -euo pipefail" in text
    assert text.index("local.lint") < text.index("local.suite")
