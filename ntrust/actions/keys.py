"""What a program does under a key is done once, however often it is sent."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from ntrust import clock
from ntrust.change import Change
from ntrust.errors import Refused
from ntrust.models import KeyedAnswer, User

KEPT_FOR: Final = timedelta(days=30)
"""After which a key is free again; a program that has tried for so long has to be looked at."""


@dataclass(frozen=True)
class Key:
    """A key of a person's program, with the hash of what was sent under it."""

    user: User
    word: str
    content_hash: str

    @property
    def number(self) -> int:
        """The number of its lock."""
        digest = hashlib.sha256(f"{self.user.pk} {self.word}".encode()).digest()
        return int.from_bytes(digest[:8], signed=True)


@contextmanager
def one_at_a_time(key: Key) -> Iterator[KeyedAnswer | None]:
    """Hold a key, and give what was answered under it. The lock is this connection's: it ends with
    a process that is killed, and needs no transaction around the act.

    Refuses a key that is held (`in_progress`), and one that stands for something else
    (`key_reused`).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [key.number])
        if not cursor.fetchone()[0]:
            raise Refused("in_progress", "The same is being done: ask again in a moment.")
    try:
        rows = KeyedAnswer.objects.select_related("study")
        kept = rows.filter(user=key.user, key=key.word).first()
        if kept is not None and kept.content_hash != key.content_hash:
            raise Refused("key_reused", "This key stands for something else: take a new one.")
        yield kept
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [key.number])


def note_key(change: Change, key: Key) -> None:
    """Keep with the change itself that it was made under this key."""
    made = {"study": change.study, "revision": change.study.revision}
    _write(key, at=change.now, **made)


def keep_answer(key: Key, *, body: Any, now: datetime | None = None) -> None:
    """Keep what was answered under a key."""
    _write(key, at=now or clock.now(), body=body)


def forget_keys(*, now: datetime) -> int:
    """Forget the keys, and what was answered under them, that are older than `KEPT_FOR`; how many.
    What was done under them stays."""
    return KeyedAnswer.objects.filter(at__lt=now - KEPT_FOR).delete()[0]


def _write(key: Key, *, at: datetime, **said: Any) -> None:
    known = {"content_hash": key.content_hash, "at": at}
    KeyedAnswer.objects.update_or_create(
        user=key.user, key=key.word, defaults=said, create_defaults={**known, **said}
    )
