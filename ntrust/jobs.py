"""The class of all background tasks: of a periodic job one runs at a time, and it is noted.

Two beats, or a beat and the sweeper, may ask for the same job at the same moment: whoever comes
second finds the lock taken and does nothing. The outbox needs no such lock, as its rows are claimed
one by one; several deliver at once. The sweeper reads the notes to learn that beat has been silent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import structlog
from celery import Task
from django.conf import settings
from django.db import connection

from ntrust import clock
from ntrust.models import JobRun
from ntrust.notifications.nudging import DELIVER_TASK

log = structlog.get_logger(__name__)

_LOCKS: Final = 0x10B


class Job(Task):
    """A task of the service; see the module's text."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run it; a periodic one alone, and noted. Celery calls this in the worker."""
        is_direct = self.request.called_directly
        run = super().__call__ if is_direct else self.run
        if self.name not in periodic_names():
            return run(*args, **kwargs)
        if not is_direct:
            _note(self.name, queued_at=clock.now())
        if self.name == DELIVER_TASK:
            done = run(*args, **kwargs)
        else:
            with _alone(self.name) as is_alone:
                if not is_alone:
                    log.info("job_runs_already", job=self.name)
                    return None
                done = run(*args, **kwargs)
        _note(self.name, ran_at=clock.now())
        return done


def periodic_names() -> set[str]:
    """The tasks that beat asks for."""
    return {str(entry["task"]) for entry in settings.CELERY_BEAT_SCHEDULE.values()}


def _note(name: str, **moments: Any) -> None:
    JobRun.objects.update_or_create(name=name, defaults=moments)


@contextmanager
def _alone(name: str) -> Iterator[bool]:
    """A lock that ends with the connection, whatever ends that."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [_LOCKS, name])
        (is_alone,) = cursor.fetchone()
    try:
        yield is_alone
    finally:
        if is_alone and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_LOCKS, name])
