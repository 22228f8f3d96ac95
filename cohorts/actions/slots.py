"""A participant's seat in a cohort: reserved, confirmed, given up."""

from __future__ import annotations

from datetime import datetime

from cohorts.actions.moves import move_participant
from cohorts.actions.outcomes import begin_outcome, drop_outcome
from cohorts.actions.seats import mark_filled
from cohorts.models import DoseLevel, Outcome, Participant, Slot
from cohorts.policies import check_confirmation, check_seat, free_seats
from cohorts.states import SLOT, TAKEN_SLOTS, ParticipantState, SlotState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role


def reserve_slot(
    participant: Participant, *, level: DoseLevel, by: User, now: datetime | None = None
) -> Slot:
    """Reserve a free seat at a level. Refuses (`no_seat`) with every gate that is not clear."""
    study = participant.study
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="slot reserved", now=now) as change:
        participant = Participant.objects.select_related("site").get(pk=participant.pk)
        if participant.slots.filter(state__in=TAKEN_SLOTS).exists():
            raise Refused("has_seat", f"{participant} has a seat already.")
        cohort = check_seat(change.study, level, now=change.now, participant=participant)
        slot = Slot.objects.create(
            cohort=cohort,
            participant=participant,
            seat=free_seats(cohort)[0],
            state=SlotState.RESERVED,
            reserved_at=change.now,
        )
        mark_filled(cohort)
        change.record(
            "SLOT_RESERVED",
            f"{participant}: seat {slot.seat} of {cohort} at level {level.ordinal} reserved.",
            level=level.ordinal,
            subject=str(participant),
            site=participant.site,
        )
    return slot


def confirm_slot(slot: Slot, *, by: User, now: datetime | None = None) -> Slot:
    """Confirm a reserved seat: from now on the participant counts as pending at its level.

    Refuses (`no_seat`) with the gates where something has happened since it was reserved.
    """
    study = slot.participant.study
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="slot confirmed", now=now) as change:
        slot = Slot.objects.select_related("participant__site", "cohort__level").get(pk=slot.pk)
        SLOT.check(slot.state, SlotState.CONFIRMED)
        check_confirmation(slot, now=change.now)
        slot.state, slot.confirmed_at = SlotState.CONFIRMED, change.now
        slot.save(update_fields=["state", "confirmed_at"])
        participant, level = slot.participant, slot.cohort.level
        move_participant(change, participant, to=ParticipantState.SLOTTED)
        begin_outcome(change, participant, level=level)
        change.record(
            "SLOT_CONFIRMED",
            f"{participant} is seated at level {level.ordinal}.",
            level=level.ordinal,
            subject=str(participant),
            site=participant.site,
        )
    return slot


def release_slot(slot: Slot, *, by: User, reason: str, now: datetime | None = None) -> Slot:
    """Give a seat up before lymphodepletion; the participant may be seated again.

    Refuses a blank reason and a participant whose lymphodepletion has begun.
    """
    study = slot.participant.study
    check_role(by, study, [Role.STUDY_MANAGER])
    if not reason.strip():
        raise Refused("reason_needed", "Say why the seat is given up.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        slot = Slot.objects.select_related("participant__site", "cohort__level").get(pk=slot.pk)
        SLOT.check(slot.state, SlotState.RELEASED)
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
    SLOT.check(slot.state, SlotState.RELEASED)
    slot.state, slot.freed_at = SlotState.RELEASED, change.now
    slot.save(update_fields=["state", "freed_at"])
    if Outcome.objects.filter(participant=slot.participant).exists():
        drop_outcome(change, slot.participant)
    mark_filled(slot.cohort)
