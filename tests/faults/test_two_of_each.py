"""Two beats at once: of each periodic job one runs. Two sweepers: tests/faults/test_alerts.py."""

from __future__ import annotations

import threading

import pytest
from celery import current_app
from django.db import connection

from ntrust.models import JobRun
from tests.committed import CommittedDb

SEAL = "ntrust.tasks.seal_history"


def test_of_two_beats_one_has_the_job_done(
    committed_db: CommittedDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second finds it running and does nothing; once it is over it may run again."""
    current_app.loader.import_default_modules()
    job = current_app.tasks[SEAL]
    begun, end, runs = threading.Event(), threading.Event(), []

    def slow() -> int:
        runs.append(1)
        begun.set()
        assert end.wait(20)
        return 7

    monkeypatch.setattr(job, "run", slow)

    def first() -> None:
        try:
            assert job() == 7
        finally:
            connection.close()

    thread = threading.Thread(target=first)
    thread.start()
    assert begun.wait(20)

    assert job() is None
    assert not JobRun.objects.filter(name=SEAL).exists(), "it has not run to its end"
    end.set()
    thread.join(20)

    assert len(runs) == 1
    assert JobRun.objects.get(name=SEAL).ran_at is not None
    assert job() == 7
