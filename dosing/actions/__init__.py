"""The only writers of treatment's tables. Each pushes its facts to the participant's outcome."""

from dosing.actions.infusions import (
    give_infusion,
    hold_infusion,
    miss_infusion,
    resume_infusion,
)
from dosing.actions.lymphodepletion import begin_lymphodepletion, complete_lymphodepletion
from dosing.actions.windows import move_window, pass_time

__all__ = [
    "begin_lymphodepletion",
    "complete_lymphodepletion",
    "give_infusion",
    "hold_infusion",
    "miss_infusion",
    "move_window",
    "pass_time",
    "resume_infusion",
]
