"""A participant's seat in a cohort: reserved, confirmed, given up, expired."""

from __future__ import annotations

from datetime import datetime, timedelta

from cohorts.actions.moves import move_participant
from cohorts.actions.outcomes import begin_outcome, drop_outcome
from cohorts.actions.seats import mark_filled
from cohorts.models import DoseLevel, Outcome, Participant, Slot
from cohorts.policies import (
    Opening,
    check_confirmation,
    check_seat,
    document_of,
    free_seats,
    open_cohort,
    require_protocol,
)
from cohorts.states import SLOT, TAKEN_SLOTS, ParticipantState, SlotState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role


def reserve_slot(
    participant: Participant,
    *,
    level: DoseLevel,
    by: User,
    override_reason: str = "",
    now: datetime | None = None,
) -> Slot:
    """Reserve a free seat at a level for the protocol's time; their request is answered by it.

    Refuses (`no_seat`) with every gate that is not clear. `override_reason` passes the queue's
    order and the site's cap, nothing else, and is kept.
    """
    study = participant.study
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason=override_reason or "slot reserved", now=now) as change:
        participant = Participant.objects.select_related("site", "study").get(pk=participant.pk)
        if participant.slots.filter(state__in=TAKEN_SLOTS).exists():
            raise Refused("has_seat", f"{participant} has a seat already.")
        opening = check_seat(
            change.study,
            level,
            now=change.now,
            participant=participant,
            override_reason=override_reason,
        )
        slot = _take_seat(change, participant, opening, override_reason.strip())
        change.record(
            "SLOT_RESERVED",
            f"{participant}: seat {slot.seat} of {opening.cohort} at level {level.ordinal} "
            "reserved.",
            level=level.ordinal,
            subject=str(participant),
            site=participant.site,
        )
        if opening.overridden:
            _record_override(change, slot, opening)
    return slot


def _take_seat(change: Change, participant: Participant, opening: Opening, reason: str) -> Slot:
    """The open request becomes the reservation; without one, a new row."""
    hours = document_of(require_protocol(change.study)).slots.reservation_hours
    taken = {
        "cohort": opening.cohort,
        "seat": free_seats(opening.cohort)[0],
        "state": SlotState.RESERVED,
        "reserved_at": change.now,
        "expires_at": change.now + timedelta(hours=hours),
        "override_reason": reason,
    }
    slot = participant.slots.filter(state=SlotState.REQUESTED).first()
    if slot is None:
        slot = Slot.objects.create(participant=participant, **taken)
    else:
        SLOT.check(slot.state, SlotState.RESERVED)
        for name, value in taken.items():
            setattr(slot, name, value)
        slot.save(update_fields=[*taken])
    mark_filled(opening.cohort)
    return slot


def _record_override(change: Change, slot: Slot, opening: Opening) -> None:
    change.record(
        "QUEUE_OVERRIDDEN",
        f"The queue was passed over for {slot.participant}: {slot.override_reason}",
        level=opening.cohort.level.ordinal,
        subject=str(slot.participant),
        site=slot.participant.site,
        slot=slot.pk,
        gates=[gate.sentence for gate in opening.overridden],
        detail=slot.override_reason,
    )


def confirm_slot(slot: Slot, *, by: User, now: datetime | None = None) -> Slot:
    """Confirm a reserved seat: from now on the participant counts as pending at its level.

    Refuses (`reservation_expired`) one whose time is over, and (`no_seat`) with the gates where
    something has happened since it was reserved.
    """
    study = slot.participant.study
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="slot confirmed", now=now) as change:
        slot = read_slot(slot)
        if slot.state == SlotState.EXPIRED:
            raise Refused(
                "reservation_expired",
                f"The reservation of {slot.participant} ended at "
                f"{slot.expires_at:%d-%b-%Y %H:%M} UTC. The site may request a seat again.",
            )
        SLOT.check(slot.state, SlotState.CONFIRMED)
        check_confirmation(slot, now=change.now)
        assert slot.cohort is not None  # a request has a gate that is shut
        slot.state, slot.confirmed_at = SlotState.CONFIRMED, change.now
        slot.save(update_fields=["state", "confirmed_at"])
        participant, level = slot.participant, slot.cohort.level
        move_participant(change, participant, to=ParticipantState.SLOTTED)
        begin_outcome(change, participant, level=level, part=slot.cohort.part)
        change.record(
            "SLOT_CONFIRMED",
            f"{participant} is seated at level {level.ordinal}.",
            level=level.ordinal,
            subject=str(participant),
            site=participant.site,
        )
    return slot


def read_slot(slot: Slot) -> Slot:
    """The row as it is now, under the study lock."""
    return Slot.objects.select_related(
        "participant__site", "participant__study", "cohort__level", "cohort__decision"
    ).get(pk=slot.pk)


def release_slot(slot: Slot, *, by: User, reason: str, now: datetime | None = None) -> Slot:
    """Give a seat up before lymphodepletion; the participant may be seated again.

    The site may give up a reservation; a confirmed seat is the study manager's. Refuses a blank
    reason, a mere request, and a participant whose lymphodepletion has begun.
    """
    participant = slot.participant
    study = participant.study
    check_role(by, study, [Role.STUDY_MANAGER, Role.INVESTIGATOR], site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why the seat is given up.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        slot = read_slot(slot)
        if slot.cohort is None:
            raise Refused("not_reserved", "There is no seat to give up: withdraw the request.")
        SLOT.check(slot.state, SlotState.RELEASED)
        if slot.state == SlotState.CONFIRMED:
            check_role(by, study, [Role.STUDY_MANAGER])
        participant = slot.participant
        if participant.state == ParticipantState.SLOTTED:
            move_participant(change, participant, to=ParticipantState.ELIGIBLE)
        elif participant.state != ParticipantState.ELIGIBLE:
            raise Refused("treatment_begun", f"The treatment of {participant} has begun.")
        free_slot(change, slot)
        change.record(
            "SLOT_RELEASED",
            f"{participant} gave up a seat at level {slot.cohort.level.ordinal}: {reason}",
            level=slot.cohort.level.ordinal,
            subject=str(participant),
            site=participant.site,
            detail=reason,
        )
    return slot


def free_slot(change: Change, slot: Slot) -> None:
    """Give a seat up that was not used."""
    assert slot.cohort is not None
    SLOT.check(slot.state, SlotState.RELEASED)
    slot.state, slot.freed_at = SlotState.RELEASED, change.now
    slot.save(update_fields=["state", "freed_at"])
    if Outcome.objects.filter(participant=slot.participant).exists():
        drop_outcome(change, slot.participant)
    mark_filled(slot.cohort)


def move_to_level(change: Change, participant: Participant, *, level: DoseLevel) -> None:
    """Before infusion 1: seat and count move to another level.

    The seat is one that is free in an open cohort there; without one the participant counts there
    all the same, and the rules say so. One of Part 2 keeps the seat, for Part 2 is at the RDE.
    Refuses one already infused, who counts where they are.
    """
    outcome = Outcome.objects.get(participant=participant)
    if outcome.first_infused_at is not None:
        raise Refused("already_infused", f"{participant} was infused and stays counted.")
    where = _move_seat(change, participant, level) if outcome.part == 1 else "in the seat of Part 2"
    outcome.level = level
    outcome.save(update_fields=["level"])
    change.record(
        "LEVEL_CHANGED",
        f"{participant} moves to level {level.ordinal} before infusion 1, {where}.",
        level=level.ordinal,
        subject=str(participant),
        site=participant.site,
    )


def _move_seat(change: Change, participant: Participant, level: DoseLevel) -> str:
    """Give the seat up and take a free one at the level, where there is one; which, in words."""
    slot = participant.slots.select_related("cohort").filter(state=SlotState.CONFIRMED).first()
    if slot is not None and slot.cohort is not None:
        SLOT.check(slot.state, SlotState.RELEASED)
        slot.state, slot.freed_at = SlotState.RELEASED, change.now
        slot.save(update_fields=["state", "freed_at"])
        mark_filled(slot.cohort)
    cohort = open_cohort(change.study, level)
    free = free_seats(cohort) if cohort else []
    if cohort is not None and free:
        Slot.objects.create(
            participant=participant,
            cohort=cohort,
            seat=free[0],
            state=SlotState.CONFIRMED,
            reserved_at=change.now,
            confirmed_at=change.now,
        )
        mark_filled(cohort)
    return f"seat {free[0]} of {cohort}" if free else "without a free seat there"


def expire_reservations(change: Change) -> None:
    """Reservations whose time is over end, and their seats are free again.

    The request ends with them: the site may ask again, and is then last in the queue.
    """
    over = Slot.objects.filter(
        participant__study=change.study, state=SlotState.RESERVED, expires_at__lte=change.now
    ).select_related("participant__site", "cohort__level")
    for slot in over:
        assert slot.cohort is not None
        SLOT.check(slot.state, SlotState.EXPIRED)
        slot.state, slot.freed_at = SlotState.EXPIRED, change.now
        slot.save(update_fields=["state", "freed_at"])
        mark_filled(slot.cohort)
        change.record(
            "SLOT_EXPIRED",
            f"The reservation of {slot.participant} at level {slot.cohort.level.ordinal} expired: "
            "the seat is free, and the site may request one again.",
            level=slot.cohort.level.ordinal,
            subject=str(slot.participant),
            site=slot.participant.site,
        )
