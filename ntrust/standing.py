"""How the alerts stand: what waits, since when, and whether somebody stands in for the queue.

Every page says it while it is true, so the answer is kept for some seconds in each process.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Min, Q

from ntrust.models import Delivery, JobRun, Watch
from ntrust.states import DeliveryState, QueueTrouble

NEWS_LAST: Final = timedelta(seconds=30)
"""What was seen before that is not said any more."""
SLACK: Final = timedelta(seconds=15)
TOO_LATE: Final = timedelta(seconds=60)
"""An urgent message nobody has even tried to send for so long: nobody is sending."""


@dataclass(frozen=True)
class QueueNews:
    """A sentence for every page, and whether people have to act on it."""

    sentence: str
    is_grave: bool = False


@dataclass(frozen=True)
class Outbox:
    """What an operator reads: how many wait, how long the oldest has been due, and the rest."""

    waiting: int
    urgent: int
    oldest_seconds: int
    retried: int
    failed: int
    silent_jobs: tuple[str, ...]
    trouble: str

    def as_dict(self) -> dict[str, Any]:
        """As /readyz and `manage.py alerts --json` say it."""
        return {**self.__dict__, "silent_jobs": list(self.silent_jobs)}


def read_news(*, now: datetime) -> QueueNews | None:
    """What people have to be told of the queue; nothing while all is well."""
    watch = Watch.objects.filter(pk=Watch.THE_ONE, seen_at__gt=now - NEWS_LAST).first()
    if watch is None:
        return _nobody_sends(now)
    if watch.standing_in_since is None:
        return None
    what = {
        QueueTrouble.DOWN: "The queue is down",
        QueueTrouble.IDLE: "Nothing works on the queue",
    }[QueueTrouble(watch.trouble)]
    return QueueNews(
        f"{what} since {_moment(watch.standing_in_since, now)}: alerts go out through the "
        "database, up to 5 s later."
    )


def _nobody_sends(now: datetime) -> QueueNews | None:
    late = Delivery.objects.due(now=now - TOO_LATE, given_up=now - 3 * TOO_LATE)
    found = late.filter(is_urgent=True, attempts=0).aggregate(
        count=Count("pk"), oldest=Min("planned_at")
    )
    if not found["count"]:
        return None
    return QueueNews(
        f"Alerts are not going out: urgent messages wait since {_moment(found['oldest'], now)}. "
        "Telephone those who must know.",
        is_grave=True,
    )


def read_outbox(*, now: datetime) -> Outbox:
    """The figures of the outbox."""
    open_rows = Q(state__in=[DeliveryState.PLANNED, DeliveryState.SENDING])
    found = Delivery.objects.aggregate(
        waiting=Count("pk", filter=open_rows),
        urgent=Count("pk", filter=open_rows & Q(is_urgent=True)),
        retried=Count("pk", filter=open_rows & Q(attempts__gt=0, state=DeliveryState.PLANNED)),
        failed=Count("pk", filter=Q(state=DeliveryState.FAILED)),
        oldest=Min("planned_at", filter=open_rows),
    )
    oldest = found.pop("oldest")
    watch = Watch.objects.filter(pk=Watch.THE_ONE).first()
    is_watched = watch is not None and watch.seen_at > now - NEWS_LAST
    return Outbox(
        **found,
        oldest_seconds=max(0, int((now - oldest).total_seconds())) if oldest else 0,
        silent_jobs=silent_jobs(now=now, since=now),
        trouble=watch.trouble if watch and is_watched else ("" if is_watched else "UNWATCHED"),
    )


def silent_jobs(*, now: datetime, since: datetime) -> tuple[str, ...]:
    """The periodic jobs that the queue has not asked for in twice their time.

    `since` stands for the last time of one that it never asked for.
    """
    asked = dict(JobRun.objects.values_list("name", "queued_at"))
    return tuple(
        name
        for name, every in periods().items()
        if (asked.get(name) or since) < now - 2 * every - SLACK
    )


def periods() -> dict[str, timedelta]:
    """How often beat asks for each task."""
    return {
        str(entry["task"]): timedelta(seconds=entry["schedule"])
        for entry in settings.CELERY_BEAT_SCHEDULE.values()
    }


def _moment(at: datetime, now: datetime) -> str:
    return f"{at:%H:%M} UTC" if at.date() == now.date() else f"{at:%d-%b-%Y %H:%M} UTC"


class _Kept:
    """The last answer, for some seconds: pages do not ask the database each time."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.until = 0.0
        self.news: QueueNews | None = None

    def read(self, now: datetime, seconds: float) -> QueueNews | None:
        """The answer; of several who ask at once one asks the database."""
        with self.lock:
            if time.monotonic() >= self.until:
                self.news = read_news(now=now)
                self.until = time.monotonic() + seconds
            return self.news


KEPT: Final = _Kept()
