"""Rendered parts of pages, kept for a minute, so that many boards cost one rendering.

A part is kept under everything it was made from, and fetched only after the permission was checked.
The newest are kept in the process, all in Redis for the other processes. Redis down, slow or
emptied: the part is rendered anew, and nobody notices. Text goes in and comes out: Django's own
Redis cache would unpickle what it finds there.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from functools import cache
from typing import Any

import redis
import structlog
from django.conf import settings
from django.db import connection
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

KEPT_SECONDS = 90
KEPT_HERE = 200
"""Parts, of some 20 kB each."""


class _Turn:
    """A lock that is forgotten when nobody holds it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


_turns: weakref.WeakValueDictionary[str, _Turn] = weakref.WeakValueDictionary()
_turns_lock = threading.Lock()
_here: OrderedDict[str, tuple[float, str]] = OrderedDict()
_here_lock = threading.Lock()


def fragment(made_from: dict[str, Any], render: Callable[[], str]) -> str:
    """The part made from this: as kept, or rendered. In a process one renders, others wait."""
    name = name_of(made_from)
    if (kept := _find(name)) is not None:
        return kept
    with _turns_lock:
        turn = _turns.setdefault(name, _Turn())
    with turn.lock:
        if (kept := _find(name)) is not None:
            return kept
        if (kept := _fetch(name)) is None:
            kept = render()
            _keep(name, kept)
        _put(name, kept)
    return kept


def forget() -> None:
    """Forget what this process keeps, as a new one would."""
    with _here_lock:
        _here.clear()


def _find(name: str) -> str | None:
    with _here_lock:
        until, part = _here.get(name, (0.0, ""))
    return part if time.monotonic() < until else None


def _put(name: str, part: str) -> None:
    with _here_lock:
        _here[name] = (time.monotonic() + KEPT_SECONDS, part)
        while len(_here) > KEPT_HERE:
            _here.popitem(last=False)


def name_of(made_from: dict[str, Any]) -> str:
    """The name of a part: a hash over everything it was made from, the database included."""
    where = connection.settings_dict
    whole = {**made_from, "database": [where["HOST"], where["PORT"], where["NAME"]]}
    text = json.dumps(whole, sort_keys=True)
    return f"ntrust:part:{hashlib.sha256(text.encode()).hexdigest()}"


@cache
def _line(url: str) -> redis.Redis:
    return redis.Redis.from_url(
        url, socket_timeout=0.3, socket_connect_timeout=0.3, retry=Retry(NoBackoff(), 0)
    )


def _fetch(name: str) -> str | None:
    try:
        kept = _line(settings.REDIS_URL).get(name)
    except redis.RedisError as error:
        log.info("fragment_not_fetched", error=type(error).__name__)
        return None
    return kept.decode() if isinstance(kept, bytes) else None


def _keep(name: str, part: str) -> None:
    try:
        _line(settings.REDIS_URL).set(name, part, ex=KEPT_SECONDS)
    except redis.RedisError as error:
        log.info("fragment_not_kept", error=type(error).__name__)
