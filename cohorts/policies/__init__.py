"""May I, and if not, why and until when: the gates of the escalation.

Policies come in pairs: `gates_for_x` lists every rule in order with what it says now, `check_x`
refuses naming those that are not clear. The same list is the tooltip, the API's answer and the
mail's text.
"""

from cohorts.policies.decisions import check_decision, check_override
from cohorts.policies.facts import (
    active_protocol,
    current_basis,
    current_level,
    document_of,
    holds_on,
    recommend_now,
    require_protocol,
    seats_to_offer,
)
from cohorts.policies.seats import (
    PLACING,
    check_confirmation,
    check_seat,
    free_seats,
    gates_for_confirmation,
    gates_for_seat,
    hold_gates,
    new_dlts,
    open_cohort,
)

__all__ = [
    "PLACING",
    "active_protocol",
    "check_confirmation",
    "check_decision",
    "check_override",
    "check_seat",
    "current_basis",
    "current_level",
    "document_of",
    "free_seats",
    "gates_for_confirmation",
    "gates_for_seat",
    "hold_gates",
    "holds_on",
    "new_dlts",
    "open_cohort",
    "recommend_now",
    "require_protocol",
    "seats_to_offer",
]
