"""Seats: requested, reserved, confirmed, given up."""

from cohorts.models import Participant, Slot
from safety.management.conduct import Conduct
from tests.factories import DISEASE
from tests.safety.rights.scene import INVESTIGATOR, MANAGER, C, Rights


def wait_in_the_queue(trial: Conduct) -> None:
    """Somebody waits in the queue."""
    person = trial.screen(disease=DISEASE)
    C.request_slot(person, by=trial.investigator_of(person), now=trial.tick())


PREPARE = wait_in_the_queue

RIGHTS: Rights = {
    "cohorts.request_slot": (
        INVESTIGATOR,
        lambda s: C.request_slot(
            Participant.objects.filter(state="ELIGIBLE", slots=None).earliest("id"), **s.who
        ),
    ),
    "cohorts.withdraw_request": (
        INVESTIGATOR | MANAGER,
        lambda s: C.withdraw_request(Slot.objects.get(state="REQUESTED"), reason="ill", **s.who),
    ),
    "cohorts.reserve_slot": (
        MANAGER,
        lambda s: C.reserve_slot(
            Slot.objects.get(state="REQUESTED").participant, level=s.trial.level(1), **s.who
        ),
    ),
    "cohorts.confirm_slot": (
        MANAGER,
        lambda s: C.confirm_slot(Slot.objects.get(state="RESERVED"), **s.who),
    ),
    "cohorts.release_slot": (
        INVESTIGATOR | MANAGER,
        lambda s: C.release_slot(Slot.objects.get(state="RESERVED"), reason="ill", **s.who),
    ),
}
