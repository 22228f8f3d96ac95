"""How a participant leaves the study."""

from __future__ import annotations

from datetime import datetime

from cohorts.actions.moves import move_participant
from cohorts.actions.requests import end_request
from cohorts.actions.slots import free_slot
from cohorts.models import Participant
from cohorts.states import DEPARTURES, TAKEN_SLOTS, ParticipantState, SlotState
from ntrust.change import study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role


def leave_study(
    participant: Participant, *, to: str, reason: str, by: User, now: datetime | None = None
) -> Participant:
    """Record that a participant withdrew, was lost or died. Refuses a blank reason.

    An open request ends; a seat not yet used is given up; one in use stays, and the outcome is
    judged on what was given.
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
            free_slot(change, slot)
        for request in participant.slots.filter(state=SlotState.REQUESTED):
            end_request(change, request)
        label = ParticipantState(to).label
        change.record(
            f"PARTICIPANT_{to}",
            f"{participant} {label}: {reason}",
            subject=str(participant),
            site=participant.site,
            detail=reason,
        )
    return participant
