"""/metrics: figures for Prometheus, to whoever knows METRICS_TOKEN.

What this process measured of itself, and how the whole service stands, asked at that moment. A part
that cannot be asked is `ntrust_up 0` and its figures are left out: a figure that is not known must
not read as nought.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import redis
from celery import current_app
from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.module_loading import import_string
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from ntrust import clock
from ntrust.instruments import MEASURED
from ntrust.standing import read_outbox

_PREFIX: Final = "ntrust_"
_OUTBOX: Final = {
    "waiting": ("messages_waiting", "Messages not sent yet."),
    "urgent": ("messages_waiting_urgent", "Urgent messages not sent yet."),
    "oldest_seconds": ("oldest_message_seconds", "Seconds the oldest unsent message has waited."),
    "retried": ("messages_retried", "Messages that failed and are to be tried again."),
    "failed": ("messages_undelivered", "Messages given up: the list of undelivered has them."),
}


@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """The figures as text. 404 without the token: a stranger does not learn that they exist."""
    sent = request.headers.get("Authorization", "")
    expected = f"Bearer {settings.METRICS_TOKEN}"
    if not settings.METRICS_TOKEN or not hmac.compare_digest(sent.encode(), expected.encode()):
        raise Http404
    standing = CollectorRegistry()
    standing.register(_Standing())
    body = generate_latest(MEASURED) + generate_latest(standing)
    return HttpResponse(body, content_type=CONTENT_TYPE_LATEST)


class _Standing(Collector):
    """What is asked of the database and the queue while Prometheus waits."""

    def describe(self) -> Iterable[Metric]:
        """Nothing ahead of time: it would be asked twice."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Each part, and whether it could be asked."""
        up = GaugeMetricFamily(f"{_PREFIX}up", "1 when the part can be asked.", labels=["part"])
        for part, ask in PARTS.items():
            try:
                figures = ask()
            except (DatabaseError, redis.RedisError, OSError):
                up.add_metric([part], 0)
                continue
            up.add_metric([part], 1)
            for name, (text, value) in figures.items():
                yield GaugeMetricFamily(_PREFIX + name, text, value=value)
        yield up


Figures = Mapping[str, tuple[str, float]]


def _ask_database() -> Figures:
    outbox = read_outbox(now=clock.now())
    found = {name: (text, getattr(outbox, field)) for field, (name, text) in _OUTBOX.items()}
    found["silent_jobs"] = ("Jobs that beat does not ask for.", len(outbox.silent_jobs))
    for name in settings.NTRUST_FIGURES:
        found |= import_string(name)(now=clock.now())
    return found


def _ask_queue() -> Figures:
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2
    ) as client:
        depth = client.llen(current_app.conf.task_default_queue)
    return {"queue_depth": ("Jobs that no worker has taken yet.", int(depth))}


PARTS: Final[Mapping[str, Callable[[], Figures]]] = {
    "database": _ask_database,
    "redis": _ask_queue,
}
