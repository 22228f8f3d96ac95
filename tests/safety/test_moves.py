"""Every move of every life cycle that a person makes: by which actions, and by whom.

What each person can do with an action is tried out in test_rights.py; here the owners of the moves
are held to it.
"""

import pytest

from cohorts.states import LIFE_CYCLES as COHORT_CYCLES
from dosing.states import LIFE_CYCLES as DOSING_CYCLES
from ntrust.states import LIFE_CYCLES, SERVICE, LifeCycle, Role
from safety.states import LIFE_CYCLES as SAFETY_CYCLES
from tests.safety.rights import RIGHTS

CYCLES = (*LIFE_CYCLES, *COHORT_CYCLES, *DOSING_CYCLES, *SAFETY_CYCLES)
ROLES = {
    "manager": Role.STUDY_MANAGER,
    "monitor": Role.MEDICAL_MONITOR,
    "investigator": Role.INVESTIGATOR,
    "pharmacist": Role.PHARMACIST,
    "pharmacist elsewhere": Role.PHARMACIST,
}
SCREENING_BACK = "cohorts.enter_results cohorts.plan_treatment_dates cohorts.re_pin"
LEAVE = dict.fromkeys(("WITHDRAWN", "LOST", "DIED"), "cohorts.leave_study")
# Life cycle to "FROM TO", or "TO" from wherever it is reached, to the actions that make the move.
MADE_BY: dict[str, dict[str, str]] = {
    "the study": {"SETUP ESCALATING": "cohorts.approve_protocol"},
    "the site": {
        "PLANNED ACTIVE": "ntrust.activate_site",
        "SUSPENDED": "ntrust.suspend_site",
        "SUSPENDED ACTIVE": "ntrust.resume_site",
    },
    "the protocol version": {
        "APPROVED": "cohorts.approve_protocol",
        "DRAFT": "cohorts.withdraw_approval",
    },
    "the participant": {
        **LEAVE,
        "SCREENING ELIGIBLE": "cohorts.confirm_eligibility",
        "SCREEN_FAILED": "cohorts.fail_screening",
        "SLOTTED": "cohorts.confirm_slot",
        "SLOTTED ELIGIBLE": "cohorts.release_slot",
        "SLOTTED CONDITIONING": "dosing.begin_lymphodepletion",
        "TREATED CONDITIONING": "dosing.mark_not_given",
        "TREATED": "dosing.give_infusion dosing.record_given_infusion",
        "FOLLOW_UP": "safety.sign_window_statement",
        "OFF_STUDY": "dosing.complete_follow_up",
    },
    "the screening": {
        "SIGNED": "cohorts.sign_screening",
        "CONFIRMED": "cohorts.confirm_eligibility",
        "OPEN": SCREENING_BACK,
        "FAILED": "cohorts.fail_screening",
    },
    "the slot": {
        "RESERVED": "cohorts.reserve_slot",
        "CONFIRMED": "cohorts.confirm_slot",
        "REQUESTED RELEASED": "cohorts.withdraw_request",
        "RESERVED RELEASED": "cohorts.release_slot",
        "CONFIRMED RELEASED": "cohorts.release_slot",
    },
    "the decision": {
        "PARTLY_SIGNED": "cohorts.sign_decision",
        "SIGNED": "cohorts.sign_decision",
        "CIRCULATED": "cohorts.acknowledge_decision",
        "WITHDRAWN": "safety.conclude_review",
    },
    "the hold": {"LIFTED": "cohorts.lift_hold"},
    "the deviation": {
        "OPEN CLASSIFIED": "cohorts.classify_deviation",
        "CLOSED": "cohorts.close_deviation",
        "CLOSED CLASSIFIED": "cohorts.reopen_deviation",
    },
    "the lymphodepletion dose": {"GIVEN": "dosing.give_ld_dose", "OMITTED": "dosing.omit_ld_dose"},
    "the product lot": {
        "RELEASED": "dosing.release_lot",
        "QUARANTINED": "dosing.quarantine_lot",
        "DISCARDED": "dosing.discard_lot",
    },
    "the infusion": {
        "HELD": "dosing.hold_infusion",
        "HELD PLANNED": "dosing.resume_infusion",
        "MISSED PLANNED": "dosing.resume_infusion",
        "GIVEN": "dosing.give_infusion dosing.record_given_infusion",
        "MISSED": "dosing.miss_infusion",
        "GIVEN PLANNED": "dosing.mark_not_given",
        "GIVEN MISSED": "dosing.mark_not_given",
    },
    "the DLT window": {
        "OPEN": "dosing.give_infusion dosing.record_given_infusion",
        "NOT_OPEN": "dosing.mark_not_given",
        "CLOSED": "safety.sign_window_statement",
    },
    "the call": {"ANSWERED": "dosing.answer_call"},
    "the DLT report": {
        "REPORTED": "safety.report_dlt",
        "CLEARED": "safety.clear_dlt",
        "CONFIRMED": "safety.adjudicate_dlt",
        "REFUTED": "safety.adjudicate_dlt",
    },
    "the review": {"CONCLUDED": "safety.conclude_review"},
    "the take-over": {
        "PARTLY_SIGNED": "safety.sign_take_over",
        "APPLIED": "safety.sign_take_over",
        "WITHDRAWN": "safety.withdraw_take_over",
    },
}
# Moves in the tables whose actions are still to come.
NOT_YET = {
    ("the study", "ESCALATING", "RDE_SELECTED"),
    ("the study", "RDE_SELECTED", "EXPANDING"),
    ("the study", "EXPANDING", "COMPLETE"),
    ("the study", "RDE_SELECTED", "COMPLETE"),
    ("the study", "SETUP", "TERMINATED"),
    ("the study", "ESCALATING", "TERMINATED"),
    ("the study", "RDE_SELECTED", "TERMINATED"),
    ("the study", "EXPANDING", "TERMINATED"),
    ("the notification", "FAILED", "PLANNED"),
    ("the decision", "BASIS_CHANGED", "RE_REVIEWED"),
}
# An action of more people than the move has owners, for this reason.
NARROWER = {
    ("the slot", "CONFIRMED", "RELEASED"): "a site gives up a reservation, not a seat",
    ("the participant", "SLOTTED", "ELIGIBLE"): "it follows from a confirmed seat given up",
}
MOVES = [
    pytest.param(cycle, str(start), str(to), id=f"{cycle.name}: {start} to {to}")
    for cycle in CYCLES
    for (start, to), owners in cycle.moves.items()
    if owners != {SERVICE} and (cycle.name, str(start), str(to)) not in NOT_YET
]


@pytest.mark.parametrize(("cycle", "start", "to"), MOVES)
def test_owners_of_a_move_are_those_who_can_make_it(cycle: LifeCycle, start: str, to: str) -> None:
    table = MADE_BY[cycle.name]
    actions = (table.get(f"{start} {to}") or table[to]).split()
    can = {ROLES[name] for action in actions for name in RIGHTS[action][0]}
    owners = set(cycle.moves[cycle.states(start), cycle.states(to)]) - {SERVICE}

    if (cycle.name, start, to) in NARROWER:
        assert owners < can
    else:
        assert owners == can


def test_what_is_not_yet_made_is_in_the_tables() -> None:
    known = {(c.name, str(start), str(to)) for c in CYCLES for start, to in c.moves}

    assert known >= NOT_YET
    assert set(NARROWER) <= known
