"""How soon an alert is in a mailbox: `python -m bench mail` prints a table and the same as JSON.

Web, worker, beat and sweeper run as `make up` runs them, over a real Redis and a real PostgreSQL;
an investigator reports DLTs over the web, and a real SMTP server notes when each mail has come.
First with nothing else to do, then with a thousand other messages queued. Measured from the event's
own time of writing, a little before its commit. The outbox's throughput is compared with a bare
SMTP loop that sends the same messages to the same server, and with two of them, as two processes
deliver.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import smtplib
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from email.message import Message
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ntrust.settings")
django.setup()

from aiosmtpd.controller import Controller  # noqa: E402

from bench.live import wait_for  # noqa: E402
from cohorts.models import Participant  # noqa: E402
from local.guarded import free_port, start_guarded  # noqa: E402
from local.paths import ROOT  # noqa: E402
from ntrust import clock  # noqa: E402
from ntrust.change import study_change  # noqa: E402
from ntrust.models import Delivery, Study  # noqa: E402
from safety.management.conduct import Conduct  # noqa: E402
from tests.factories import PASSWORD, make_trial, open_level, run_cohort  # noqa: E402
from tests.faults.post import PostOffice  # noqa: E402
from tests.journeys.visitor import Visitor  # noqa: E402

ALERTS, PAUSE = 20, 1.5
OTHERS, ALERTS_AMONG = 1_000, 5
IDLE_TARGET, QUEUED_TARGET = 2.0, 10.0
MOST_WAIT = 300.0
WEB = ["-m", "uvicorn", "ntrust.asgi:application", "--lifespan", "off"]
CELERY = ["-m", "celery", "--app", "ntrust.celery:app", "--quiet"]


def main() -> int:
    """Print the table and the JSON; status 1 when a target is missed."""
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    office, port = PostOffice(), free_port()
    controller = Controller(office, hostname="127.0.0.1", port=port)
    controller.start()
    trial = set_up()
    with service(port) as url:
        investigator = Visitor(url, trial.crews[0].investigator, password=PASSWORD)
        wait_until_sent()
        idle = measure(trial, investigator, office, count=ALERTS, pause=PAUSE)
        began = time.perf_counter()
        queue(trial, OTHERS)
        queued = measure(trial, investigator, office, count=ALERTS_AMONG, pause=0.5)
        wait_until_sent()
        rate = (OTHERS + queued["messages"]) / (time.perf_counter() - began)
    sample = office.messages[-OTHERS:]
    floors = [floor(sample, port, lines) for lines in (1, 2)]
    controller.stop()
    return report(idle, queued, rate, floors)


def set_up() -> Conduct:
    """Two sites; three people in their windows, these weeks."""
    trial = make_trial(sites=2)
    trial.now = clock.now() - timedelta(days=20)
    run_cohort(open_level(trial), 1, "PPP")
    return trial


@contextmanager
def service(mail_port: int) -> Iterator[str]:
    """Everything that `make up` starts, but the mail server; where the pages are."""
    port = free_port()
    env = {
        **os.environ,
        "NTRUST_MODE": "development",
        "DEBUG": "0",
        "ALLOWED_HOSTS": "127.0.0.1",
        "LOG_LEVEL": "WARNING",
        "EMAIL_URL": f"smtp://127.0.0.1:{mail_port}",
    }
    with tempfile.TemporaryDirectory() as folder, ExitStack() as running:
        for name, arguments in {
            "web": [*WEB, "--port", str(port), "--no-access-log"],
            "worker": [*CELERY, "worker", "--concurrency", "2", "--loglevel", "WARNING"],
            "beat": [*CELERY, "beat", "--schedule", f"{folder}/beat", "--pidfile="],
            "deliver": ["manage.py", "deliver"],
        }.items():
            command = [sys.executable, *arguments]
            started = start_guarded(name, command, output=subprocess.DEVNULL, cwd=ROOT, env=env)
            running.callback(started.stop)
        wait_for(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"


def wait_until_sent() -> None:
    """Return once nothing waits."""
    give_up = time.monotonic() + MOST_WAIT
    while Delivery.objects.filter(state__in=["PLANNED", "SENDING"]).exists():
        if time.monotonic() > give_up:
            raise SystemExit("The outbox was not emptied in time.")
        time.sleep(0.1)


def measure(
    trial: Conduct, investigator: Visitor, office: PostOffice, *, count: int, pause: float
) -> dict[str, Any]:
    """Report so many DLTs over the web; how long each mail of them took."""
    first = Delivery.objects.latest("id").pk
    people = list(Participant.objects.filter(study=trial.study, site=trial.crews[0].site))
    for n in range(count):
        person = people[n % len(people)]
        investigator.act(
            f"/studies/{trial.study.key}/participants/{person.screening_number}/event/",
            term=f"Event {first} {n}",
            onset_at=(clock.now() - timedelta(minutes=5)).strftime("%Y-%m-%dT%H:%M"),
            grading_system="CTCAE v5.0",
            grade=4,
            causality="PROBABLE",
            criterion="NOW",
        )
        time.sleep(pause)
    rows = Delivery.objects.filter(pk__gt=first, notification__event__kind="DLT_REPORTED")
    written = {
        str(row.key): row.notification.event.recorded_at
        for row in rows.select_related("notification__event")
        if row.notification
    }
    wait_until(lambda: written.keys() <= set(office.keys))
    arrived = dict(zip(office.keys, office.arrived_at, strict=True))
    waits = sorted(arrived[key] - at.timestamp() for key, at in written.items())
    return {
        "reports": count,
        "messages": len(waits),
        "median": round(statistics.median(waits), 2),
        "p95": round(statistics.quantiles(waits, n=20)[-1], 2),
        "most": round(waits[-1], 2),
    }


def wait_until(happened: Any) -> None:
    """Give up after some minutes."""
    give_up = time.monotonic() + MOST_WAIT
    while not happened():
        if time.monotonic() > give_up:
            raise SystemExit("A mail did not come.")
        time.sleep(0.05)


def queue(trial: Conduct, messages: int) -> None:
    """So many messages that are not urgent, planned in one change."""
    study = Study.objects.get(pk=trial.study.pk)
    told = 2 + 2 * len(trial.crews)
    with study_change(study, by=trial.manager, reason="measured") as change:
        for n in range(-(-messages // told)):
            change.record("DECISION_SIGNED", f"Decision {n} is signed.")


def floor(messages: list[Message], port: int, lines: int) -> float:
    """Messages a second of so many bare SMTP loops."""

    def send(part: list[Message]) -> None:
        with smtplib.SMTP("127.0.0.1", port) as line:
            for message in part:
                line.send_message(message)

    threads = [threading.Thread(target=send, args=(messages[n::lines],)) for n in range(lines)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(messages) / (time.perf_counter() - began)


def report(idle: dict[str, Any], queued: dict[str, Any], rate: float, floors: list[float]) -> int:
    """Print what was measured; 1 when a target is missed."""
    load = ", ".join(f"{each:.1f}" for each in os.getloadavg())
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load}\n")
    names = "".join(f"{name:>9}" for name in ("messages", "median", "p95", "most", "target"))
    print(f"{'a DLT in the mailbox':<28}{names}")
    for what, row, target in (
        ("nothing else to do", idle, IDLE_TARGET),
        (f"{OTHERS:,} others queued", queued, QUEUED_TARGET),
    ):
        figures = "".join(f"{row[name]:>7.2f} s" for name in ("median", "p95", "most"))
        print(f"{what:<28}{row['messages']:>9}{figures}{target:>7.1f} s")
    print(
        f"\noutbox {rate:.0f} messages a second; a bare SMTP loop {floors[0]:.0f}, two of them "
        f"{floors[1]:.0f}: one in {floors[0] / rate:.1f}"
    )
    figures = {
        "idle": idle,
        "queued": queued,
        "rate": round(rate, 1),
        "floors": [round(each, 1) for each in floors],
    }
    print(json.dumps({"load": load, **figures}, indent=1))
    return 0 if idle["p95"] <= IDLE_TARGET and queued["most"] <= QUEUED_TARGET else 1


if __name__ == "__main__":
    sys.exit(main())
