"""Answers to "are you alive?" and "can you work?", for load balancers and `make up`."""

from collections.abc import Callable
from typing import Any

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from ntrust import clock
from ntrust.standing import read_outbox


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; asks nobody else."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the service can work, else 503; says which part is down, not the details.

    Without Redis people still report and are told, through the database: `degraded`, and 200, so
    that a balancer keeps sending them here. `alerts` are figures for an operator and change nothing
    of the answer: how many messages wait, for how long the oldest, and whether somebody stands in
    for the queue.
    """
    parts = {name: _state(check) for name, check in CHECKS.items()}
    lost = {name for name, state in parts.items() if state != "ok"}
    is_ready = lost <= SPARED
    status = ("degraded" if lost else "ok") if is_ready else "down"
    body = {"status": status, "parts": parts, "alerts": _alerts()}
    return JsonResponse(body, status=200 if is_ready else 503)


def check_database() -> str:
    """Ask PostgreSQL for one row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return "ok"


def check_redis() -> str:
    """Ask Redis for a pong."""
    with redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2
    ) as client:
        client.ping()
    return "ok"


def check_migrations() -> str:
    """Compare the migrations in the code with those the database has had."""
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} to apply: run manage.py migrate" if missing else "ok"


CHECKS: dict[str, Callable[[], str]] = {
    "database": check_database,
    "redis": check_redis,
    "migrations": check_migrations,
}
SPARED = {"redis"}
"""What the service can work without; ntrust/standing.py says on every page that it does."""


def _alerts() -> dict[str, Any]:
    """The figures of the outbox; none while the database cannot be asked."""
    try:
        return read_outbox(now=clock.now()).as_dict()
    except DatabaseError:
        return {}


def _state(check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as problem:  # whatever it is, the part is down
        return f"down ({type(problem).__name__})"
