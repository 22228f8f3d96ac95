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
    "data monitor": Role.DATA_MONITOR,
    "pharmacist elsewhere": Role.PHARMACIST,
}
SCREENING_BACK = "cohorts.enter_results cohorts.plan_treatment_dates cohorts.re_pin"
LEAVE = dict.fromkeys(("WITHDRAWN", "LOST", "DIED"), "cohorts.leave_study")
# Life cycle to "FROM TO", or "TO" from wherever it is reached, to the actions that make the move.
MADE_BY: dict[str, dict[str, str]] = {
    "the study": {
        "SETUP ESCALATING": "cohorts.approve_protocol",
        "RDE_SELECTED": "cohorts.sign_decision",
        "ESCALATING": "cohorts.sign_decision",
        "EXPANDING": "cohorts.start_part_2",
        "COMPLETE": "cohorts.complete_study",
        "TERMINATED": "cohorts.terminate_study",
    },
    "the site": {
        "PLANNED ACTIVE": "ntrust.activate_site",
        "SUSPENDED": "ntrust.suspend_site",
        "SUSPENDED ACTIVE": "ntrust.resume_site",
    },
    "the delivery": {"FAILED PLANNED": "ntrust.send_again ntrust.send_all_again"},
    "the webhook": {"PAUSED": "ntrust.pause_endpoint", "ACTIVE": "ntrust.resume_endpoint"},
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
        "RE_REVIEWED": "cohorts.sign_re_review",
        "WITHDRAWN": "safety.conclude_review",
    },
    "the hold": {"LIFTED": "cohorts.sign_lift"},
    "the lifting of a hold": {
        "PARTLY_SIGNED": "cohorts.sign_lift",
        "SIGNED": "cohorts.sign_lift",
        "WITHDRAWN": "cohorts.propose_lift",
    },
    "the re-review": {
        "PARTLY_SIGNED": "cohorts.sign_re_review",
        "SIGNED": "cohorts.sign_re_review",
        "WITHDRAWN": "safety.conclude_re_review",
    },
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
    "the candidate": {
        "DISPUTED": "safety.state_not_dlt",
        "OPEN CLOSED": "safety.state_not_dlt",
        "DISPUTED CLOSED": "safety.rule_on_event",
        "OPEN REPORTED": "safety.report_dlt",
        "CLOSED REPORTED": "safety.report_dlt",
        "DISPUTED REPORTED": "safety.report_dlt safety.rule_on_event",
    },
    "the question about an infusion in flight": {"ANSWERED": "dosing.answer_in_flight"},
    "the data query": {
        "OPEN ANSWERED": "safety.answer_query",
        "CLOSED": "safety.close_query",
        "OPEN": "safety.reopen_query",
    },
    "the DLT report": {
        "REPORTED": "safety.report_dlt",
        "CLEARED": "safety.clear_dlt",
        "CONFIRMED": "safety.adjudicate_dlt",
        "REFUTED": "safety.adjudicate_dlt",
    },
    "the superseding": {
        "ACCEPTED": "safety.rule_superseding",
        "REJECTED": "safety.rule_superseding",
    },
    "the review": {
        "CONCLUDED": "safety.conclude_review safety.conclude_re_review",
        "SUPERSEDED": "safety.convene_review",
    },
    "the take-over": {
        "PARTLY_SIGNED": "safety.sign_take_over",
        "APPLIED": "safety.sign_take_over",
        "WITHDRAWN": "safety.withdraw_take_over",
    },
}
# Moves in the tables whose actions are still to come.
NOT_YET: set[tuple[str, str, str]] = set()
# An action of more people than the move has owners, for this reason.
NARROWER = {
    ("the slot", "CONFIRMED", "RELEASED"): "a site gives up a reservation, not a seat",
    (
        "the lifting of a hold",
        "PROPOSED",
        "SIGNED",
    ): "one signature is enough only of the monitor, for a person's hold",
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
