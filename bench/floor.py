"""What the service adds to its own SQL: `python -m bench floor`.

A DLT is reported through HTTP, again and again, and the SQL of the same reports is sent by psycopg
alone, each report in one transaction, to a copy of the same database on the same server, which
keeps on the disk what it commits. First by one client in turn with the other, round by round; then
by eight clients on three studies, against the same number of reports on one line a study, each on a
copy of its own: a study's changes come one after another in both.
"""

from __future__ import annotations

import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from http.client import HTTPConnection
from itertools import chain
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from psycopg import sql

os.environ["NTRUST_DB_POOL_SIZE"] = "0"  # of this process, which changes its database
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ntrust.settings")
django.setup()

from django.db import connection, connections  # noqa: E402
from django.db.backends.utils import CursorWrapper  # noqa: E402
from django.test import Client  # noqa: E402

from bench.live import wait_for  # noqa: E402
from local.guarded import free_port, start_guarded  # noqa: E402
from local.paths import ROOT  # noqa: E402
from ntrust import clock  # noqa: E402
from ntrust.actions import make_token  # noqa: E402
from ntrust.states import TokenScope  # noqa: E402
from tests import factories  # noqa: E402
from tests.factories import make_trial, open_level, seat, treat  # noqa: E402

STUDIES = ("one", "two", "three")
ROUNDS, A_ROUND, CLIENTS, EACH = 5, 12, 8, 15
LATENCY_TARGET, THROUGHPUT_TARGET = 6.0, 0.1
CONTROL = re.compile(r"(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE SAVEPOINT)\b")
Report = list[str]
"""The statements of one report."""


@dataclass(frozen=True)
class Site:
    """Who reports on whom, in one study."""

    study: str
    token: str
    people: tuple[str, ...]

    def asked(self, number: int) -> tuple[str, dict[str, str], str]:
        """The address, the headers and the body of one report; each of another event."""
        now = clock.now().isoformat()
        body = {
            "term": f"Event {number}", "onset_at": now, "aware_at": now, "grade": 4,
            "grading_system": "CTCAE v5.0", "causality": "POSSIBLE", "is_serious": "yes",
            "criterion": "NOW",
        }  # fmt: skip
        person = self.people[number % len(self.people)]
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Idempotency-Key": str(uuid.uuid4()),
            "Content-Type": "application/json",
        }
        address = f"/api/v1/studies/{self.study}/participants/{person}/event/"
        return address, headers, json.dumps(body)


def main() -> int:
    """Print the tables and the JSON; status 1 when a target is missed."""
    sites = [set_up(key) for key in STUDIES]
    connections.close_all()
    singles, many = ROUNDS * A_ROUND, CLIENTS * EACH // len(STUDIES)
    names = [f"captured_{key}" for key in STUDIES] + [f"floor_{key}" for key in STUDIES]
    with copies([*names, "http"]) as urls:
        wanted = [singles + many, many, many]
        reports = [
            capture(site, urls[f"captured_{site.study}"], count=count)
            for site, count in zip(sites, wanted, strict=True)
        ]
        floors = [urls[f"floor_{key}"] for key in STUDIES]
        with serving(urls["http"]) as port:
            ours, floor = one_client(sites[0], reports[0][:singles], port, floors[0])
            ours_rate = eight_clients(sites, port)
        rest = [reports[0][singles:], *reports[1:]]
        floor_rate = three_lines(rest, floors)
    first = reports[0][len(sites[0].people) - 1]  # of somebody of whom nothing was reported yet
    return tell(ours, floor, ours_rate, floor_rate, (first, reports[0][singles - 1]))


def set_up(key: str) -> Site:
    """A study with three participants whose DLT window is open today, and a token of their
    investigator."""
    factories.START = clock.now() - timedelta(days=14)
    trial = open_level(make_trial(key=key))
    people = seat(trial, 1, 3)
    treat(trial, people)
    investigator = trial.crews[0].investigator
    _, secret = make_token(
        investigator, name="bench", scope=TokenScope.ACT, by=investigator,
        ends_at=clock.now() + timedelta(days=1),
    )  # fmt: skip
    return Site(key, secret, tuple(one.screening_number for one in people))


@contextmanager
def copies(names: list[str]) -> Iterator[dict[str, str]]:
    """So many copies of the database, by name; removed at the end."""
    whole = urlsplit(os.environ["DATABASE_URL"])
    own = whole.path.removeprefix("/")
    admin = urlunsplit(whole._replace(path="/postgres"))
    made = {name: f"{own}_{name}" for name in names}
    with psycopg.connect(admin, autocommit=True) as line:
        for name in made.values():
            line.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(own)
                )
            )
        try:
            yield {name: urlunsplit(whole._replace(path=f"/{one}")) for name, one in made.items()}
        finally:
            for name in made.values():
                line.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def capture(site: Site, url: str, *, count: int) -> list[Report]:
    """Report so often in this process, on a copy; the statements of each report, as they were
    sent, without those that only begin and end transactions."""
    connections.close_all()
    connection.settings_dict["NAME"] = urlsplit(url).path.removeprefix("/")
    client, found = Client(SERVER_NAME="127.0.0.1"), []
    for number in range(count):
        address, headers, body = site.asked(number)
        with noting() as sent:
            answer = client.post(
                address, body, content_type="application/json",
                headers={name: said for name, said in headers.items() if name != "Content-Type"},
            )  # fmt: skip
        assert answer.status_code == 200, answer.content[:300]
        found.append([one for one in sent if not CONTROL.match(one)])
    connections.close_all()
    return found


@contextmanager
def noting() -> Iterator[Report]:
    """What goes to the database meanwhile, with its values and with what the row history adds."""
    sent: Report = []
    send = CursorWrapper._execute  # type: ignore[attr-defined]

    def note(self: Any, asked: Any, params: Any, *ignored: Any) -> Any:
        sent.append(str(self.db.ops.compose_sql(asked, params)))
        return send(self, asked, params, *ignored)

    with patch.object(CursorWrapper, "_execute", note):
        yield sent


@contextmanager
def serving(url: str) -> Iterator[int]:
    """The web process as `make up` runs it, on a copy; answers its port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "ntrust.asgi:application", "--lifespan", "off"]
    environment = {**os.environ, "DATABASE_URL": url, "LOG_LEVEL": "WARNING"}
    del environment["NTRUST_DB_POOL_SIZE"]
    web = start_guarded(
        "web", [*command, "--port", str(port), "--no-access-log"],
        output=subprocess.DEVNULL, cwd=ROOT, env={**environment, "NTRUST_MODE": "training"},
    )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz")
        yield port
    finally:
        web.stop()


def sender(site: Site, port: int) -> Callable[[int], None]:
    """Reports through HTTP on one connection that is kept."""
    line = HTTPConnection("127.0.0.1", port, timeout=60)

    def send(number: int) -> None:
        address, headers, body = site.asked(number)
        line.request("POST", address, body, headers)
        answer = line.getresponse()
        said = answer.read()
        assert answer.status == 200, said

    return send


def replayer(url: str, reports: list[Report]) -> Callable[[int], None]:
    """Sends the statements of a report in one transaction, on one connection that is kept."""
    line = psycopg.connect(url, autocommit=True)
    line.execute("SET TIME ZONE 'UTC'")

    def replay(number: int) -> None:
        with line.transaction():
            for statement in reports[number]:
                line.execute(statement.encode())  # as it was captured, with its values

    return replay


def one_client(
    site: Site, reports: list[Report], port: int, url: str
) -> tuple[list[list[float]], list[list[float]]]:
    """Seconds of each report, round by round: ours, and the floor's, in turn with each other."""
    send, replay = sender(site, port), replayer(url, reports)
    ours: list[list[float]] = []
    floor: list[list[float]] = []
    for at in range(ROUNDS):
        numbers = range(at * A_ROUND, (at + 1) * A_ROUND)
        pairs = [(timed(send, number), timed(replay, number)) for number in numbers]
        ours.append([one for one, _ in pairs])
        floor.append([one for _, one in pairs])
    return ours, floor


def timed(do: Callable[[int], None], number: int) -> float:
    """Seconds that it took."""
    began = time.perf_counter()
    do(number)
    return time.perf_counter() - began


def eight_clients(sites: list[Site], port: int) -> float:
    """Reports a second by eight clients on three studies."""
    sends = [sender(sites[at % len(sites)], port) for at in range(CLIENTS)]

    def run(at: int) -> None:
        for number in range(EACH):
            sends[at](1000 * (at + 1) + number)

    return rate(run, CLIENTS, reports=CLIENTS * EACH)


def three_lines(reports: list[list[Report]], urls: list[str]) -> float:
    """Reports a second by psycopg, a study a line. The first has done its single ones before."""
    replays = [replayer(url, ones) for url, ones in zip(urls, reports, strict=True)]

    def run(at: int) -> None:
        for number in range(len(reports[at])):
            replays[at](number)

    return rate(run, len(reports), reports=sum(map(len, reports)))


def rate(run: Callable[[int], None], lines: int, *, reports: int) -> float:
    """Reports a second of all lines together."""
    with ThreadPoolExecutor(lines) as pool:
        began = time.perf_counter()
        list(pool.map(run, range(lines)))
        return reports / (time.perf_counter() - began)


def tell(
    ours: list[list[float]], floor: list[list[float]], ours_rate: float, floor_rate: float,
    shown: tuple[Report, Report],
) -> int:  # fmt: skip
    """Print what was measured; 1 when a target is missed."""
    rounds = [
        statistics.median(one) / statistics.median(other)
        for one, other in zip(ours, floor, strict=True)
    ]
    ratio, share = statistics.median(rounds), ours_rate / floor_rate
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    found: dict[str, Any] = {
        "python": platform.python_version(), "cores": os.cpu_count(), "load": load,
        "statements_of_a_first": len(shown[0]), "statements_of_a_last": len(shown[1]),
        "ours_ms": round(1000 * statistics.median(chain(*ours)), 2),
        "floor_ms": round(1000 * statistics.median(chain(*floor)), 2),
        "times_the_floor": round(ratio, 2), "of_five_rounds": [round(one, 2) for one in rounds],
        "ours_a_second": round(ours_rate, 1), "floor_a_second": round(floor_rate, 1),
        "share_of_the_floor": round(share, 3),
    }  # fmt: skip
    for number, statement in enumerate(shown[0], 1):
        print(f"{number:3} {bare(statement)[:150]}")
    print()
    print(f"one client: {found['ours_ms']} ms, floor {found['floor_ms']} ms, "
          f"{ratio:.1f} times it (at most {LATENCY_TARGET:.0f})")  # fmt: skip
    print(f"{CLIENTS} clients, {len(STUDIES)} studies: {ours_rate:.1f} a second, floor "
          f"{floor_rate:.1f}, {share:.2f} of it (at least {THROUGHPUT_TARGET})\n")  # fmt: skip
    print(json.dumps(found, indent=1))
    return 0 if ratio <= LATENCY_TARGET and share >= THROUGHPUT_TARGET else 1


def bare(statement: str) -> str:
    """A statement without its values and lists of columns."""
    text = re.sub(r"'(?:[^']|'')*'", "'…'", statement)
    text = re.sub(r"SELECT (DISTINCT )?\"[^;]*? FROM ", "SELECT … FROM ", text)
    return " ".join(re.sub(r"\([^()]*\) VALUES .*?( RETURNING|$)", "(…)", text).split())


if __name__ == "__main__":
    sys.exit(main())
