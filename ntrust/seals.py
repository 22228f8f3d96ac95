"""The seal over the past: which tables, in which form, under which key.

Sealed are all tables whose rows are written once: the row histories, with the context of each
change, and what is append-only: events, signatures, recommendations, packets, accounts' history.
A `Seal` covers a stretch of one table: for each row its number and the SHA-256 of its text, under
one HMAC that also covers the seal before. The key is not in the database, and the head of the chain
leaves it (ntrust/sealing.py writes, ntrust/verifying.py reads).

A row's text is PostgreSQL's own, of the columns the table had when it was sealed, in the order of
their names: a column added later changes no seal.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.db import connection, models
from psycopg import sql

from ntrust.models import Seal

ROWS_A_SEAL: Final = 500
_ENTRY: Final = struct.Struct(">q32s")


@dataclass(frozen=True)
class SealedTable:
    """A table whose rows are written once. `key` numbers them; `columns` are all the others."""

    name: str
    key: str
    columns: tuple[str, ...]
    model: type[models.Model]

    @property
    def is_history(self) -> bool:
        """Whether triggers write it, rather than actions."""
        return hasattr(self.model, "pgh_tracked_model")


@cache
def sealed_tables() -> tuple[SealedTable, ...]:
    """Every table whose rows the database refuses to change, the seals themselves left out."""
    return tuple(
        SealedTable(
            name=model._meta.db_table,
            key=str(model._meta.pk.column),
            columns=tuple(
                sorted(str(f.column) for f in model._meta.concrete_fields if not f.primary_key)
            ),
            model=model,
        )
        for model in apps.get_models()
        if model is not Seal and is_written_once(model)
    )


def is_written_once(model: type[models.Model]) -> bool:
    """Whether the database refuses to update or delete this model's rows."""
    triggers = getattr(model._meta, "triggers", [])
    return any(trigger.name in ("append_only", "written_once") for trigger in triggers)


def settle_text() -> None:
    """Have the database write values the same way whatever the session was told."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; "
            "SET LOCAL intervalstyle = 'postgres'; SET LOCAL bytea_output = 'hex'; "
            "SET LOCAL extra_float_digits = 1"
        )


def read_rows(
    table: str, key: str, columns: Sequence[str], *, after: int | None, upto: int
) -> Iterator[list[tuple[int, str]]]:
    """The rows of a stretch as (number, text), in batches of `ROWS_A_SEAL`, in order."""
    row = sql.SQL(", ").join(map(sql.Identifier, columns))
    query = sql.SQL(
        "SELECT {key}, ROW({row})::text FROM {table} "
        "WHERE {key} <= %(upto)s AND (%(after)s::bigint IS NULL OR {key} > %(after)s) "
        "ORDER BY {key} LIMIT %(most)s"
    ).format(key=sql.Identifier(key), row=row, table=sql.Identifier(table))
    while True:
        with connection.cursor() as cursor:
            cursor.execute(query, {"after": after, "upto": upto, "most": ROWS_A_SEAL})
            batch = cursor.fetchall()
        if batch:
            yield batch
            after = batch[-1][0]
        if len(batch) < ROWS_A_SEAL:
            return


def digest(text: str) -> bytes:
    """What a seal keeps of a row."""
    return hashlib.sha256(text.encode()).digest()


def pack(rows: Sequence[tuple[int, str]]) -> bytes:
    """The entries of a seal: number and digest, a row after the other."""
    return b"".join(_ENTRY.pack(number, digest(text)) for number, text in rows)


def unpack(digests: bytes | memoryview) -> dict[int, bytes]:
    """Number to digest."""
    return dict(_ENTRY.iter_unpack(bytes(digests)))


def key_id(key: str) -> str:
    """What a seal calls its key: tells keys apart, and says nothing of them."""
    return hmac.new(key.encode(), b"the name of this key", hashlib.sha256).hexdigest()[:16]


def keys() -> Mapping[str, str]:
    """The keys that are known here, by name; the first of the settings seals."""
    return {key_id(key): key for key in settings.AUDIT_SEAL_KEYS}


def mac_of(seal: Seal, key: str) -> str:
    """HMAC-SHA256 of everything the seal says, the seal before included."""
    said: dict[str, Any] = {
        "number": seal.number,
        "sealed_at": seal.sealed_at.astimezone(UTC).isoformat(),
        "key_id": seal.key_id,
        "table": seal.table,
        "columns": list(seal.columns),
        "after": seal.after,
        "upto": seal.upto,
        "rows": seal.rows,
        "digests": hashlib.sha256(bytes(seal.digests)).hexdigest(),
        "previous": seal.previous,
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Head:
    """The end of the chain at a moment. Kept outside the database it shows a chain cut short."""

    number: int
    mac: str
    sealed_at: datetime

    def line(self) -> str:
        """As one line of JSON."""
        return json.dumps(
            {"number": self.number, "mac": self.mac, "sealed_at": self.sealed_at.isoformat()}
        )


def read_head(line: str) -> Head:
    """The head that `Head.line` wrote; ValueError when it is none."""
    try:
        said = json.loads(line)
        return Head(
            int(said["number"]), str(said["mac"]), datetime.fromisoformat(said["sealed_at"])
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise ValueError(f"This is no head of a seal: {line.strip()[:80]}") from problem


def last_seal() -> Seal | None:
    """The seal at the end of the chain, without its digests."""
    return Seal.objects.defer("digests").order_by("-number").first()
