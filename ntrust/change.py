"""The one way to change a study: lock, time, revision, context, and one answer at the end.

    with study_change(study, by=user, reason="…") as change:
        ...write rows...
        change.record("DLT_REPORTED", "P-004: DLT reported.", level=2)

The outermost `study_change` opens the transaction, locks the Study row, reads the time after the
lock, takes the next revision, tells the database who and why (the history triggers read it), and
applies moments that have passed. Inner ones join. At the outermost exit the rules run once, the
events are written and the notifications planned, so nobody hears of an intermediate answer.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string
from structlog.contextvars import get_contextvars

from ntrust import clock
from ntrust.errors import Refused
from ntrust.events import Happening, write_events
from ntrust.models import Event, Site, Study, User


@dataclass
class Change:
    """An open change of one study."""

    study: Study
    by: User | None
    reason: str
    now: datetime
    happenings: list[Happening] = field(default_factory=list)

    def record(
        self,
        kind: str,
        sentence: str,
        *,
        level: int | None = None,
        subject: str = "",
        site: Site | None = None,
        **data: Any,
    ) -> None:
        """Remember what happened; it is written, and people are told, at the end."""
        self.happenings.append(Happening(kind, sentence, level, subject, site, data))


_open = threading.local()


@contextmanager
def study_change(
    study: Study, *, by: User | None, reason: str = "", now: datetime | None = None
) -> Iterator[Change]:
    """Change a study's data under its lock; see the module's text.

    `by` None is the service itself. `now` is for simulated time and tests; otherwise the time is
    read after the lock is held. Refuses a change of a second study inside the first.
    """
    current: Change | None = getattr(_open, "change", None)
    if current is not None:
        if current.study.pk != study.pk:
            raise Refused("one_study_a_change", "One change concerns one study.")
        yield current
        return
    with transaction.atomic(durable=True):
        change = _begin(study, by=by, reason=reason, now=now)
        _open.change = change
        try:
            for apply in _functions(settings.NTRUST_PASS_TIME):
                apply(change)
            yield change
            for apply in _functions(settings.NTRUST_AFTER_CHANGE):
                apply(change)
            write_events(change.study, change.happenings, by=change.by, now=change.now)
        finally:
            _open.change = None


@contextmanager
def as_seen(study: Study, *, subjects: Sequence[str], revision: int) -> Iterator[None]:
    """Refuse (`stale_page`) changes inside when one of `subjects` has changed after `revision`.

    Looked at under the lock, so that of two who act on what they both saw only the first does.
    """
    _open.seen = (study.pk, tuple(subjects), revision)
    try:
        yield
    finally:
        _open.seen = None


def _check_seen(locked: Study) -> None:
    seen = getattr(_open, "seen", None)
    if seen is None or seen[0] != locked.pk:
        return
    news = Event.objects.filter(study=locked, subject__in=seen[1], revision__gt=seen[2]).last()
    if news is not None:
        raise Refused(
            "stale_page",
            f"This has changed since you opened the page: {news.sentence} Look again.",
        )


def _begin(study: Study, *, by: User | None, reason: str, now: datetime | None) -> Change:
    locked = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    _check_seen(locked)
    moment = now or clock.now()
    locked.revision += 1
    locked.save(update_fields=["revision"])
    metadata = {
        "user": by.pk if by else None,
        "username": by.username if by else "service",
        "reason": reason,
        "study": locked.pk,
        "revision": locked.revision,
        "at": moment.isoformat(),
        "request": get_contextvars().get("request_id"),
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('pghistory.context_id', %s, true),"
            " set_config('pghistory.context_metadata', %s, true)",
            [str(uuid.uuid4()), json.dumps(metadata)],
        )
    return Change(study=locked, by=by, reason=reason, now=moment)


def _functions(names: list[str]) -> list[Any]:
    return [import_string(name) for name in names]
