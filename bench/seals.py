"""How long it takes to seal and to verify: `python -m bench.seals`, on a database that is migrated.

Ratios are against reading the same rows, as text, without doing anything with them. Everything is
rolled back. Memory is Python's own at its highest.
"""

from __future__ import annotations

import os
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import django
from django.db import connection, transaction

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ntrust.settings")
django.setup()

from ntrust.sealing import seal_history  # noqa: E402
from ntrust.seals import read_rows, sealed_tables  # noqa: E402
from ntrust.verifying import verify_history  # noqa: E402

ROWS = 100_000
FILL = (
    "INSERT INTO ntrust_siteevent (pgh_created_at, pgh_label, pgh_obj_id, pgh_context, id, "
    "study_id, code, name, place, registry_status, timezone, state, suspended_because) "
    "SELECT clock_timestamp(), 'delete', -n, jsonb_build_object('revision', n, 'reason', "
    "'a reason of some length, as people write it', 'user', 1, 'username', 'somebody'), -n, 1, "
    "'S' || n, 'Site ' || n, 'Somewhere', 'RECRUITING', 'UTC', 'ACTIVE', '' "
    "FROM generate_series(1, %s) n"
)


def main() -> int:
    """Print what was measured."""
    for line in measure(ROWS):
        print(line)
    return 0


def measure(rows: int) -> list[str]:
    """Seal and verify so many rows; the lines of the table."""

    (table,) = (each for each in sealed_tables() if each.name == "ntrust_siteevent")

    def read() -> int:
        batches = read_rows(table.name, table.key, table.columns, after=None, upto=2**62)
        return sum(map(len, batches))

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FILL, [rows])
        plain, _ = _timed(read)
        sealing, sealed = _timed(lambda: seal_history(patience=0))
        verifying, verified = _timed(verify_history)
        assert sealed.rows >= rows <= verified.rows
        assert not [each for each in verified.findings if each.kind != "trigger"]
        tracemalloc.start()
        verify_history()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        transaction.set_rollback(True)
    return [
        f"{rows:,} rows, {sealed.seals} seals",
        f"read   {plain:6.2f} s",
        f"seal   {sealing:6.2f} s  {sealing / plain:4.1f} times reading",
        f"verify {verifying:6.2f} s  {verifying / plain:4.1f} times reading",
        f"memory {peak / 1e6:6.1f} MB at most, to verify",
    ]


def _timed(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    answer = call()
    return time.perf_counter() - began, answer


if __name__ == "__main__":
    sys.exit(main())
