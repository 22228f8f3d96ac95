"""The audit trail as a file: a generation record, then the rows, under the hash it names.

CSV: the first line is `# ` and the record as JSON; the SHA-256 is of everything after that line.
JSON: `{"generation": …, "rows": […]}`, a row a line; the SHA-256 is of the rows' lines alone, each
without its comma and with a newline. Rows pass through a temporary file, never through memory.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import IO, Any, Final

from safety.exports import csv_line
from safety.queries.audit import AuditRow

_IN_MEMORY: Final = 1_000_000
_CHUNK: Final = 65_536
COLUMNS: Final = (
    "at", "revision", "table", "row", "subject", "action", "field", "old", "new",
    "who", "username", "reason", "request",
)  # fmt: skip


@dataclass
class Spool:
    """Lines set aside, with how many rows they are and their hash."""

    file: IO[bytes]
    rows: int
    sha256: str


def spool(rows: Iterable[AuditRow], form: str) -> Spool:
    """Write the rows aside in a form: `csv` or `json`."""
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed when sent
    lines = _LINES[form]
    count, said = 0, hashlib.sha256()
    if form == "csv":
        said.update(_put(file, csv_line(COLUMNS)))
    for row in rows:
        count += 1
        for line in lines(row):
            said.update(_put(file, line))
    return Spool(file, count, said.hexdigest())


def _put(file: IO[bytes], line: bytes) -> bytes:
    file.write(line)
    return line


def send(spooled: Spool, form: str, record: dict[str, Any]) -> Iterator[bytes]:
    """The file, piece by piece, with its generation record first."""
    said = json.dumps(record, ensure_ascii=False, sort_keys=True)
    spooled.file.seek(0)
    with spooled.file as file:
        if form == "csv":
            yield f"# {said}\n".encode()
            while piece := file.read(_CHUNK):
                yield piece
            return
        yield f'{{"generation": {said},\n"rows": [\n'.encode()
        before = b""
        for line in file:
            yield before + line.rstrip(b"\n")
            before = b",\n"
        yield b"\n]}\n"


def _csv_lines(row: AuditRow) -> Iterator[bytes]:
    """One line a field; one for a row without."""
    start = [row.at.isoformat(), row.revision, row.table, row.row, row.subject, row.action]
    end = [row.who, row.username, row.reason, row.request]
    for change in row.changes:
        yield csv_line([*start, change.field, change.old, change.new, *end])
    if not row.changes:
        yield csv_line([*start, "", "", "", *end])


def _json_lines(row: AuditRow) -> Iterator[bytes]:
    said = {**asdict(row), "at": row.at.isoformat()}
    yield json.dumps(said, ensure_ascii=False, sort_keys=True).encode() + b"\n"


_LINES: Final[dict[str, Callable[[AuditRow], Iterator[bytes]]]] = {
    "csv": _csv_lines,
    "json": _json_lines,
}
FORMS: Final = tuple(_LINES)
