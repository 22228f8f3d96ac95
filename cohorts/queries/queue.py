"""The queue for seats: everybody's place for the study's people, one's own for a site."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cohorts.models import Slot
from cohorts.policies import active_protocol, document_of, queue_of
from cohorts.queries.viewers import Viewer
from cohorts.states import SlotState
from ntrust.models import Event
from ntrust.states import Role

READERS: Final = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.AUDITOR,
    Role.INVESTIGATOR,
    Role.PHARMACIST,
)
REPORT_READERS: Final = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.AUDITOR)
_ORDERS: Final = {
    "first_come": "first come, first served",
    "round_robin": "in turn: the site with the fewest seats first, then by time of request",
}


@dataclass(frozen=True)
class QueueRow:
    """An open request; no health data."""

    position: int
    screening_number: str
    name: str
    site: str
    zone: str
    requested_at: datetime | None
    is_own: bool


@dataclass(frozen=True)
class ReservedRow:
    """A seat reserved and not yet confirmed."""

    screening_number: str
    name: str
    site: str
    level: int
    seat: int
    expires_at: datetime | None


@dataclass(frozen=True)
class Queue:
    """The queue as one person sees it: `length` counts all, `rows` has those they may know."""

    length: int
    rows: tuple[QueueRow, ...]
    reserved: tuple[ReservedRow, ...]
    order: str
    site_cap: int | None
    reservation_hours: int
    is_illustrative: bool
    sees_all: bool
    can_read_report: bool


@dataclass(frozen=True)
class OverrideRow:
    """A time the queue was passed over."""

    at: datetime
    by: str
    name: str
    site: str
    level: int | None
    passed: tuple[str, ...]
    reason: str


def may_read_queue(viewer: Viewer) -> bool:
    """Whether a person may open the queue at all."""
    return viewer.holds(READERS)


def may_read_overrides(viewer: Viewer) -> bool:
    """Whether a person may read the report of overrides."""
    return viewer.holds(REPORT_READERS)


def read_queue(viewer: Viewer) -> Queue | None:
    """The queue of the study; None while no protocol version is active. Four statements."""
    version = active_protocol(viewer.study)
    if version is None:
        return None
    document = document_of(version)
    waiting = queue_of(viewer.study, document)
    rows = tuple(
        _row(position, slot, viewer)
        for position, slot in enumerate(waiting, 1)
        if viewer.sees(slot.participant.site_id)
    )
    return Queue(
        length=len(waiting),
        rows=rows,
        reserved=_reserved(viewer),
        order=_ORDERS[document.slots.order],
        site_cap=document.slots.site_cap,
        reservation_hours=document.slots.reservation_hours,
        is_illustrative=document.slots.illustrative,
        sees_all=viewer.sees_every_site,
        can_read_report=may_read_overrides(viewer),
    )


def _row(position: int, slot: Slot, viewer: Viewer) -> QueueRow:
    participant = slot.participant
    return QueueRow(
        position=position,
        screening_number=participant.screening_number,
        name=str(participant),
        site=participant.site.code,
        zone=participant.site.timezone,
        requested_at=slot.requested_at,
        is_own=participant.site_id in viewer.site_ids,
    )


def _reserved(viewer: Viewer) -> tuple[ReservedRow, ...]:
    slots = Slot.objects.filter(
        participant__study=viewer.study, state=SlotState.RESERVED
    ).select_related("participant__site", "cohort__level")
    return tuple(
        ReservedRow(
            screening_number=slot.participant.screening_number,
            name=str(slot.participant),
            site=slot.participant.site.code,
            level=slot.cohort.level.ordinal,
            seat=slot.seat,
            expires_at=slot.expires_at,
        )
        for slot in slots.order_by("expires_at", "id")
        if slot.cohort is not None and slot.seat is not None
        if viewer.sees(slot.participant.site_id)
    )


def read_overrides(viewer: Viewer) -> tuple[OverrideRow, ...]:
    """Every time the queue was passed over, newest first. One statement."""
    events = Event.objects.filter(study=viewer.study, kind="QUEUE_OVERRIDDEN")
    return tuple(
        OverrideRow(
            at=event.at,
            by=str(event.by),
            name=event.subject,
            site=event.site.code if event.site else "",
            level=event.level,
            passed=tuple(event.data["gates"]),
            reason=event.data["detail"],
        )
        for event in events.select_related("by", "site").order_by("-id")
    )
