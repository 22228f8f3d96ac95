"""Delivery without the queue: `manage.py deliver`, a standing process that needs PostgreSQL alone.

PostgreSQL says at each commit that something is to be delivered (LISTEN); a poll each second finds
what it did not say. While the queue works, what is due is left to the worker for a few seconds;
while it does not, it is delivered at once, and every page says so. What beat has not asked for in
twice its time is done here. Several at once do no harm: rows are claimed one by one, and of each
job one runs (ntrust/jobs.py). A database that restarts is waited for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import psycopg
import redis
import structlog
from celery import current_app
from django.conf import settings
from django.db import Error, connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from ntrust import clock
from ntrust.models import JobRun, Watch
from ntrust.models.alerts import OUTBOX_CHANNEL
from ntrust.notifications import deliver_due
from ntrust.notifications.nudging import DELIVER_TASK, nudge
from ntrust.standing import periods, silent_jobs
from ntrust.states import QueueTrouble

log = structlog.get_logger(__name__)

GRACE: Final = timedelta(seconds=4)
"""How long the worker has to itself what is due. With the poll: no more than 5 s."""
POLL_SECONDS: Final = 1.0
SAID_EVERY: Final = 5.0
IDLE_AFTER: Final = timedelta(seconds=90)
"""Beat asks for deliveries every ten seconds, and one run of them takes a minute at most."""
NUDGE_EVERY: Final = 20.0
SLICE: Final = 10
"""Messages between two looks at whether to stop."""
LONGEST_PAUSE: Final = 5.0


class Sweeper:
    """Runs until it is told to stop. `sign` leaves a sign of life somewhere, for a health check."""

    def __init__(self, *, sign: Callable[[], object] = lambda: None) -> None:
        self.stopping = threading.Event()
        self.began = clock.now()
        self.sign = sign
        self._said = ("", 0.0)
        self._nudged = time.monotonic()

    def stop(self) -> None:
        """End after the message that is being sent."""
        self.stopping.set()

    def run(self) -> None:
        """Deliver, and do what beat has not asked for; through restarts of the database."""
        jobs = threading.Thread(target=self._outlast, args=(self._do_jobs,), name="jobs")
        jobs.start()
        try:
            self._outlast(self._listen)
        finally:
            self.stop()
            jobs.join()

    def look(self, *, now: datetime) -> str:
        """What is wrong with the queue, if anything; noted for the pages when it is news."""
        trouble = self._trouble(now)
        said, at = self._said
        if trouble != said or time.monotonic() - at > SAID_EVERY:
            note_watch(trouble, now=now)
            if trouble != said:
                log.warning("queue_trouble", trouble=trouble or "over")
            self._said = (trouble, time.monotonic())
        return trouble

    def sweep(self, trouble: str) -> int:
        """Deliver what is due: all of it while the queue is in trouble; how many were sent."""
        sent, more = 0, True
        while more and not self.stopping.is_set():
            done = deliver_due(
                now=clock.now(), most=SLICE, left_for=timedelta(0) if trouble else GRACE
            )
            sent, more = sent + done, done > 0
        return sent

    def do_silent_jobs(self, *, now: datetime) -> list[str]:
        """Run the periodic jobs that are due and that beat does not ask for; their names."""
        ran = dict(JobRun.objects.values_list("name", "ran_at"))
        due = [
            name
            for name in silent_jobs(now=now, since=self.began)
            if name != DELIVER_TASK and (ran.get(name) or self.began) <= now - periods()[name]
        ]
        for name in due:
            if self.stopping.is_set():
                break
            try:
                current_app.tasks[name]()
            except Error:
                raise
            except Exception:
                log.exception("job_failed", job=name)
        return due

    def _trouble(self, now: datetime) -> str:
        if not broker_answers():
            return QueueTrouble.DOWN
        asked = JobRun.objects.filter(name=DELIVER_TASK).values_list("queued_at", flat=True).first()
        unheard = now - max(asked or self.began, self.began)
        if unheard > IDLE_AFTER / 3 and time.monotonic() - self._nudged > NUDGE_EVERY:
            nudge()  # beat may be silent; whether anybody works on the queue shows now
            self._nudged = time.monotonic()
        return QueueTrouble.IDLE if unheard > IDLE_AFTER else ""

    def _listen(self) -> None:
        """Until told to stop: hear, look, deliver."""
        with ear() as line:
            while not self.stopping.is_set():
                self.sweep(self.look(now=clock.now()))
                self.sign()
                for _ in line.notifies(timeout=POLL_SECONDS, stop_after=1):
                    log.debug("outbox_heard")

    def _do_jobs(self) -> None:
        while not self.stopping.wait(POLL_SECONDS):
            self.do_silent_jobs(now=clock.now())

    def _outlast(self, work: Callable[[], None]) -> None:
        """Do it again, a little later each time, for as long as the database is away."""
        pause = 0.2
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                work()
            except (Error, psycopg.Error) as problem:
                log.warning("database_away", error=type(problem).__name__)
                pause = 0.2 if time.monotonic() - began > LONGEST_PAUSE else pause
                self.stopping.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            finally:
                connection.close()


def note_watch(trouble: str, *, now: datetime) -> None:
    """Say how the queue is. Since when it has been in trouble stays as it was first seen."""
    before = Watch.objects.filter(pk=Watch.THE_ONE).first()
    since = None
    if trouble:
        since = before.standing_in_since if before and before.standing_in_since else now
    Watch.objects.update_or_create(
        pk=Watch.THE_ONE,
        defaults={"seen_at": now, "standing_in_since": since, "trouble": trouble},
    )


def broker_answers() -> bool:
    """Whether the queue's server answers, within a second."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=1,
            socket_connect_timeout=1,
            retry=Retry(NoBackoff(), 0),
        ) as line:
            return bool(line.ping())
    except redis.RedisError:
        return False


def ear() -> psycopg.Connection[Any]:
    """A connection of its own that hears when something is planned."""
    given = connection.get_connection_params()
    named = {name: given[name] for name in given if name not in ("context", "cursor_factory")}
    for name in ("prepare_threshold", "server_side_binding", "client_encoding"):
        named.pop(name, None)
    line: psycopg.Connection[Any] = psycopg.connect(**named, autocommit=True)
    line.execute(f"LISTEN {OUTBOX_CHANNEL}")
    return line
