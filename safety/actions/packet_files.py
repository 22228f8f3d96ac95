"""The files of a packet, prepared in the background: each made once, and never again."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from django.db import connection
from django.db.models import F, Max

from ntrust import clock
from ntrust.models import Study
from ntrust.notifications import ask_worker
from safety.models import PacketFile, Review
from safety.queries.packet_files import MOST_TRIES
from safety.queries.packet_pages import PacketPage, read_packet_page
from safety.states import PACKET_FILE, PacketFileState, PacketForm

log = structlog.get_logger(__name__)
PREPARE_TASK: Final = "safety.tasks.prepare_review"
_LOCKS: Final = 0x7061636B
"""The class of our advisory locks: others' numbers are not ours."""
_BEGUN: Final = 10


@dataclass(frozen=True)
class Draft:
    """What a file is made from: the packet, and its page once that is drawn."""

    packet: PacketPage
    page: bytes | None


Makers = Mapping[PacketForm, Callable[[Draft], bytes]]
"""By form, in the order in which they are made; the page is the first."""


def ask_for_files(study: Study, number: int) -> bool:
    """Have the worker prepare a packet's files; False when it cannot be reached now."""
    return ask_worker(PREPARE_TASK, study=study.key, number=number)


def prepare_newest(makers: Makers, *, now: datetime | None = None) -> int:
    """Prepare the newest packet of each study, where that is owed; how many were."""
    newest = Review.objects.values("study__key").annotate(newest=Max("number"))
    return sum(
        prepare_packet(row["study__key"], row["newest"], makers, now=now, is_asked=False)
        for row in newest.order_by("study__key")
    )


def prepare_packet(
    key: str, number: int, makers: Makers, *, now: datetime | None = None, is_asked: bool = True
) -> bool:
    """Make every form of a packet in its edition of now that is not ready; whether any was made.

    One worker at a time prepares a packet: the others leave it to that one. A worker that dies
    lets go, and the next one goes on. What failed is tried again, without end only when somebody
    has asked for it. Nothing of the study is changed.
    """
    study = Study.objects.get(key=key)
    page = read_packet_page(study, number)
    if page is None or page.content is None:
        return False
    packet_id = Review.objects.values_list("packet_id", flat=True).get(study=study, number=number)
    made = False
    with _alone(packet_id) as is_alone:
        if is_alone:
            for form, make in makers.items():
                row = _claim(packet_id, page, form, now=now or clock.now(), is_asked=is_asked)
                if row.state == PacketFileState.FAILED:
                    break
                if row.state == PacketFileState.READY:
                    continue
                made = True
                if not _make(row, make, page):
                    break
    return made


@contextmanager
def _alone(packet_id: int) -> Iterator[bool]:
    """Whether nobody else prepares this packet. The lock is the database session's own: it ends
    with the worker's connection, whatever becomes of the worker."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCKS, packet_id])
        (is_alone,) = cursor.fetchone()
    try:
        yield bool(is_alone)
    finally:
        if is_alone:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCKS, packet_id])


def _claim(
    packet_id: int, page: PacketPage, form: PacketForm, *, now: datetime, is_asked: bool
) -> PacketFile:
    """The file's row, being prepared; as it is when it is ready, or has failed too often."""
    row, is_new = PacketFile.objects.defer("content").get_or_create(
        packet_id=packet_id, edition=page.edition, form=form, defaults={"started_at": now}
    )
    if is_new or row.state == PacketFileState.READY:
        return row
    if row.state == PacketFileState.FAILED:
        if row.tries >= MOST_TRIES and not is_asked:
            return row
        PACKET_FILE.check(row.state, PacketFileState.PREPARING)
        row.state, row.failed_because, row.ended_at = PacketFileState.PREPARING, "", None
    row.percent, row.started_at, row.tries = 0, now, F("tries") + 1
    row.save(
        update_fields=["state", "failed_because", "ended_at", "percent", "started_at", "tries"]
    )
    row.refresh_from_db(fields=["tries"])
    return row


def _make(row: PacketFile, make: Callable[[Draft], bytes], page: PacketPage) -> bool:
    """Make one file; whether it is ready. What goes wrong is written down, and in the log."""
    row.percent = _BEGUN
    row.save(update_fields=["percent"])
    try:
        content = make(Draft(page, _page_of(row)))
    except Exception as error:
        log.exception("packet_file_failed", packet=row.packet_id, form=row.form)
        PACKET_FILE.check(row.state, PacketFileState.FAILED)
        row.state, row.ended_at = PacketFileState.FAILED, clock.now()
        row.failed_because = type(error).__name__
        row.save(update_fields=["state", "ended_at", "failed_because"])
        return False
    PACKET_FILE.check(row.state, PacketFileState.READY)
    row.state, row.percent, row.ended_at = PacketFileState.READY, 100, clock.now()
    row.content, row.content_hash = content, hashlib.sha256(content).hexdigest()
    row.save(update_fields=["state", "percent", "ended_at", "content", "content_hash"])
    return True


def _page_of(row: PacketFile) -> bytes | None:
    """The page of the same edition, which the other forms are made from."""
    page = PacketFile.objects.filter(
        packet=row.packet_id, edition=row.edition, form=PacketForm.PAGE, state=PacketFileState.READY
    ).first()
    return bytes(page.content) if page is not None and page.content is not None else None
