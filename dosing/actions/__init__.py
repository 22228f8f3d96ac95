"""The only writers of treatment's tables. Each pushes its facts to the participant's outcome."""

from dosing.actions.checks import enter_safety_check
from dosing.actions.corrections import correct_infusion, mark_not_given
from dosing.actions.infusions import give_infusion, record_given_infusion
from dosing.actions.lots import (
    correct_lot,
    discard_lot,
    quarantine_lot,
    receive_lot,
    release_lot,
)
from dosing.actions.lymphodepletion import begin_lymphodepletion, complete_lymphodepletion
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
    "assign_lot",
    "begin_lymphodepletion",
    "complete_lymphodepletion",
    "correct_infusion",
    "correct_lot",
    "discard_lot",
    "enter_safety_check",
    "give_infusion",
    "hold_infusion",
    "mark_not_given",
    "miss_infusion",
    "move_window",
    "pass_time",
    "quarantine_lot",
    "receive_lot",
    "record_given_infusion",
    "release_lot",
    "reschedule_infusion",
    "Prescription",
    "Reading",
    "accept_medication",
    "correct_measurement",
    "correct_medication",
    "match_medications",
    "record_measurement",
    "record_measurements",
    "record_medication",
    "resume_infusion",
]
