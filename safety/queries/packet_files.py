"""How far the files of a packet are, and the files themselves."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from safety.models import PacketFile
from safety.queries.packet_pages import PacketPage
from safety.states import PacketFileState, PacketForm

MOST_TRIES: Final = 5
"""By itself the service tries no more often; whoever looks has it tried again."""
_STALE: Final = timedelta(seconds=30)
TO_TAKE_AWAY: Final = (PacketForm.PDF, PacketForm.XLSX, PacketForm.JSON)


@dataclass(frozen=True)
class FileRow:
    """One form of a packet."""

    form: str
    name: str
    state: str
    is_ready: bool
    has_failed: bool
    percent: int
    content_hash: str


@dataclass(frozen=True)
class FilesPanel:
    """The files of a packet's edition of now, and how far all of them are together. `is_moving`
    while a worker has lately begun one."""

    rows: tuple[FileRow, ...]
    percent: int
    is_ready: bool
    has_failed: bool
    is_moving: bool


def read_files(page: PacketPage, *, now: datetime) -> FilesPanel:
    """One statement; the bytes stay where they are."""
    found = {row.form: row for row in _files(page).defer("content")}
    rows = tuple(_row(form, found.get(form)) for form in PacketForm)
    return FilesPanel(
        rows=tuple(row for row in rows if row.form in TO_TAKE_AWAY),
        percent=sum(row.percent for row in rows) // len(rows),
        is_ready=all(row.is_ready for row in rows),
        has_failed=any(row.has_failed for row in rows),
        is_moving=any(
            row.state == PacketFileState.PREPARING and row.started_at > now - _STALE
            for row in found.values()
        ),
    )


def _files(page: PacketPage) -> Any:
    return PacketFile.objects.filter(
        packet__study=page.study, packet__review__number=page.review, edition=page.edition
    )


def _row(form: PacketForm, row: PacketFile | None) -> FileRow:
    state = PacketFileState(row.state) if row else None
    return FileRow(
        form=form,
        name=form.label,
        state=state.label if state else "waits for the worker",
        is_ready=state == PacketFileState.READY,
        has_failed=state == PacketFileState.FAILED,
        percent=row.percent if row else 0,
        content_hash=row.content_hash if row else "",
    )


def read_file(page: PacketPage, form: PacketForm) -> bytes | None:
    """The bytes of a file that is ready; None before. Bytes that are not those that were hashed are
    none."""
    row = _files(page).filter(form=form, state=PacketFileState.READY).first()
    if row is None:
        return None
    content = bytes(row.content)
    return content if hashlib.sha256(content).hexdigest() == row.content_hash else None
