"""What is: reads of treatment and of what is recorded beside it, as frozen rows.

Nobody gets a row without a `Viewer`, but for what the rules of higher applications ask.
"""

from dosing.queries.calls import CallRow, find_call, list_calls, may_read_calls
from dosing.queries.courses import CoursePanel, read_courses
from dosing.queries.inflight import count_asked, list_in_flight, may_read_in_flight
from dosing.queries.infusions import InfusionsPanel, read_infusions
from dosing.queries.lots import LotsPage, find_lot, list_lots, may_read_lots
from dosing.queries.measurements import (
    MeasurementPanel,
    Trend,
    find_measurement,
    last_measured,
    read_measurement_panel,
    read_participant_trends,
    read_study_trend,
)
from dosing.queries.medications import (
    MedicationPanel,
    MedicationRow,
    find_medication,
    medications_in,
    read_medications,
)

__all__ = [
    "CallRow",
    "CoursePanel",
    "find_call",
    "list_calls",
    "may_read_calls",
    "read_courses",
    "InfusionsPanel",
    "LotsPage",
    "find_lot",
    "list_lots",
    "may_read_lots",
    "read_infusions",
    "MeasurementPanel",
    "MedicationPanel",
    "MedicationRow",
    "Trend",
    "find_measurement",
    "find_medication",
    "last_measured",
    "medications_in",
    "read_measurement_panel",
    "read_medications",
    "read_participant_trends",
    "read_study_trend",
    "count_asked",
    "list_in_flight",
    "may_read_in_flight",
]
