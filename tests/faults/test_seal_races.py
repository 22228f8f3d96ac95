"""A seal beside writers: a row with a low number that is committed late is sealed, once."""

import threading
import time
from collections import Counter

import psycopg
import pytest
from django.db import connection

from ntrust.change import study_change
from ntrust.models import Seal, Site
from ntrust.sealing import _look, seal_history
from ntrust.seals import unpack
from ntrust.verifying import verify_history
from tests.committed import CommittedDb
from tests.factories import make_trial

TABLE = "ntrust_siteevent"
ADD = (
    "INSERT INTO ntrust_site (study_id, code, name, place, registry_status, timezone, state, "
    "suspended_because) SELECT id, %s, %s, '', '', 'UTC', 'PLANNED', '' FROM ntrust_study"
)
CONTEXT = "SELECT set_config('pghistory.context_metadata', %s, true)"


@pytest.fixture
def slow(committed_db: CommittedDb) -> psycopg.Connection:
    """Somebody who has written a row, whose number is taken, and has not committed."""
    make_trial()
    line = psycopg.connect(committed_db.url)
    line.execute(CONTEXT, ['{"revision": 1, "reason": "slow"}'])
    line.execute(ADD, ["SLOW", "Slow"])
    return line


def write_fast() -> None:
    """Somebody who comes later and commits before."""
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(CONTEXT, ['{"revision": 1, "reason": "fast"}'])
        cursor.execute(ADD, ["FAST", "Fast"])
        cursor.execute("COMMIT")


def sealed_once() -> bool:
    """Whether each row of the table is in exactly one seal."""
    counted = Counter(
        number for seal in Seal.objects.filter(table=TABLE) for number in unpack(seal.digests)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pgh_id FROM {TABLE}")
        return counted == Counter(number for (number,) in cursor.fetchall())


def test_number_is_lower_and_committed_later(slow: psycopg.Connection) -> None:
    """The positive control: who seals up to the highest number now would miss a row for good."""
    write_fast()

    _, highest = _look()

    upto = highest[TABLE]
    slow.commit()
    slow.close()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pgh_id FROM {TABLE} WHERE name = 'Slow'")
        assert upto is not None
        assert cursor.fetchone()[0] < upto


def test_table_of_a_slow_writer_waits_for_the_next_seal(slow: psycopg.Connection) -> None:
    write_fast()

    first = seal_history(patience=0.2)
    assert TABLE in first.waiting
    assert not Seal.objects.filter(table=TABLE).exists()
    assert first.rows > 0
    slow.commit()
    slow.close()
    second = seal_history(patience=0)

    assert (second.waiting, second.rows > 0) == ((), True)
    assert sealed_once()
    assert verify_history().findings == ()
    assert verify_history().unsealed == 0


def test_seal_waits_for_a_writer_who_ends_in_time(slow: psycopg.Connection) -> None:
    write_fast()
    ending = threading.Timer(0.5, slow.commit)
    ending.start()

    done = seal_history(patience=20)

    ending.join()
    slow.close()
    assert done.waiting == ()
    assert sealed_once()


def test_writer_never_waits_for_a_seal(slow: psycopg.Connection) -> None:
    began = threading.Thread(target=seal_beside, args=(3,))
    began.start()
    time.sleep(0.5)
    before = time.monotonic()

    write_fast()

    assert time.monotonic() - before < 2
    slow.rollback()
    slow.close()
    began.join()


def seal_beside(patience: float) -> None:
    try:
        seal_history(patience=patience)
    finally:
        connection.close()


def test_seals_beside_writers_leave_nothing_out(committed_db: CommittedDb) -> None:
    trial = make_trial()
    is_over = threading.Event()

    def write(writer: int) -> None:
        try:
            for number in range(8):
                with study_change(trial.study, by=trial.manager, reason="race", now=trial.now):
                    Site.objects.create(study=trial.study, code=f"R{writer}-{number}", name="x")
        finally:
            connection.close()

    def seal() -> None:
        try:
            while not is_over.is_set():
                seal_history(patience=0.05)
        finally:
            connection.close()

    writers = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    sealer = threading.Thread(target=seal)
    for thread in (*writers, sealer):
        thread.start()
    for thread in writers:
        thread.join()
    is_over.set()
    sealer.join()
    seal_history(patience=5)

    assert Site.objects.filter(code__startswith="R").count() == 32
    assert sealed_once()
    assert verify_history().findings == ()
