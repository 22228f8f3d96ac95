"""Spreadsheets of a take-over: read into plain text cells, and the template people fill in.

openpyxl only reads (formulas as they were last worked out); what is larger than a trial of this
kind can be is refused before it is unpacked.
"""

from __future__ import annotations

from io import BytesIO
from typing import Any, Final
from zipfile import BadZipFile, ZipFile

from openpyxl import Workbook, load_workbook
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.writer.excel import save_workbook

from ntrust.errors import Refused
from safety.takeover import SHEETS, Book, Line

MOST_BYTES: Final = 2_000_000
_MOST_UNPACKED: Final = 40_000_000
_MOST_ROWS: Final = 2_000
_MOST_COLUMNS: Final = 40
_GUIDE: Final = "how to fill this in"


def read_workbook(content: bytes) -> Book:
    """The sheets as lines of text cells, empty lines left out; row 1 names the columns.

    Refuses (`bad_spreadsheet`) what is not an XLSX workbook or is too large.
    """
    if len(content) > MOST_BYTES:
        raise Refused("bad_spreadsheet", "This file is larger than 2 MB.")
    try:
        with ZipFile(BytesIO(content)) as packed:
            if sum(part.file_size for part in packed.infolist()) > _MOST_UNPACKED:
                raise Refused("bad_spreadsheet", "This file unpacks to more than 40 MB.")
        book = load_workbook(BytesIO(content), read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError) as error:
        raise Refused("bad_spreadsheet", "This is not an XLSX workbook.") from error
    try:
        return {
            sheet.title.strip(): _lines(sheet)
            for sheet in book.worksheets
            if sheet.title.strip() != _GUIDE
        }
    finally:
        book.close()


def _lines(sheet: Any) -> list[Line]:
    rows = sheet.iter_rows(max_row=_MOST_ROWS + 2, max_col=_MOST_COLUMNS, values_only=True)
    names: list[str] = []
    lines = []
    for number, values in enumerate(rows, start=1):
        cells = [_text(value) for value in values]
        if number == 1:
            names = cells
        elif number > _MOST_ROWS + 1 and any(cells):
            raise Refused("bad_spreadsheet", f"A sheet has more than {_MOST_ROWS} rows.")
        elif any(cells):
            pairs = zip(names, cells, strict=False)
            lines.append(Line(number, {name: cell for name, cell in pairs if name or cell}))
    return lines


def _text(value: object) -> str:
    """A cell as text; days and moments come as ISO text."""
    return "" if value is None else str(value).strip()


def make_template() -> bytes:
    """An empty workbook with every sheet and column, and what belongs there."""
    book = Workbook()
    guide = book.active
    guide.title = _GUIDE
    guide.append(["sheet", "column", "holds", "needed", "one of", "what it is"])
    for name, columns in SHEETS.items():
        for one in columns:
            needed = "yes" if one.is_needed else "no"
            guide.append([name, one.name, str(one.kind), needed, ", ".join(one.choices), one.said])
        book.create_sheet(name).append([one.name for one in columns])
    packed = BytesIO()
    save_workbook(book, packed)
    return packed.getvalue()
