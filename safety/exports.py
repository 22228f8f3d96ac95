"""Lists as files, CSV and XLSX: one line with what they are, one with headings, then the rows.

Before a file leaves, it is written down who takes it: `send_sheet` sends none without that.

Rows pass through a temporary file, never through memory, and reach the browser in pieces. Text
that a spreadsheet would take for a formula stays text.
"""

from __future__ import annotations

import csv
import hashlib
import io
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import IO, Any, Final

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.utils import get_column_letter
from openpyxl.writer.excel import save_workbook

from ntrust.models import Study, User
from safety.actions import ListFile, record_list_export

_IN_MEMORY: Final = 1_000_000
_CHUNK: Final = 65_536
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_WIDTH: Final = 22


@dataclass(frozen=True)
class Sheet:
    """A list to be written: what it is, of which studies, by whom, as of when, under which filter.

    `counted` is how many rows of each study have been written so far."""

    name: str
    title: str
    studies: tuple[str, ...]
    by: User
    at: datetime
    asked: tuple[tuple[str, str], ...]
    headings: tuple[str, ...]
    rows: Iterable[tuple[Any, ...]]
    counted: Counter[str] = field(default_factory=Counter)

    @property
    def said(self) -> tuple[str, ...]:
        """The first line."""
        asked = ", ".join(f"{name} = {value}" for name, value in self.asked) or "none"
        return (
            f"# {self.title}",
            f"study: {', '.join(self.studies)}",
            f"as of: {self.at.astimezone(UTC).isoformat(timespec='seconds')}",
            f"filter: {asked}",
            f"exported by: {self.by}",
        )


def send_sheet(request: HttpRequest, sheet: Sheet, form: str) -> StreamingHttpResponse:
    """The list as a file of a form in `FORMS`. That it is taken away is an event of each of its
    studies."""
    write, kind = FORMS[form]
    file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed when sent
    try:
        write(sheet, file)
        file.seek(0)
        _write_down(sheet, form, sha256=hashlib.file_digest(file, "sha256").hexdigest())
        file.seek(0)
    except BaseException:
        file.close()
        raise
    pieces: Any = _later(file) if isinstance(request, ASGIRequest) else _now(file)
    answer = StreamingHttpResponse(pieces, content_type=kind)
    vars(answer)["_resource_closers"].append(file.close)  # also when nobody reads it
    where = sheet.studies[0] if len(sheet.studies) == 1 else "studies"
    name = f"{sheet.name}-{where}-{sheet.at.astimezone(UTC):%Y%m%d-%H%M}.{form}"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _write_down(sheet: Sheet, form: str, *, sha256: str) -> None:
    for study in Study.objects.filter(key__in=sheet.studies).order_by("key"):
        rows, asked = sheet.counted[study.key], dict(sheet.asked)
        made = ListFile(sheet.name, sheet.title, form, asked, rows, sha256)
        record_list_export(study, file=made, by=sheet.by)


def _now(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_CHUNK):
            yield piece


async def _later(file: IO[bytes]) -> AsyncIterator[bytes]:
    """The same for a server that would otherwise gather a plain iterator in memory first."""
    with file:
        while piece := await sync_to_async(file.read)(_CHUNK):
            yield piece


def write_csv(sheet: Sheet, file: IO[bytes]) -> None:
    """UTF-8, commas, a line a row; moments and days in ISO form."""
    for cells in (sheet.said, sheet.headings):
        file.write(csv_line(cells))
    for row in sheet.rows:
        file.write(csv_line(row))


def csv_line(cells: Iterable[Any]) -> bytes:
    """One line, each cell safe to be opened in a spreadsheet."""
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(safe_text(cell) for cell in cells)
    return line.getvalue().encode()


def safe_text(cell: Any) -> str:
    """A cell as text. What a spreadsheet would take for a formula gets an apostrophe before it."""
    text = _text(cell)
    is_formula = isinstance(cell, str) and text.lstrip(" ").startswith(_FORMULA)
    return f"'{text}" if is_formula else text


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, datetime):
        return cell.astimezone(UTC).isoformat(timespec="seconds")
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def write_xlsx(sheet: Sheet, file: IO[bytes]) -> None:
    """One worksheet, written as it is read; moments are UTC, text is never a formula."""
    book = Workbook(write_only=True)
    page = book.create_sheet(sheet.title[:31])
    page.freeze_panes = "A3"
    for number in range(1, len(sheet.headings) + 1):
        page.column_dimensions[get_column_letter(number)].width = _WIDTH
    for row in (sheet.said, sheet.headings):
        page.append([_cell(page, cell) for cell in row])
    for row in sheet.rows:
        page.append([_cell(page, cell) for cell in row])
    save_workbook(book, file)


def _cell(page: Any, value: Any) -> Any:
    if isinstance(value, datetime):
        cell = WriteOnlyCell(page, value.astimezone(UTC).replace(tzinfo=None, microsecond=0))
        cell.number_format = "yyyy-mm-dd hh:mm:ss"
        return cell
    if isinstance(value, date):
        cell = WriteOnlyCell(page, value)
        cell.number_format = "yyyy-mm-dd"
        return cell
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return WriteOnlyCell(page, value)
    cell = WriteOnlyCell(page, ILLEGAL_CHARACTERS_RE.sub("", _text(value)))
    cell.data_type = "s"
    return cell


FORMS: Final[dict[str, tuple[Callable[[Sheet, IO[bytes]], None], str]]] = {
    "csv": (write_csv, "text/csv; charset=utf-8"),
    "xlsx": (
        write_xlsx,
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
}
