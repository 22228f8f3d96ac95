"""Sealing what has been written since the last seal (see ntrust/seals.py).

A row gets its number before its transaction commits, so a lower number may appear after a higher
one. For every table the highest number is looked up first, then who is still writing to it: whoever
took a number up to that one holds a lock on the table until the end of their transaction. Once all
of those have ended, nothing at or below that number can appear any more, and the stretch is sealed.
A table whose writers take longer than `PATIENCE` waits for the next seal; none is sealed in part,
none twice, and no writer ever waits for a seal.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import structlog
from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from ntrust.errors import Refused
from ntrust.models import Seal
from ntrust.seals import (
    Head,
    SealedTable,
    key_id,
    last_seal,
    mac_of,
    pack,
    read_head,
    read_rows,
    sealed_tables,
    settle_text,
)

PATIENCE: Final = 10.0
"""Seconds that a seal waits for those who are writing."""
_GLANCE: Final = 0.05
_END_OF_FILE: Final = 1024
_LOCK: Final = 0x5EA15
_WRITING: Final = [
    "RowExclusiveLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
]

logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Sealing:
    """What one run has sealed. `head` is the end of the chain, None before the first seal."""

    rows: int
    seals: int
    waiting: tuple[str, ...]
    head: Head | None


def seal_history(*, patience: float = PATIENCE) -> Sealing:
    """Seal every row written since the last seal, and add the head to the exported ones.

    Refuses to go on from a chain that is not the one whose head was exported (`chain_cut`), and to
    seal beside another (`being_sealed`). With nothing new it writes nothing.
    """
    with transaction.atomic():
        _lock()
        last = last_seal()
        _check_exported(last)
        settle_text()
        sealed_at, highest = _look()
        waiting = _wait_for_writers(patience)
        done = Sealing(0, 0, waiting, _head(last))
        for table in sealed_tables():
            upto = highest[table.name]
            if upto is not None and table.name not in waiting:
                done = _seal_table(table, upto, done=done, at=sealed_at)
    if done.seals and done.head:
        logger.info(
            "history sealed",
            head=done.head.number,
            mac=done.head.mac,
            rows=done.rows,
            waiting=list(waiting),
        )
    _export(done.head)
    return done


def exported_heads() -> list[Head]:
    """Every head in the file of AUDIT_SEAL_HEADS, oldest first; none without a file."""
    path = Path(settings.AUDIT_SEAL_HEADS)
    if not settings.AUDIT_SEAL_HEADS or not path.is_file():
        return []
    return [read_head(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


def last_exported() -> Head | None:
    """The last line of the file of AUDIT_SEAL_HEADS."""
    path = Path(settings.AUDIT_SEAL_HEADS)
    if not settings.AUDIT_SEAL_HEADS or not path.is_file():
        return None
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _END_OF_FILE))
        lines = file.read().decode().strip().splitlines()
    return read_head(lines[-1]) if lines else None


def _lock() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
        if not cursor.fetchone()[0]:
            raise Refused("being_sealed", "Another process is sealing now.")


def _check_exported(last: Seal | None) -> None:
    try:
        head = last_exported()
    except ValueError as problem:
        said = f"The file of exported heads cannot be read: {problem}"
        raise Refused("chain_cut", said) from problem
    if head is None:
        return
    seal = Seal.objects.filter(number=head.number).defer("digests").first()
    if seal is None or seal.mac != head.mac:
        end = f"ends at seal {last.number}" if last else "has no seal"
        raise Refused(
            "chain_cut",
            f"Seal {head.number} was exported and is not in the database, whose chain {end}. "
            "Nothing is sealed until somebody has looked: run `manage.py verify_history`.",
        )


def _look() -> tuple[datetime, Mapping[str, int | None]]:
    """The time, and the highest number of each table that can be seen."""
    parts = [
        sql.SQL("SELECT {name}, max({key}) FROM {table}").format(
            name=sql.Literal(table.name),
            key=sql.Identifier(table.key),
            table=sql.Identifier(table.name),
        )
        for table in sealed_tables()
    ]
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
        cursor.execute(sql.SQL(" UNION ALL ").join(parts))
        return now, dict(cursor.fetchall())


def _wait_for_writers(patience: float) -> tuple[str, ...]:
    """Wait for those who write now; the tables of those who have not ended by then."""
    until = time.monotonic() + patience
    writing = first = _writers()
    while writing and time.monotonic() < until:
        time.sleep(_GLANCE)
        writing = first & _writers()
    return tuple(sorted({table for table, _ in writing}))


def _writers() -> set[tuple[str, str]]:
    """(table, transaction) of everybody else who holds a lock for writing on a sealed table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, l.virtualtransaction FROM pg_locks l "
            "JOIN pg_class c ON c.oid = l.relation "
            "JOIN pg_database d ON d.oid = l.database AND d.datname = current_database() "
            "WHERE l.locktype = 'relation' AND l.granted AND l.mode = ANY(%s) "
            "AND l.pid IS DISTINCT FROM pg_backend_pid() AND c.relname = ANY(%s)",
            [_WRITING, [table.name for table in sealed_tables()]],
        )
        return set(cursor.fetchall())


def _seal_table(table: SealedTable, upto: int, *, done: Sealing, at: datetime) -> Sealing:
    """Seal one table up to a number: one seal for each batch of rows."""
    key = settings.AUDIT_SEAL_KEYS[0]
    stretches = Seal.objects.filter(table=table.name).order_by("-number")
    after = stretches.values_list("upto", flat=True).first()
    for rows in read_rows(table.name, table.key, table.columns, after=after, upto=upto):
        seal = Seal(
            number=done.head.number + 1 if done.head else 1,
            sealed_at=at,
            key_id=key_id(key),
            table=table.name,
            columns=list(table.columns),
            after=after,
            upto=rows[-1][0],
            rows=len(rows),
            digests=pack(rows),
            previous=done.head.mac if done.head else "",
        )
        seal.mac = mac_of(seal, key)
        Seal.objects.bulk_create([seal])
        after = seal.upto
        done = replace(done, rows=done.rows + len(rows), seals=done.seals + 1, head=_head(seal))
    return done


def _head(seal: Seal | None) -> Head | None:
    return Head(seal.number, seal.mac, seal.sealed_at) if seal else None


def _export(head: Head | None) -> None:
    """Add the head to the file, unless it is there already."""
    if head is None or not settings.AUDIT_SEAL_HEADS or head == last_exported():
        return
    path = Path(settings.AUDIT_SEAL_HEADS)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(head.line() + "\n")
