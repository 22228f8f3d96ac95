"""Looking for what does not agree with the seals (see ntrust/seals.py), the first of it first.

Checked are, in this order: the chain of seals, link by link, under the known keys, and each sealed
row against its digest; the exported heads; rows that say they are older than the last seal of their
table; every live row against the last version in its history; and the triggers that keep all this.
What was changed after the last seal, in a row and its history alike, cannot be seen: that is the
limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Final

from django.db import connection, transaction
from psycopg import sql

from ntrust.models import Seal
from ntrust.seals import (
    Head,
    SealedTable,
    digest,
    keys,
    mac_of,
    read_rows,
    sealed_tables,
    settle_text,
    unpack,
)
from ntrust.tracking import find_strays, find_trigger_faults

MOST_FINDINGS: Final = 20
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
_SEALS_AT_ONCE: Final = 50


@dataclass(frozen=True)
class Finding:
    """Something that does not agree. `row` is the row's number in its table, None for no row;
    `kind` one of altered, missing, inserted, reordered, unkept, seal, head, trigger."""

    kind: str
    table: str
    sentence: str
    row: int | None = None
    revision: int | None = None

    def __str__(self) -> str:
        where = self.table if self.row is None else f"{self.table} {self.row}"
        at = "" if self.revision is None else f" (revision {self.revision})"
        return f"{self.kind}: {where}{at}: {self.sentence}"


@dataclass
class Verified:
    """What was looked at, and the first `MOST_FINDINGS` of what does not agree.

    `unsealed` rows are newer than the last seal of their table.
    """

    seals: int = 0
    rows: int = 0
    unsealed: int = 0
    head: Head | None = None
    findings: tuple[Finding, ...] = ()
    upto: dict[str, int] = field(default_factory=dict)


def verify_history(heads: Sequence[Head] = ()) -> Verified:
    """Check everything; memory is a few seals and their rows. `heads` are exported ones."""
    done = Verified()
    with transaction.atomic():
        settle_text()
        done.findings = tuple(islice(_findings(done, heads), MOST_FINDINGS))
    return done


def _findings(done: Verified, heads: Sequence[Head]) -> Iterator[Finding]:
    yield from _check_chain(done, {head.number: head for head in heads})
    last = done.head.number if done.head else 0
    for head in heads:
        if head.number > last:
            yield Finding(
                "head",
                "ntrust_seal",
                f"was exported on {head.sealed_at:%d-%b-%Y %H:%M} UTC, and the chain ends at "
                f"{last}: the seals after it are gone",
                head.number,
            )
            break
    yield from _check_unsealed(done)
    for stray in find_strays(most=MOST_FINDINGS):
        yield Finding("unkept", stray.table, stray.sentence, stray.row, stray.revision)
    for table, sentence in find_trigger_faults():
        yield Finding("trigger", table, sentence)


def _check_chain(done: Verified, heads: dict[int, Head]) -> Iterator[Finding]:
    known = keys()
    for seal in _seals():
        expected = done.head.number + 1 if done.head else 1
        if seal.number != expected:
            gone = f"{expected}" if seal.number == expected + 1 else f"{expected}-{seal.number - 1}"
            yield _about(seal, f"follows on nothing: seal {gone} is gone")
        elif seal.previous != (done.head.mac if done.head else ""):
            yield _about(seal, "does not follow on the seal before it")
        if seal.number in heads and heads[seal.number].mac != seal.mac:
            yield Finding("head", "ntrust_seal", "is not the seal that was exported", seal.number)
        key = known.get(seal.key_id)
        done.head = Head(seal.number, seal.mac, seal.sealed_at)
        done.seals += 1
        if key is None:
            yield _about(seal, f"was made with a key ({seal.key_id}) that is not known here")
        elif mac_of(seal, key) != seal.mac:
            yield _about(seal, "was altered, or made with another key")
        else:
            if seal.after != done.upto.get(seal.table):
                yield _about(seal, f"leaves out rows of {seal.table} before it")
            yield from _check_rows(done, seal)
        done.upto[seal.table] = seal.upto


def _about(seal: Seal, sentence: str) -> Finding:
    return Finding("seal", "ntrust_seal", sentence, seal.number)


def _seals() -> Iterator[Seal]:
    number = 0
    while batch := list(Seal.objects.filter(number__gt=number).order_by("number")[:_SEALS_AT_ONCE]):
        yield from batch
        number = batch[-1].number


def _check_rows(done: Verified, seal: Seal) -> Iterator[Finding]:
    """Each row of a seal's stretch against its digest, and each digest against a row."""
    table = _tables().get(seal.table)
    if table is None or not {*seal.columns} <= {*_columns_there(seal.table)}:
        yield Finding("missing", seal.table, "the table, or a column that was sealed, is gone")
        return
    sealed = unpack(seal.digests)
    left = dict(sealed)
    stretch = read_rows(table.name, table.key, seal.columns, after=seal.after, upto=seal.upto)
    for number, text in (row for batch in stretch for row in batch):
        done.rows += 1
        expected, found = left.pop(number, None), digest(text)
        if expected == found:
            continue
        revision = _revision(table, number)
        other = next((n for n, value in sealed.items() if value == found and n != number), None)
        if other is not None:
            said = f"holds what row {other} held when it was sealed"
            yield Finding("reordered", table.name, said, number, revision)
        elif expected is None:
            said = f"stands among rows sealed on {_when(seal)} and was not there then"
            yield Finding("inserted", table.name, said, number, revision)
        else:
            said = f"is not what was sealed on {_when(seal)}"
            yield Finding("altered", table.name, said, number, revision)
    for number in left:
        yield Finding("missing", table.name, f"was sealed on {_when(seal)} and is gone", number)


def _when(seal: Seal) -> str:
    return f"{seal.sealed_at:%d-%b-%Y %H:%M:%S} UTC in seal {seal.number}"


def _tables() -> dict[str, SealedTable]:
    return {table.name: table for table in sealed_tables()}


def _columns_there(table: str) -> list[str]:
    with connection.cursor() as cursor:
        return [
            column.name for column in connection.introspection.get_table_description(cursor, table)
        ]


def _revision(table: SealedTable, number: int) -> int | None:
    """The study's revision a row was written at, where it says so."""
    if table.is_history:
        column = sql.SQL("(pgh_context ->> 'revision')::bigint")
    elif "revision" in table.columns:
        column = sql.SQL("revision")
    else:
        return None
    query = sql.SQL("SELECT {column} FROM {table} WHERE {key} = %s").format(
        column=column, table=sql.Identifier(table.name), key=sql.Identifier(table.key)
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [number])
        row = cursor.fetchone()
    return row[0] if row else None


def _check_unsealed(done: Verified) -> Iterator[Finding]:
    """Rows after the last seal of their table: how many, and that none is older than that seal."""
    sealed_at = {
        seal.table: seal.sealed_at
        for seal in Seal.objects.defer("digests").order_by("table", "-number").distinct("table")
    }
    for table in sealed_tables():
        upto = done.upto.get(table.name)
        query = sql.SQL("SELECT count(*) FROM {table} WHERE {key} > %s").format(
            table=sql.Identifier(table.name), key=sql.Identifier(table.key)
        )
        with connection.cursor() as cursor:
            cursor.execute(query, [-(2**63) if upto is None else upto])
            done.unsealed += cursor.fetchone()[0]
        if upto is None or not table.is_history:
            continue
        before = sealed_at[table.name] - _CLOCKS_DIFFER
        rows = table.model._default_manager.filter(pk__gt=upto, pgh_created_at__lt=before)
        for number in rows.order_by("pk").values_list("pk", flat=True)[:MOST_FINDINGS]:
            said = (
                f"says that it is older than the seal of {sealed_at[table.name]:%d-%b-%Y %H:%M} UTC"
            )
            yield Finding("inserted", table.name, said, number, _revision(table, number))
