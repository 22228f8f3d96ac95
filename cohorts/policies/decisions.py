"""What may be decided, and what only with the committee's verdict and a reason."""

from __future__ import annotations

from cohorts.engine.advice import name_answer
from cohorts.engine.basis import read_tallies
from cohorts.engine.design import MINUS_ONE, Recommendation, Verdict
from cohorts.engine.rules import find_toxic, is_closed
from cohorts.models import DoseLevel
from cohorts.policies.facts import active_protocol, current_basis
from cohorts.policies.seats import hold_gates
from ntrust.errors import Refused, refuse_unless_clear
from ntrust.models import Study


def check_override(  # noqa: PLR0913 - each is part of the question
    study: Study,
    *,
    advice: Recommendation,
    level: DoseLevel | None,
    reason: str,
    committee_verdict: str,
) -> None:
    """Refuse an override without committee verdict and reason, or that reopens what is closed."""
    if len(reason.strip()) < 20 or not committee_verdict.strip():
        raise Refused(
            "override_needs_reason",
            "This differs from the recommendation "
            f"({name_answer(advice.answer)}): give the committee's verdict and a reason of at "
            "least 20 characters.",
        )
    if level is None:
        return
    version = active_protocol(study)
    toxic = find_toxic(read_tallies(current_basis(study, version))) if version else None
    if is_closed(level.ordinal, toxic):
        raise Refused("level_closed", f"Nothing reopens level {level.ordinal}: it is toxic.")
    if level.ordinal == MINUS_ONE and toxic != 1:
        raise Refused("level_minus_one", "Level -1 opens only below a toxic level 1.")
    refuse_unless_clear("held", hold_gates(study, level=level.ordinal, site=None))


def check_decision(
    *, verdict: Verdict, level: DoseLevel | None, offered: int, is_override: bool
) -> None:
    """Refuse what is no decision: waiting, a stop with a level, seats that are open already."""
    if verdict is Verdict.WAIT:
        raise Refused("nothing_to_decide", "The rules say wait: there is nothing to sign.")
    if (verdict is Verdict.STOP) != (level is None):
        raise Refused("level_needed", "A stop names no level; every other decision names one.")
    if level is not None and not is_override and offered == 0:
        raise Refused(
            "seats_open", f"The seats that level {level.ordinal} may have are open already."
        )
