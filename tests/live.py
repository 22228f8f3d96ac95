"""The service as others meet it: over HTTP, and as a worker process."""

import os
import socket
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler

from local.guarded import Guarded, Stopping, start_guarded
from local.paths import ROOT
from ntrust.live.handler import Handler
from tests.committed import CommittedDb

WORKER_START_SECONDS = 60.0


@pytest.fixture
def live_url(committed_db: CommittedDb) -> Iterator[str]:
    """The service on a port of the loopback, in a thread of the test, on ``committed_db``."""
    with served() as url:
        yield url


@contextmanager
def served() -> Iterator[str]:
    """The service in a thread of the test, on the database of the default connection."""
    application = ASGIStaticFilesHandler(Handler())
    config = uvicorn.Config(
        application, lifespan="off", log_config=None, timeout_graceful_shutdown=2
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            wait_for_answer(url + "/healthz")
            yield url
        finally:
            server.should_exit = True
            thread.join(10)


def wait_for_answer(url: str, seconds: float = 20.0) -> None:
    """Return once the address answers 200."""
    give_up = time.monotonic() + seconds
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)


@dataclass(frozen=True)
class WorkerProcess:
    """A real Celery worker; ``log`` is what it has said."""

    guarded: Guarded
    log_file: Path

    @property
    def pid(self) -> int:
        """The process to signal: its guard, which passes an end on to the worker."""
        return self.guarded.process.pid

    @property
    def log(self) -> str:
        """Everything it has written so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")


@pytest.fixture
def celery_worker_process(committed_db: CommittedDb, tmp_path: Path) -> Iterator[WorkerProcess]:
    """A real Celery worker on ``committed_db`` and this test worker's Redis database."""
    worker = start_worker(committed_db, tmp_path / "worker.log")
    try:
        yield worker
    finally:
        worker.guarded.stop()


def start_worker(committed_db: CommittedDb, log_file: Path) -> WorkerProcess:
    """Start a worker and wait until it takes tasks."""
    command = [sys.executable, "-m", "celery", "--app", "ntrust.celery:app", "worker"]
    command += ["--concurrency", "1", "--loglevel", "INFO", "--without-gossip", "--without-mingle"]
    with log_file.open("wb") as output:
        guarded = start_guarded(
            "worker",
            command,
            output=output,
            stopping=Stopping("TERM", "QUIT", 3.0),
            cwd=ROOT,
            env={**os.environ, "DATABASE_URL": committed_db.url},
        )
    worker = WorkerProcess(guarded, log_file)
    give_up = time.monotonic() + WORKER_START_SECONDS
    while " ready." not in worker.log:
        if not guarded.is_running() or time.monotonic() > give_up:
            guarded.stop()
            raise AssertionError(f"The Celery worker did not start:\n{worker.log}")
        time.sleep(0.1)
    return worker
