"""/healthz and /readyz say whether the service lives, and which part it misses."""

from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from pytest_django import Settings

from tests.committed import CommittedDb


def test_healthz_asks_nobody(client: Client) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})


def test_readyz_is_ready_when_all_parts_answer(client: Client, committed_db: CommittedDb) -> None:
    response = client.get("/readyz")

    assert response.json() == {
        "status": "ok",
        "parts": {"database": "ok", "redis": "ok", "migrations": "ok"},
        "alerts": {
            "waiting": 0,
            "urgent": 0,
            "oldest_seconds": 0,
            "retried": 0,
            "failed": 0,
            "silent_jobs": [],
            "trouble": "UNWATCHED",
        },
    }
    assert response.status_code == 200


@pytest.fixture
def lost_database(committed_db: CommittedDb) -> Iterator[None]:
    """The database cannot be reached: its port is closed."""
    connection.close()
    kept = connection.settings_dict["PORT"]
    connection.settings_dict["PORT"] = "1"
    yield
    connection.close()
    connection.settings_dict["PORT"] = kept


def test_readyz_names_the_lost_database(client: Client, lost_database: None) -> None:
    response = client.get("/readyz")

    assert (response.status_code, response.json()["status"]) == (503, "down")
    assert response.json()["parts"] == {
        "database": "down (OperationalError)",
        "redis": "ok",
        "migrations": "down (OperationalError)",
    }
    assert response.json()["alerts"] == {}


def test_readyz_names_the_lost_redis_and_stays_in_the_balancer(
    client: Client, committed_db: CommittedDb, settings: Settings
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    response = client.get("/readyz")

    assert (response.status_code, response.json()["status"]) == (200, "degraded")
    assert response.json()["parts"]["redis"] == "down (ConnectionError)"
    assert response.json()["parts"]["database"] == "ok"


def test_readyz_counts_the_migrations_to_apply(client: Client, committed_db: CommittedDb) -> None:
    MigrationRecorder.Migration.objects.filter(app="sessions").delete()

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["parts"]["migrations"] == "1 to apply: run manage.py migrate"
