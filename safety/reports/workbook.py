"""A document as a workbook: a sheet a section, text only.

Every cell is a string, so nothing in it is a formula; what a spreadsheet that reads it from a CSV
would take for one has an apostrophe before it. The file has no time of day in it.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font
from openpyxl.writer.excel import save_workbook

from safety.reports.document import Block, Document, Figure, Lead, Notes, Section, Table, Tiles

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_REFUSED: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NAME: Final = re.compile(r"[\\*?:/\[\]]")
_WIDE: Final = 28
_NO_TIME: Final = (1980, 1, 1, 0, 0, 0)
_BOLD: Final = Font(bold=True)
_WRAPPED: Final = Alignment(wrap_text=True, vertical="top")
Line = tuple[tuple[str, ...], bool]
"""Cells of a row, and whether it is a heading."""


def make_workbook(document: Document) -> bytes:
    """The sheets in the order of the sections; each begins with what the document is."""
    book = Workbook(write_only=True)
    cut = datetime.fromisoformat(document.cut_at).replace(tzinfo=None)
    book.properties.creator, book.properties.title = "ntrust", document.title
    book.properties.language = "en-GB"
    book.properties.created = book.properties.modified = cut
    for section in document.sections:
        _sheet(book, document, section)
    packed = io.BytesIO()
    save_workbook(book, packed)
    return _without_time(packed.getvalue(), cut)


def _sheet(book: Any, document: Document, section: Section) -> None:
    sheet = book.create_sheet(sheet_name(section))
    for column in "ABCDEFGHIJ":
        sheet.column_dimensions[column].width = _WIDE
    heads: list[Line] = [((document.title,), True), *(((said,), False) for said in document.heads)]
    lines = [*heads, ((section.title,), True)]
    for block in section.blocks:
        lines += _lines(block)
    for cells, is_heading in [*lines, ((document.foot,), False)]:
        sheet.append([_cell(sheet, said, is_heading=is_heading) for said in cells])


def sheet_name(section: Section) -> str:
    """A section's title as a sheet may be called: no times, no signs that it may not have."""
    return _NAME.sub(" ", section.title.partition(" (")[0])[:31]


def _lines(block: Block) -> Iterator[Line]:
    match block:
        case Tiles():
            yield ("number", "what", "who"), True
            yield from (((one.number, one.label, one.who), False) for one in block.tiles)
        case Lead():
            yield (block.point, block.said), False
        case Notes():
            if block.heading:
                yield (block.heading,), True
            yield from (((said,), False) for said in block.said)
        case Table():
            yield (block.headers if block.rows else (block.nothing,)), bool(block.rows)
            yield from ((row, False) for row in block.rows)
        case Figure():
            yield (block.title,), True
            yield from (((said,), False) for said in _words(block))
            if block.rows:
                yield block.headers, True
            yield from ((row, False) for row in block.rows)


def _words(block: Figure) -> tuple[str, ...]:
    return (block.said, *(line.words for line in block.legend))


def _cell(sheet: Any, said: str, *, is_heading: bool) -> Any:
    cell = WriteOnlyCell(sheet, _REFUSED.sub("\ufffd", plain_text(said)))
    cell.data_type = "s"
    cell.alignment = _WRAPPED
    if is_heading:
        cell.font = _BOLD
    return cell


def plain_text(said: str) -> str:
    """Text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{said}" if said.lstrip(" ").startswith(_FORMULA) else said


def _without_time(packed: bytes, cut: datetime) -> bytes:
    """The same parts in the same order, none of them dated; `modified` is the cut again, for the
    library writes the time of day there."""
    out = io.BytesIO()
    stamp = f"{cut:%Y-%m-%dT%H:%M:%SZ}".encode()
    with zipfile.ZipFile(io.BytesIO(packed)) as source, zipfile.ZipFile(out, "w") as made:
        for part in source.infolist():
            content = source.read(part)
            if part.filename == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>" + stamp, content)
            info = zipfile.ZipInfo(part.filename, _NO_TIME)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr, info.create_system = 0o644 << 16, 3
            made.writestr(info, content)
    return out.getvalue()
