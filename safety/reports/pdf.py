"""A document as a PDF, by Typst: offline, with fonts that come with the packages, and without the
time of day, so the same document is the same bytes."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Final, Literal

import fontpkg_inter
import typst

from ntrust.signing import canonical
from safety.reports.document import Document

_TEMPLATE: Final = Path(__file__).with_name("document.typ")
_ACCESSIBLE: Final = "ua-1"


def make_pdf(document: Document) -> bytes:
    """The pages: tagged, titled, in English, and PDF/UA-1 where the fonts have every sign in it.

    Somebody may type a sign that no font has; the packet is made all the same.
    """
    data = canonical(document.as_data())
    try:
        return _compile(data, document.cut_at, _ACCESSIBLE)
    except typst.TypstError:
        return _compile(data, document.cut_at, None)


def _compile(data: str, cut_at: str, standard: Literal["ua-1"] | None) -> bytes:
    made = typst.compile(
        _TEMPLATE.read_bytes(),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"document": data},
        timestamp=int(datetime.fromisoformat(cut_at).timestamp()),
        pdf_standards=standard,
    )
    assert isinstance(made, bytes)
    return made


@cache
def _fonts() -> typst.Fonts:
    folder = Path(fontpkg_inter.__file__).with_name("files")
    return typst.Fonts(include_system_fonts=False, font_paths=[str(folder)])
