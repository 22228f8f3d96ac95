"""Packets as documents: page, PDF, workbook and JSON, all made from one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ntrust.signing import canonical
from safety.actions.packet_files import Draft
from safety.queries.packet_pages import PacketPage
from safety.reports.document import Document
from safety.reports.figures import draw_figures
from safety.reports.packet import packet_document
from safety.reports.pages import document_of, page_bytes
from safety.reports.pdf import make_pdf
from safety.reports.record import make_record
from safety.reports.workbook import make_workbook
from safety.states import PacketForm

__all__ = ["MAKERS", "document_of", "undrawn"]


def undrawn(page: PacketPage) -> Document:
    """The document without its charts, for a page that cannot wait for them."""
    return packet_document(page, {})


def _page(draft: Draft) -> bytes:
    return page_bytes(packet_document(draft.packet, draw_figures(draft.packet)))


def _from_page(make: Callable[[Document], bytes]) -> Callable[[Draft], bytes]:
    def made(draft: Draft) -> bytes:
        assert draft.page is not None, "the page is made first"
        return make(document_of(draft.page))

    return made


def _json(draft: Draft) -> bytes:
    return canonical(make_record(draft.packet)).encode()


MAKERS: Final = {
    PacketForm.PAGE: _page,
    PacketForm.PDF: _from_page(make_pdf),
    PacketForm.XLSX: _from_page(make_workbook),
    PacketForm.JSON: _json,
}
