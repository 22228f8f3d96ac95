"""A packet's files where several processes would make them, and by a real worker."""

from __future__ import annotations

import threading
import time

from django.db import connection

from safety.actions.packet_files import Draft, prepare_packet
from safety.models import PacketFile
from safety.states import PacketFileState, PacketForm
from tests.committed import CommittedDb
from tests.live import WorkerProcess
from tests.safety.test_packet_files import FORMS, KEY, Makers, build


def test_of_many_at_once_one_makes_each_file(committed_db: CommittedDb) -> None:
    trial = build()
    makers = Makers()
    started = threading.Barrier(4)
    slow = makers[PacketForm.PAGE]

    def make(draft: Draft) -> bytes:
        time.sleep(0.5)
        return slow(draft)

    makers[PacketForm.PAGE] = make

    def prepare() -> None:
        started.wait()
        prepare_packet(KEY, 2, makers, now=trial.now)
        connection.close()

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert makers.made == FORMS
    assert PacketFile.objects.count() == len(FORMS)


def test_worker_prepares_what_was_convened(
    committed_db: CommittedDb, celery_worker_process: WorkerProcess
) -> None:
    build()
    give_up = time.monotonic() + 300  # a bound, for a busy machine

    ready = PacketFile.objects.filter(
        packet__review__number=2, state=PacketFileState.READY, form=PacketForm.JSON
    )
    while not ready.exists():
        assert time.monotonic() < give_up, celery_worker_process.log
        time.sleep(0.1)

    files = PacketFile.objects.filter(packet__review__number=2)
    assert {row.form: bytes(row.content)[:4] for row in files}["PDF"] == b"%PDF"
    assert files.count() == len(FORMS)
