"""The one writer of a participant's state."""

from __future__ import annotations

from cohorts.models import Participant
from cohorts.states import PARTICIPANT
from ntrust.change import Change


def move_participant(change: Change, participant: Participant, *, to: str) -> None:
    """The only writer of a participant's state. Refuses a move that is not in the table."""
    PARTICIPANT.check(participant.state, to)
    participant.state = to
    participant.save(update_fields=["state"])
