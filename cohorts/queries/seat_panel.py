"""A participant's way to a seat: asked, reserved, confirmed, and what is in the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cohorts.models import Participant, Slot
from cohorts.policies import (
    active_protocol,
    document_of,
    gates_for_confirmation,
    gates_for_seat,
    levels_to_seat,
    queue_of,
)
from cohorts.queries.gates import GateLine, read_gates
from cohorts.queries.viewers import Viewer, mask_for
from cohorts.states import ParticipantState, SlotState
from ntrust.errors import Gate
from ntrust.states import Role

_ENDED: Final = (SlotState.RELEASED, SlotState.EXPIRED)


@dataclass(frozen=True)
class SeatAct:
    """Something this person can do about the seat: the name of its page, and words."""

    name: str
    label: str
    is_harm: bool = False


@dataclass(frozen=True)
class SeatPanel:
    """`slot` is the newest; `position` and `length` are of the queue while it is a request."""

    state: str
    level: int | None
    cohort: int | None
    seat: int | None
    requested_at: datetime | None
    expires_at: datetime | None
    confirmed_at: datetime | None
    override_reason: str
    position: int | None
    length: int
    gates_level: int | None
    shut: tuple[GateLine, ...]
    clear: tuple[GateLine, ...]
    acts: tuple[SeatAct, ...]


def read_seat(participant: Participant, *, viewer: Viewer, now: datetime) -> SeatPanel | None:
    """None before a participant may have a seat."""
    slot = (
        participant.slots.select_related(
            "cohort__level", "cohort__decision", "participant__site", "participant__study"
        )
        .order_by("id")
        .last()
    )
    if slot is None and participant.state != ParticipantState.ELIGIBLE:
        return None
    level, gates = _gates(participant, slot, now)
    lines = read_gates(gates, mask_for(viewer))
    position, length = _position(slot, participant)
    cohort = slot.cohort if slot else None
    return SeatPanel(
        state=SlotState(slot.state).label if slot else "not requested",
        level=cohort.level.ordinal if cohort else None,
        cohort=cohort.number if cohort else None,
        seat=slot.seat if slot else None,
        requested_at=slot.requested_at if slot else None,
        expires_at=slot.expires_at if slot and slot.state != SlotState.CONFIRMED else None,
        confirmed_at=slot.confirmed_at if slot else None,
        override_reason=slot.override_reason if slot else "",
        position=position,
        length=length,
        gates_level=level,
        shut=tuple(line for line in lines if not line.is_clear),
        clear=tuple(line for line in lines if line.is_clear),
        acts=tuple(_acts(participant, slot, viewer)),
    )


def _gates(
    participant: Participant, slot: Slot | None, now: datetime
) -> tuple[int | None, list[Gate]]:
    """The gates of the next step towards a seat; none once it is confirmed."""
    if slot is not None and slot.cohort is not None and slot.state == SlotState.RESERVED:
        return slot.cohort.level.ordinal, gates_for_confirmation(slot, now=now)
    levels = levels_to_seat(participant.study)
    if participant.state != ParticipantState.ELIGIBLE or not levels:
        return None, []
    gates = gates_for_seat(participant.study, levels[0], now=now, participant=participant)
    return levels[0].ordinal, gates


def _position(slot: Slot | None, participant: Participant) -> tuple[int | None, int]:
    version = active_protocol(participant.study)
    if slot is None or slot.state != SlotState.REQUESTED or version is None:
        return None, 0
    queue = [waiting.pk for waiting in queue_of(participant.study, document_of(version))]
    return queue.index(slot.pk) + 1, len(queue)


def _acts(participant: Participant, slot: Slot | None, viewer: Viewer) -> list[SeatAct]:
    is_manager = viewer.holds((Role.STUDY_MANAGER,))
    is_site = viewer.is_investigator_at(participant.site_id)
    state = slot.state if slot else None
    acts = []
    if participant.state == ParticipantState.ELIGIBLE and (state is None or state in _ENDED):
        if is_site:
            acts.append(SeatAct("request_slot", "Request a seat"))
        if is_manager:
            acts.append(SeatAct("reserve_slot", "Reserve a seat"))
    if state == SlotState.REQUESTED:
        if is_manager:
            acts.append(SeatAct("reserve_slot", "Reserve a seat"))
        if is_site or is_manager:
            acts.append(SeatAct("withdraw_request", "Withdraw the request", is_harm=True))
    if state == SlotState.RESERVED:
        if is_manager:
            acts.append(SeatAct("confirm_slot", "Confirm the seat"))
        if is_site or is_manager:
            acts.append(SeatAct("release_slot", "Give the seat up", is_harm=True))
    is_untreated = participant.state == ParticipantState.SLOTTED
    if state == SlotState.CONFIRMED and is_untreated and is_manager:
        acts.append(SeatAct("release_slot", "Give the seat up", is_harm=True))
    return acts
