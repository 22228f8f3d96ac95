"""Participants: from consent to a confirmed seat, and every move of their state."""

from __future__ import annotations

from datetime import datetime

from cohorts.actions.outcomes import begin_outcome, drop_outcome
from cohorts.actions.seats import mark_filled
from cohorts.models import DoseLevel, Outcome, Participant, Slot
from cohorts.policies import (
    check_confirmation,
    check_seat,
    document_of,
    free_seats,
    require_protocol,
)
from cohorts.states import (
    DEPARTURES,
    PARTICIPANT,
    SLOT,
    TAKEN_SLOTS,
    ParticipantState,
    SlotState,
)
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Site, User
from ntrust.policies import check_role
from ntrust.states import Role, SiteState


def screen_participant(  # noqa: PLR0913 - what is known at consent
    site: Site,
    *,
    screening_number: str,
    disease: str,
    consented_at: datetime,
    by: User,
    now: datetime | None = None,
) -> Participant:
    """Enter a candidate at consent, pinned to the protocol version in force.

    Refuses an inactive site, a number that is taken, a disease the protocol does not name and a
    consent in the future.
    """
    study = site.study
    check_role(by, study, [Role.INVESTIGATOR], site=site)
    with study_change(study, by=by, reason="consent", now=now) as change:
        version = require_protocol(change.study)
        if Site.objects.get(pk=site.pk).state != SiteState.ACTIVE:
            raise Refused("site_not_active", f"Site {site.code} is not active.")
        if disease not in document_of(version).diseases:
            raise Refused("unknown_disease", f"The protocol does not treat {disease}.")
        if consented_at > change.now:
            raise Refused("future_date", "The consent lies in the future.")
        if Participant.objects.filter(study=study, screening_number=screening_number).exists():
            raise Refused("number_taken", f"Screening number {screening_number} is taken.")
        participant = Participant.objects.create(
            study=change.study,
            site=site,
            protocol_version=version,
            screening_number=screening_number,
            disease=disease,
            consented_at=consented_at,
        )
        change.record(
            "CONSENTED", f"{screening_number} consented.", subject=screening_number, site=site
        )
    return participant


def confirm_eligibility(
    participant: Participant, *, by: User, now: datetime | None = None
) -> Participant:
    """Confirm that all criteria are met and give the subject number. Manager's action."""
    study = participant.study
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="eligibility confirmed", now=now) as change:
        participant = Participant.objects.get(pk=participant.pk)
        move_participant(change, participant, to=ParticipantState.ELIGIBLE)
        numbered = Participant.objects.filter(study=study).exclude(subject_number="").count()
        participant.subject_number = f"P-{numbered + 1:03d}"
        participant.save(update_fields=["subject_number"])
        change.record(
            "ELIGIBLE",
            f"{participant.subject_number} is eligible.",
            subject=participant.subject_number,
            site=participant.site,
        )
    return participant


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
        _free(change, slot)
        change.record(
            "SLOT_RELEASED",
            f"{participant} gave up a seat at level {slot.cohort.level.ordinal}: {reason}",
            level=slot.cohort.level.ordinal,
            subject=str(participant),
            site=participant.site,
            detail=reason,
        )
    return slot


def move_participant(change: Change, participant: Participant, *, to: str) -> None:
    """The only writer of a participant's state. Refuses a move that is not in the table."""
    PARTICIPANT.check(participant.state, to)
    participant.state = to
    participant.save(update_fields=["state"])


def leave_study(
    participant: Participant, *, to: str, reason: str, by: User, now: datetime | None = None
) -> Participant:
    """Record that a participant withdrew, was lost or died. Refuses a blank reason.

    A seat not yet used is given up; one in use stays, and the outcome is judged on what was given.
    """
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why the participant leaves the study.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        participant = Participant.objects.select_related("site").get(pk=participant.pk)
        if to not in DEPARTURES:
            raise Refused("illegal_move", "A participant withdraws, is lost, or dies.")
        is_untreated = participant.state in (ParticipantState.ELIGIBLE, ParticipantState.SLOTTED)
        move_participant(change, participant, to=to)
        slot = participant.slots.filter(state__in=TAKEN_SLOTS).first()
        if slot is not None and is_untreated:
            _free(change, slot)
        label = ParticipantState(to).label
        change.record(
            f"PARTICIPANT_{to}",
            f"{participant} {label}: {reason}",
            subject=str(participant),
            site=participant.site,
            detail=reason,
        )
    return participant


def _free(change: Change, slot: Slot) -> None:
    """Give a seat up that was not used."""
    SLOT.check(slot.state, SlotState.RELEASED)
    slot.state, slot.freed_at = SlotState.RELEASED, change.now
    slot.save(update_fields=["state", "freed_at"])
    if Outcome.objects.filter(participant=slot.participant).exists():
        drop_outcome(change, slot.participant)
    mark_filled(slot.cohort)
