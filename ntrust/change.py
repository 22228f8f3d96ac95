"""The one way to change a study: lock, time, revision, context, and one answer at the end.

    with study_change(study, by=user, reason="…") as change:
        ...write rows...
        change.record("DLT_REPORTED", "P-004: DLT reported.", level=2)

The outermost `study_change` opens the transaction, locks the Study row, reads the time after the
lock, takes the next revision, tells the database who and why (the history triggers read it), and
applies moments that have passed. Inner ones join. At the outermost exit the rules run once, the
events are written and the notifications planned, so nobody hears of an intermediate answer. Once
it is committed, open boards are given the hint that there is something new.

`rehearsal` lets a change happen, be looked at, and be undone. `waiting_at_most` limits how long a
change waits for its study.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils.module_loading import import_string
from psycopg.errors import LockNotAvailable
from structlog.contextvars import get_contextvars

from ntrust import clock
from ntrust.errors import Refused
from ntrust.events import Happening, write_events
from ntrust.hints import say
from ntrust.instruments import CHANGES
from ntrust.models import Event, Site, Study, User


@dataclass(frozen=True)
class Made:
    """A change that was committed: the study's primary key and the revision it took."""

    study: int
    revision: int


@dataclass
class Change:
    """An open change of one study."""

    study: Study
    by: User | None
    reason: str
    now: datetime
    happenings: list[Happening] = field(default_factory=list)
    endings: list[Callable[[], None]] = field(default_factory=list)
    """What is done last, outside the transaction, whether it was committed or not."""

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
        happening = Happening(kind, sentence, level, subject, site, data, self.by)
        self.happenings.append(happening)

    @contextmanager
    def acting_for(
        self, by: User | None, *, reason: str, at: datetime | None = None
    ) -> Iterator[None]:
        """Inside, rows and events are `by`'s, for their own reason and as of `at`. Inside a
        savepoint of its own, which takes the context back when something goes wrong."""
        own = self.by, self.reason, self.now
        self.by, self.reason, self.now = by, reason, at or self.now
        try:
            _tell_database(self)
            yield
        finally:
            self.by, self.reason, self.now = own
        _tell_database(self)


STALE: Final = "stale_page"
BUSY: Final = "study_busy"
_open = threading.local()


@contextmanager
def study_change(
    study: Study, *, by: User | None, reason: str | None = None, now: datetime | None = None
) -> Iterator[Change]:
    """Change a study's data under its lock; see the module's text.

    `by` None is the service itself. `now` is for simulated time and tests; otherwise the time is
    read after the lock is held. Refuses a blank reason (`reason_needed`) and a change of a second
    study inside the first. Without a reason rows can be entered; the database refuses to change
    one.
    """
    current: Change | None = getattr(_open, "change", None)
    if current is not None:
        if current.study.pk != study.pk:
            raise Refused("one_study_a_change", "One change concerns one study.")
        yield current
        return
    if reason is not None and not reason.strip():
        raise Refused("reason_needed", "Say why.")
    endings: list[Callable[[], None]] = []
    try:
        with CHANGES.time(), transaction.atomic(durable=not is_rehearsal()):
            change = _begin(study, by=by, reason=reason or "", now=now)
            change.endings = endings
            _open.change = change
            try:
                for apply in _functions(settings.NTRUST_PASS_TIME):
                    apply(change)
                yield change
                for apply in _functions(settings.NTRUST_AFTER_CHANGE):
                    apply(change)
                write_events(change.study, change.happenings, now=change.now)
                _note(change)
                hint = partial(say, change.study.key, change.study.revision)
                transaction.on_commit(hint, robust=True)
            finally:
                _open.change = None
    finally:
        for end in endings:
            end()
    made: list[Made] | None = getattr(_open, "made", None)
    if made is not None and not is_rehearsal():
        made.append(Made(change.study.pk, change.study.revision))


def is_rehearsal() -> bool:
    """Whether what happens now will be undone."""
    return bool(getattr(_open, "is_rehearsal", False))


@contextmanager
def rehearsal() -> Iterator[None]:
    """Changes inside happen, can be read, and are undone at the end: nothing is kept or sent.

    Not inside a change. Ids that were taken are not given again, as after any refusal.
    """
    with transaction.atomic(durable=True):
        _open.is_rehearsal = True
        try:
            yield
        finally:
            _open.is_rehearsal = False
            transaction.set_rollback(True)


@contextmanager
def waiting_at_most(limit: timedelta) -> Iterator[None]:
    """Refuse (`study_busy`) a change inside that cannot lock its study within `limit`.

    Of two limits the shorter one holds.
    """
    before: timedelta | None = getattr(_open, "limit", None)
    _open.limit = limit if before is None else min(before, limit)
    try:
        yield
    finally:
        _open.limit = before


@contextmanager
def changes_made() -> Iterator[list[Made]]:
    """The changes that were committed inside, in order."""
    made: list[Made] = []
    _open.made = made
    try:
        yield made
    finally:
        _open.made = None


@contextmanager
def noting(note: Callable[[Change], None]) -> Iterator[None]:
    """Have `note` called at the end of each change inside: what it writes is committed with it."""
    _open.note = note
    try:
        yield
    finally:
        _open.note = None


def _note(change: Change) -> None:
    note: Callable[[Change], None] | None = getattr(_open, "note", None)
    if note is not None and not is_rehearsal():
        note(change)


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
            STALE,
            f"This has changed since you opened the page: {news.sentence} Look again, and send it "
            "again if it still holds.",
        )


def _lock(study: Study) -> Study:
    """The study's row, locked; within the limit where there is one."""
    rows = Study.objects.select_for_update(no_key=True)
    limit: timedelta | None = getattr(_open, "limit", None)
    if limit is None:
        return rows.get(pk=study.pk)
    with connection.cursor() as cursor:
        most = max(1, round(limit.total_seconds() * 1000))
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{most}ms"])
        try:
            locked = rows.get(pk=study.pk)
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise Refused(BUSY, "The study is being changed by somebody else.") from error
        cursor.execute("SET LOCAL lock_timeout TO DEFAULT")
    return locked


def _begin(study: Study, *, by: User | None, reason: str, now: datetime | None) -> Change:
    locked = _lock(study)
    _check_seen(locked)
    moment = now or clock.now()
    locked.revision += 1
    locked.save(update_fields=["revision"])
    change = Change(study=locked, by=by, reason=reason, now=moment)
    _tell_database(change)
    return change


def _tell_database(change: Change) -> None:
    """Who, why and when, for the triggers that keep the history of rows."""
    by, study = change.by, change.study
    metadata = {
        "user": by.pk if by else None,
        "username": by.username if by else "service",
        "reason": change.reason,
        "study": study.pk,
        "revision": study.revision,
        "at": change.now.isoformat(),
        "request": get_contextvars().get("request_id"),
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('pghistory.context_id', %s, true),"
            " set_config('pghistory.context_metadata', %s, true)",
            [str(uuid.uuid4()), json.dumps(metadata)],
        )


def _functions(names: list[str]) -> list[Any]:
    return [import_string(name) for name in names]
