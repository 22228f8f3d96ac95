"""Holds lifted by a signed decision."""

from cohorts.models import Hold, HoldLift
from safety.management.conduct import Conduct
from tests.lifting import grounds
from tests.safety.rights.scene import SIGNERS, C, Rights


def propose(trial: Conduct) -> None:
    """A proposal to lift the person's hold."""
    hold = Hold.objects.get(state="PLACED", rule="PERSON")
    C.propose_lift(hold, grounds=grounds(hold), by=trial.manager, now=trial.tick())


RIGHTS: Rights = {
    "cohorts.propose_lift": (
        SIGNERS,
        lambda s: C.propose_lift(
            Hold.objects.get(state="PLACED", rule="PERSON"),
            grounds=C.Grounds(reason="over", looked_at="the audit report"),
            **s.who,
        ),
    ),
    "cohorts.sign_lift": (
        SIGNERS,
        lambda s: C.sign_lift(HoldLift.objects.get(state="PROPOSED"), **s.signing),
    ),
}
FIRST = {"cohorts.sign_lift": propose}
