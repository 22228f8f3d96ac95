"""May this participant be treated now, and if not, why."""

from dosing.policies.infusions import check_infusion, gates_for_infusion
from dosing.policies.lymphodepletion import check_lymphodepletion, gates_for_lymphodepletion

__all__ = [
    "check_infusion",
    "check_lymphodepletion",
    "gates_for_infusion",
    "gates_for_lymphodepletion",
]
