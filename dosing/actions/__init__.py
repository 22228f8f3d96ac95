"""The only writers of treatment's tables. Each pushes its facts to the participant's outcome."""

from dosing.actions.administrations import give_ld_dose, omit_ld_dose
from dosing.actions.calls import answer_call, follow_calls
from dosing.actions.checks import enter_safety_check
from dosing.actions.corrections import correct_infusion, mark_not_given
from dosing.actions.doubts import question_medications
from dosing.actions.inflight import (
    answer_in_flight,
    flag_overdue,
    follow_in_flight,
    instruct_infusion,
)
from dosing.actions.infusions import give_infusion, record_given_infusion
from dosing.actions.leaving import close_treatment, complete_follow_up
from dosing.actions.legacy import PaperCourse, PaperInfusion, take_in_course
from dosing.actions.lots import (
    correct_lot,
    discard_lot,
    quarantine_lot,
    receive_lot,
    release_lot,
)
from dosing.actions.lymphodepletion import (
    begin_cycle,
    begin_lymphodepletion,
    complete_lymphodepletion,
    plan_course,
)
from dosing.actions.measurements import (
    Reading,
    correct_measurement,
    record_measurement,
    record_measurements,
)
from dosing.actions.medications import (
    Prescription,
    accept_medication,
    correct_medication,
    match_medications,
    record_medication,
)
from dosing.actions.planning import (
    assign_lot,
    hold_infusion,
    miss_infusion,
    reschedule_infusion,
    resume_infusion,
)
from dosing.actions.windows import move_window, pass_time

__all__ = [
    "PaperCourse",
    "PaperInfusion",
    "Prescription",
    "Reading",
    "accept_medication",
    "answer_call",
    "assign_lot",
    "begin_cycle",
    "begin_lymphodepletion",
    "close_treatment",
    "complete_follow_up",
    "complete_lymphodepletion",
    "correct_infusion",
    "correct_lot",
    "correct_measurement",
    "correct_medication",
    "discard_lot",
    "enter_safety_check",
    "follow_calls",
    "give_infusion",
    "give_ld_dose",
    "hold_infusion",
    "mark_not_given",
    "match_medications",
    "miss_infusion",
    "move_window",
    "omit_ld_dose",
    "pass_time",
    "plan_course",
    "quarantine_lot",
    "question_medications",
    "receive_lot",
    "record_given_infusion",
    "record_measurement",
    "record_measurements",
    "record_medication",
    "release_lot",
    "reschedule_infusion",
    "resume_infusion",
    "take_in_course",
    "answer_in_flight",
    "flag_overdue",
    "follow_in_flight",
    "instruct_infusion",
]
