"""Tables of treatment: lymphodepletion courses, product lots, infusions, the DLT window."""

from dosing.models.checks import SafetyCheck
from dosing.models.courses import Course
from dosing.models.infusions import Infusion
from dosing.models.lots import LotMove, ProductLot
from dosing.models.measurements import Measurement
from dosing.models.medications import Medication
from dosing.models.windows import DltWindow

__all__ = [
    "Course",
    "DltWindow",
    "Infusion",
    "LotMove",
    "Measurement",
    "Medication",
    "ProductLot",
    "SafetyCheck",
]
