"""May this participant be treated now, and if not, why."""

from dosing.policies.calls import (
    call_content,
    check_answer,
    conditioned_courses,
    hold_gates_for_infusion,
    latest_calls,
    lymphodepletion_recent,
    unasked_old_courses,
)
from dosing.policies.cycles import (
    check_cycle,
    check_end,
    gates_for_cycle,
    gates_for_end,
    last_course,
    level_of_next_cycle,
)
from dosing.policies.given import Corrected, Entered, Given, check_given
from dosing.policies.inflight import (
    check_instruction,
    check_proceeding,
    gates_for_proceeding,
    open_questions,
    planned_infusions,
)
from dosing.policies.infusions import (
    check_infusion,
    gates_for_infusion,
    last_given_before,
    questions_before,
    shut_by_correction,
    was_clear,
)
from dosing.policies.lots import cells_left, cells_used, gates_for_lot, name_cells, was_released
from dosing.policies.lymphodepletion import (
    check_lymphodepletion,
    gates_for_lymphodepletion,
    level_open,
)
from dosing.policies.medications import was_in_window
from dosing.policies.schedule import Due, due_day, find_deviations, site_day
from dosing.policies.stagger import check_planned_day

__all__ = [
    "call_content",
    "Corrected",
    "Due",
    "Entered",
    "Given",
    "cells_left",
    "cells_used",
    "check_answer",
    "check_cycle",
    "check_end",
    "check_given",
    "check_infusion",
    "check_lymphodepletion",
    "check_planned_day",
    "conditioned_courses",
    "due_day",
    "find_deviations",
    "gates_for_cycle",
    "gates_for_end",
    "gates_for_infusion",
    "gates_for_lot",
    "gates_for_lymphodepletion",
    "hold_gates_for_infusion",
    "last_course",
    "last_given_before",
    "latest_calls",
    "level_of_next_cycle",
    "level_open",
    "lymphodepletion_recent",
    "name_cells",
    "questions_before",
    "shut_by_correction",
    "site_day",
    "unasked_old_courses",
    "was_clear",
    "was_in_window",
    "was_released",
    "check_instruction",
    "check_proceeding",
    "gates_for_proceeding",
    "open_questions",
    "planned_infusions",
]
