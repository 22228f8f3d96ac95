"""Asking the worker to do at once what the beat process would have it do soon."""

from __future__ import annotations

from typing import Any, Final

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

DELIVER_TASK: Final = "ntrust.tasks.deliver_notifications"
ONE_ATTEMPT: Final = {"max_retries": 0, "socket_connect_timeout": 2, "socket_timeout": 2}


def nudge() -> None:
    """Ask the worker to deliver now. A broker that is down is logged; the sweeper delivers."""
    ask_worker(DELIVER_TASK)


def ask_worker(task: str, **named: Any) -> bool:
    """Have the worker do now what the beat process would have it do soon; whether it was asked.

    Whoever made the change waits here: one attempt, and a short one. `named` is for the task.
    """
    try:
        with current_app.connection_for_write(transport_options=ONE_ATTEMPT) as line:
            current_app.send_task(task, kwargs=named, connection=line, retry=False)
    except (OperationalError, ConnectionError) as error:
        log.warning("nudge_failed", error=type(error).__name__)
        return False
    return True
