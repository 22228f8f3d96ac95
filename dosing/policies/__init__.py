"""May this participant be treated now, and if not, why."""

from dosing.policies.given import Corrected, Entered, Given, check_given
from dosing.policies.infusions import (
    check_infusion,
    gates_for_infusion,
    last_given_before,
    questions_before,
    was_clear,
)
from dosing.policies.lots import cells_left, cells_used, gates_for_lot, name_cells, was_released
from dosing.policies.lymphodepletion import check_lymphodepletion, gates_for_lymphodepletion
from dosing.policies.medications import was_in_window
from dosing.policies.schedule import Due, due_day, find_deviations, site_day
from dosing.policies.stagger import check_planned_day

__all__ = [
    "Corrected",
    "Due",
    "Entered",
    "Given",
    "cells_left",
    "cells_used",
    "check_given",
    "check_infusion",
    "check_lymphodepletion",
    "check_planned_day",
    "due_day",
    "find_deviations",
    "gates_for_infusion",
    "gates_for_lot",
    "gates_for_lymphodepletion",
    "last_given_before",
    "name_cells",
    "questions_before",
    "site_day",
    "was_clear",
    "was_released",
    "was_in_window",
]
