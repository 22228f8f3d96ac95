"""The only writers of the escalation's tables. One action a request; all keyword-only but the
first argument; `by` is who acts, `now` the moment (read under the lock when not given)."""

from cohorts.actions.circulation import circulate_to_new_sites
from cohorts.actions.consents import (
    add_consent_form,
    re_pin,
    record_consent,
    record_first_consent,
)
from cohorts.actions.decisions import (
    acknowledge_decision,
    propose_decision,
    sign_decision,
)
from cohorts.actions.deviations import (
    classify_deviation,
    close_deviation,
    note_deviation,
    reopen_deviation,
    report_deviation,
)
from cohorts.actions.doubts import push_doubts
from cohorts.actions.holds import Fact, place_hold
from cohorts.actions.legacy import (
    PaperDecision,
    Sealed,
    settle_paper_cohorts,
    take_in_decision,
    take_in_outcome,
    take_in_participant,
)
from cohorts.actions.life import complete_study, terminate_study
from cohorts.actions.lifts import Grounds, propose_lift, sign_lift
from cohorts.actions.moves import move_participant
from cohorts.actions.outcomes import (
    adjudicate_missed_infusion,
    confirm_not_evaluable,
    update_outcome,
    withdraw_ruling,
)
from cohorts.actions.part_2 import start_part_2, watch_part_2
from cohorts.actions.participants import leave_study
from cohorts.actions.protocols import (
    activate_due_protocol,
    add_protocol_version,
    approve_protocol,
    replace_draft,
    withdraw_approval,
)
from cohorts.actions.rde import Selection, propose_rde
from cohorts.actions.re_reviews import propose_re_review, sign_re_review
from cohorts.actions.requests import request_slot, withdraw_request
from cohorts.actions.results import enter_results, plan_treatment_dates
from cohorts.actions.rules import (
    UNSIGNED,
    UNSIGNED_RE_REVIEWS,
    apply_rules,
    unsigned_of,
    withdraw_unsigned,
)
from cohorts.actions.screening import (
    confirm_eligibility,
    fail_screening,
    screen_participant,
    sign_screening,
)
from cohorts.actions.slots import (
    confirm_slot,
    expire_reservations,
    move_to_level,
    release_slot,
    reserve_slot,
)
from cohorts.actions.tidings import tell_of_cohorts
from cohorts.policies import Conclusion, SecondLook

__all__ = [
    "Conclusion",
    "Fact",
    "Grounds",
    "SecondLook",
    "UNSIGNED",
    "UNSIGNED_RE_REVIEWS",
    "PaperDecision",
    "Sealed",
    "Selection",
    "complete_study",
    "propose_rde",
    "start_part_2",
    "terminate_study",
    "watch_part_2",
    "acknowledge_decision",
    "activate_due_protocol",
    "add_consent_form",
    "add_protocol_version",
    "adjudicate_missed_infusion",
    "apply_rules",
    "approve_protocol",
    "circulate_to_new_sites",
    "settle_paper_cohorts",
    "classify_deviation",
    "close_deviation",
    "confirm_eligibility",
    "confirm_not_evaluable",
    "confirm_slot",
    "enter_results",
    "expire_reservations",
    "fail_screening",
    "leave_study",
    "move_participant",
    "move_to_level",
    "note_deviation",
    "place_hold",
    "plan_treatment_dates",
    "propose_decision",
    "propose_lift",
    "propose_re_review",
    "push_doubts",
    "re_pin",
    "record_consent",
    "record_first_consent",
    "release_slot",
    "reopen_deviation",
    "replace_draft",
    "report_deviation",
    "request_slot",
    "reserve_slot",
    "screen_participant",
    "sign_decision",
    "sign_lift",
    "sign_re_review",
    "sign_screening",
    "take_in_decision",
    "take_in_outcome",
    "take_in_participant",
    "tell_of_cohorts",
    "update_outcome",
    "withdraw_approval",
    "withdraw_request",
    "withdraw_ruling",
    "unsigned_of",
    "withdraw_unsigned",
]
