"""The fixtures every other test leans on."""

import os
import threading
import urllib.request

import pytest
import redis
from celery import current_app
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, connections

from tests.committed import CommittedDb
from tests.live import WorkerProcess
from tests.servers import redis_of_worker

User = get_user_model()


def test_committed_db_is_seen_by_other_threads(committed_db: CommittedDb) -> None:
    seen: list[object] = []

    def look() -> None:
        seen.append(User.objects.filter(username="ada").exists())
        connection.close()

    User.objects.create_user("ada")
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert seen == [True]
    assert connections["default"].settings_dict["NAME"] == committed_db.name


def test_committed_db_is_new_for_each_test(committed_db: CommittedDb) -> None:
    assert User.objects.count() == 0


@pytest.mark.django_db
def test_rolled_back_database_is_not_the_copy() -> None:
    assert "_c" not in connection.settings_dict["NAME"]
    assert User.objects.count() == 0


def test_live_url_serves_what_the_test_committed(live_url: str) -> None:
    with urllib.request.urlopen(live_url + "/readyz", timeout=10) as answer:
        assert answer.status == 200


def test_celery_worker_process_takes_tasks(celery_worker_process: WorkerProcess) -> None:
    assert " ready." in celery_worker_process.log
    assert celery_worker_process.guarded.is_running()


def test_redis_answers_with_this_workers_database() -> None:
    assert settings.REDIS_URL == os.environ["REDIS_URL"] == current_app.conf.broker_url
    with redis.Redis.from_url(settings.REDIS_URL) as line:
        line.set("who", "me", ex=10)

        assert line.get("who") == b"me"


def test_redis_of_worker_keeps_workers_apart() -> None:
    assert redis_of_worker("redis://:x@127.0.0.1:6379/0", "gw0").endswith("/1")
    assert redis_of_worker("redis://:x@127.0.0.1:6379/3", "gw2").endswith("/6")
    assert redis_of_worker("redis://127.0.0.1:6379", "gw1").endswith("6379/2")
