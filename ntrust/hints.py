"""The hint that a study has changed: its key and its revision, and nothing else.

Boards that are open learn from it that there is something to fetch; what it is they read with their
own permissions. The revision numbers the change and every event of it. A hint that is lost costs
seconds: the boards ask for the revision by themselves. See docs/decisions/0021-live-hints.md.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

import redis
import structlog
from django.conf import settings
from django.db import connection
from redis.backoff import NoBackoff
from redis.retry import Retry

log = structlog.get_logger(__name__)

# Whoever made the change waits for this, so it is short.
PATIENCE_SECONDS = 0.3


@dataclass(frozen=True)
class Hint:
    """That a study has reached a revision."""

    study: str
    revision: int

    def as_json(self) -> str:
        """As it goes to Redis and to the boards."""
        return json.dumps({"study": self.study, "revision": self.revision})


def channel() -> str:
    """Where hints are said: one place a database, as Redis knows channels of all its databases."""
    return f"ntrust.live.{connection.settings_dict['NAME']}"


def say(study: str, revision: int) -> None:
    """Tell every web process; never raises. One attempt, and a short one."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL,
            socket_timeout=PATIENCE_SECONDS,
            socket_connect_timeout=PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),
        ) as line:
            line.publish(channel(), Hint(study, revision).as_json())
    except redis.RedisError as error:
        log.warning("hint_failed", error=type(error).__name__)


def read_hint(message: bytes | str) -> Hint | None:
    """What was said; None when it is no hint of ours."""
    try:
        said = json.loads(message)
        study, revision = said["study"], said["revision"]
    except (ValueError, TypeError, KeyError):
        return None
    if not (isinstance(study, str) and re.fullmatch(r"[-\w]{1,60}", study)):
        return None
    return Hint(study, revision) if type(revision) is int and revision >= 0 else None
