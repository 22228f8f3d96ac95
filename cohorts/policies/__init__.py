"""May I, and if not, why and until when: the gates of the escalation.

Policies come in pairs: `gates_for_x` lists every rule in order with what it says now, `check_x`
refuses naming those that are not clear. The same list is the tooltip, the API's answer and the
mail's text.
"""

from cohorts.policies.consents import (
    check_re_pin,
    consent_gate,
    form_in_use,
    is_from,
    owes_consent,
    version_to_consent_to,
)
from cohorts.policies.decisions import check_decision, check_override
from cohorts.policies.facts import (
    active_protocol,
    as_if_in_force,
    current_basis,
    current_level,
    document_of,
    holds_on,
    pooled_outcomes,
    recommend_now,
    require_protocol,
    seats_to_offer,
)
from cohorts.policies.protocols import check_approval, check_current, check_fits, day_of
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
    site_gate,
)

__all__ = [
    "PLACING",
    "active_protocol",
    "as_if_in_force",
    "check_approval",
    "check_confirmation",
    "check_current",
    "check_decision",
    "check_fits",
    "check_override",
    "check_re_pin",
    "check_seat",
    "consent_gate",
    "current_basis",
    "current_level",
    "day_of",
    "document_of",
    "form_in_use",
    "free_seats",
    "gates_for_confirmation",
    "gates_for_seat",
    "hold_gates",
    "is_from",
    "owes_consent",
    "site_gate",
    "version_to_consent_to",
    "holds_on",
    "new_dlts",
    "open_cohort",
    "pooled_outcomes",
    "recommend_now",
    "require_protocol",
    "seats_to_offer",
]
