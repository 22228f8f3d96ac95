"""How soon open boards show a change: `python -m bench live` prints a table and the same as JSON.

200 boards of 40 people hold their streams open on one web process, as `make up` runs it, over a
real Redis and a real PostgreSQL. Then the study is changed; each board hears of it, waits as long
as ntrust/static/ntrust/live.js would, and fetches its parts. Measured from the commit. The boards
run on the same machine as what they measure, so their own work is in every figure.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import random
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ntrust.settings")
django.setup()

from django.db import connections, transaction  # noqa: E402
from django.test import Client  # noqa: E402

from local.guard import descendants  # noqa: E402
from local.guarded import free_port, start_guarded  # noqa: E402
from local.paths import ROOT  # noqa: E402
from ntrust.actions import activate_site, add_site  # noqa: E402
from ntrust.change import study_change  # noqa: E402
from ntrust.states import Role  # noqa: E402
from tests.cohorts.rows import START, Trial, join, make_user, seat, start_trial  # noqa: E402

BOARDS, BOARDS_A_PERSON, CHANGES, PAUSE = 200, 5, 12, 5.0
JITTER = 1.0  # as in live.js
HINT_TARGET, SHOWN_TARGET = 1.0, 3.0
PARTS = "/live/ntrust-1/parts/holds,ladder/"


@dataclass
class Board:
    """One open page: what it has heard and shown, by revision, and when."""

    cookie: str
    heard: dict[int, float] = field(default_factory=dict)
    shown: dict[int, float] = field(default_factory=dict)
    first: asyncio.Event = field(default_factory=asyncio.Event)

    async def live(self, port: int) -> None:
        """Listen, and fetch after each hint of something newer, until cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(self.ask("/live/ntrust-1/"))
        while line := await reader.readline():
            if not line.startswith(b"data: "):
                continue
            revision = int(json.loads(line[6:])["revision"])
            is_first = not self.heard
            if revision in self.heard:
                continue
            self.heard[revision] = time.perf_counter()
            if not is_first:
                await asyncio.sleep(random.uniform(0, JITTER))
            await self.fetch(port)
            self.shown[revision] = time.perf_counter()
            self.first.set()

    async def fetch(self, port: int) -> None:
        """One answer, read to its end, on a connection of its own: kept ones have been closed."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(self.ask(PARTS))
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        lines = head.lower().split(b"\r\n")
        (length,) = (int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        await reader.readexactly(length)
        writer.close()

    def ask(self, path: str) -> bytes:
        """A GET with the log-in."""
        return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {self.cookie}\r\n\r\n".encode()


def main() -> int:
    """Print the table and the JSON; status 1 when a target is missed."""
    trial = set_up()
    cookies = [log_in(trial, n) for n in range(BOARDS // BOARDS_A_PERSON)]
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "ntrust.asgi:application", "--lifespan", "off"]
    web = start_guarded(
        "web",
        [*command, "--port", str(port), "--no-access-log"],
        output=subprocess.DEVNULL,
        cwd=ROOT,
        env={**os.environ, "NTRUST_MODE": "training", "LOG_LEVEL": "WARNING"},
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/healthz")
        boards, commits, spent = asyncio.run(follow(trial, cookies, port, web.process.pid))
    finally:
        web.stop()
    return report(boards, commits, spent)


def set_up() -> Trial:
    """A trial with eight sites and people at two levels."""
    trial = start_trial()
    for n in range(3, 9):
        by = trial.users["manager"]
        site = add_site(trial.study, code=f"S{n}", name=f"Site S{n}", by=by, now=START)
        trial.sites[site.code] = activate_site(site, by=by, now=START)
    seat(trial, 1, "NNN", state="CLOSED")
    seat(trial, 2, "NNT", site="S2", state="CLOSED")
    seat(trial, 2, "PPP", site="S3")
    return trial


def log_in(trial: Trial, n: int) -> str:
    """The cookie of one more person: of each nine one sees every site, eight are of a site each."""
    user = make_user(f"board-{n}")
    if n % 9 == 0:
        join(user, trial.study, Role.AUDITOR)
    else:
        join(user, trial.study, Role.INVESTIGATOR, site=trial.sites[f"S{n % 9}"])
    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}"


def wait_for(url: str) -> None:
    """Return once the address answers."""
    for _ in range(300):
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.2)
    raise SystemExit("The web process did not start.")


async def follow(
    trial: Trial, cookies: list[str], port: int, guard: int
) -> tuple[list[Board], dict[int, float], float]:
    """Open the boards, change the study so many times; the boards, when each change was committed,
    and how long a fetch kept the web process busy, the hint before it included."""
    boards = [Board(cookies[n % len(cookies)]) for n in range(BOARDS)]
    living = []
    for board in boards:
        living.append(asyncio.create_task(board.live(port)))
        await asyncio.sleep(0.02)
    await asyncio.wait_for(asyncio.gather(*(board.first.wait() for board in boards)), 120)
    commits: dict[int, float] = {}
    before = busy(guard)
    for _ in range(CHANGES):
        await asyncio.sleep(PAUSE * random.uniform(0.9, 1.1))
        thread = threading.Thread(target=change, args=(trial, commits))
        thread.start()
        while thread.is_alive():
            await asyncio.sleep(0.005)
    await asyncio.sleep(2 * PAUSE)
    for task in living:
        if task.done():
            task.result()  # a board that broke is no measurement
        task.cancel()
    return boards, commits, (busy(guard) - before) / (CHANGES * BOARDS)


def busy(guard: int) -> float:
    """Seconds of processor time of the programs below a guard; 0 where no system tells."""
    ticks = 0
    for pid in descendants(guard):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def change(trial: Trial, commits: dict[int, float]) -> None:
    """One change with everything that belongs to it: moments that have passed, and the rules."""
    with study_change(trial.study, by=trial.users["manager"], reason="measured") as made:
        revision = made.study.revision
        transaction.on_commit(lambda: commits.__setitem__(revision, time.perf_counter()))
    connections.close_all()


def report(boards: list[Board], commits: dict[int, float], spent: float) -> int:
    """Print what was measured; 1 when a target is missed or a board has missed a change. Hints are
    held to it at p95, what boards show at the worst: every board shows it."""
    rows: dict[str, dict[str, Any]] = {}
    for what, target in (("heard", HINT_TARGET), ("shown", SHOWN_TARGET)):
        waits = [
            seen[revision] - committed
            for board in boards
            for revision, committed in commits.items()
            if revision in (seen := getattr(board, what))
        ]
        cuts = statistics.quantiles(waits, n=20)
        rows[what] = {
            "measurements": len(waits),
            "of": len(boards) * len(commits),
            "median": round(statistics.median(waits), 3),
            "p95": round(cuts[-1], 3),
            "most": round(max(waits), 3),
            "target": target,
        }
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load};")
    print(f"{len(boards)} boards, {len(commits)} changes, one web process\n")
    names = ("median", "p95", "most", "target")
    print(f"{'after the commit':<18}" + "".join(f"{name:>12}" for name in names))
    for what, row in rows.items():
        print(f"{what:<18}" + "".join(f"{row[name]:>10.2f} s" for name in names))
    print(f"\n{spent * 1000:.1f} ms of the web process a fetch\n")
    print(
        json.dumps({"load": load, "milliseconds_a_fetch": round(spent * 1000, 1), **rows}, indent=1)
    )
    is_whole = all(row["measurements"] == row["of"] for row in rows.values())
    met = rows["heard"]["p95"] <= HINT_TARGET and rows["shown"]["most"] <= SHOWN_TARGET
    return 0 if is_whole and met else 1


if __name__ == "__main__":
    sys.exit(main())
