"""Tables of treatment: lymphodepletion courses and their doses, product lots, infusions, the DLT
window, the medical monitor's calls."""

from dosing.models.administrations import LdAdministration
from dosing.models.calls import MonitorCall
from dosing.models.checks import SafetyCheck
from dosing.models.courses import Course
from dosing.models.inflight import InFlight
from dosing.models.infusions import Infusion
from dosing.models.lots import LotMove, ProductLot
from dosing.models.measurements import Measurement
from dosing.models.medications import Medication
from dosing.models.windows import DltWindow

__all__ = [
    "Course",
    "DltWindow",
    "InFlight",
    "Infusion",
    "LdAdministration",
    "LotMove",
    "Measurement",
    "Medication",
    "MonitorCall",
    "ProductLot",
    "SafetyCheck",
]
