"""The queue for seats: a site asks for one, or no longer needs it."""

from __future__ import annotations

from datetime import datetime

from cohorts.models import Participant, Slot
from cohorts.policies import check_study_open, document_of, queue_of, require_protocol
from cohorts.states import SLOT, TAKEN_SLOTS, ParticipantState, SlotState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role, SiteState


def request_slot(participant: Participant, *, by: User, now: datetime | None = None) -> Slot:
    """Put an eligible participant in the queue for a seat. The site's investigator asks.

    Refuses a study that has ended, one who is not eligible, has a seat or an open request, and a
    site that is not active.
    """
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="seat requested", now=now) as change:
        check_study_open(change.study)
        version = require_protocol(change.study)
        participant = Participant.objects.select_related("site").get(pk=participant.pk)
        _check_request(participant)
        slot = Slot.objects.create(
            participant=participant,
            state=SlotState.REQUESTED,
            requested_at=change.now,
            requested_by=by,
        )
        queue = queue_of(change.study, document_of(version))
        position = [waiting.pk for waiting in queue].index(slot.pk) + 1
        change.record(
            "SLOT_REQUESTED",
            f"{participant} waits for a seat, number {position} of {len(queue)} in the queue.",
            subject=str(participant),
            site=participant.site,
        )
    return slot


def _check_request(participant: Participant) -> None:
    if participant.slots.filter(state__in=TAKEN_SLOTS).exists():
        raise Refused("has_seat", f"{participant} has a seat already.")
    if participant.slots.filter(state=SlotState.REQUESTED).exists():
        raise Refused("already_requested", f"{participant} is in the queue already.")
    if participant.state != ParticipantState.ELIGIBLE:
        label = ParticipantState(participant.state).label
        raise Refused("not_eligible", f"{participant} is {label}: only the eligible queue.")
    site = participant.site
    if site.state != SiteState.ACTIVE:
        label = SiteState(site.state).label
        raise Refused("site_not_active", f"Site {site.code} is {label}.")


def withdraw_request(slot: Slot, *, reason: str, by: User, now: datetime | None = None) -> Slot:
    """Take a request out of the queue; the site may ask again, at the end of the queue.

    Refuses a blank reason and what is no longer an open request.
    """
    participant = slot.participant
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR, Role.STUDY_MANAGER], site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why the request is withdrawn.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        slot = Slot.objects.select_related("participant__site").get(pk=slot.pk)
        if slot.state != SlotState.REQUESTED:
            label = SlotState(slot.state).label
            raise Refused("not_requested", f"This is no open request: it is {label}.")
        end_request(change, slot)
        change.record(
            "REQUEST_WITHDRAWN",
            f"{slot.participant} left the queue for a seat: {reason}",
            subject=str(slot.participant),
            site=slot.participant.site,
            detail=reason,
        )
    return slot


def end_request(change: Change, slot: Slot) -> None:
    """Close an open request without a seat."""
    SLOT.check(slot.state, SlotState.RELEASED)
    slot.state, slot.freed_at = SlotState.RELEASED, change.now
    slot.save(update_fields=["state", "freed_at"])
