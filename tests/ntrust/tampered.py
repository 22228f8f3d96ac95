"""Tampering as the owner of the database, and what is found then."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from ntrust.actions import suspend_site
from ntrust.seals import Head, last_seal, sealed_tables
from ntrust.verifying import Finding, verify_history
from safety.management.conduct import Conduct

HISTORY = "cohorts_outcomeevent"


@contextmanager
def tampering(*tables: str) -> Iterator[Any]:
    """A cursor of the tables' owner, with every trigger of theirs off."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield cursor
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def tamper(statement: str, *values: Any) -> None:
    """One statement that changes at least one row of the table it names."""
    table = re.match(r"(?:UPDATE|INSERT INTO|DELETE FROM) (\w+)", statement)
    assert table is not None
    with tampering(table[1]) as cursor:
        cursor.execute(statement, values or None)
        assert cursor.rowcount != 0, "the statement met no row"


def write_something(trial: Conduct) -> None:
    """A change, with history and an event."""
    suspend_site(trial.crews[0].site, reason="staff are ill", by=trial.manager, now=trial.tick())


def head() -> Head:
    seal = last_seal()
    assert seal is not None
    return Head(seal.number, seal.mac, seal.sealed_at)


def first(*heads: Head) -> Finding:
    """The first thing found, which must be there."""
    return found(*heads)[0]


def found(*heads: Head) -> tuple[Finding, ...]:
    return verify_history(heads).findings


def row_of(table: str, place: int = 3) -> int:
    """The number of a row somewhere in the table."""
    key = next(each.key for each in sealed_tables() if each.name == table)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {key} FROM {table} ORDER BY {key} OFFSET %s LIMIT 1", [place])
        (number,) = cursor.fetchone()
    return int(number)


def revision_at(number: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT pgh_context ->> 'revision' FROM {HISTORY} WHERE pgh_id = %s", [number]
        )
        return int(cursor.fetchone()[0])


def found_in_chain() -> list[Finding]:
    """What is found in the chain; later checks need every column."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ntrust.verifying.find_strays", lambda most: iter(()))
        return list(found())
