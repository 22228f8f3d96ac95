"""Tables of treatment: the lymphodepletion course, the infusions, the DLT window."""

from dosing.models.courses import Course
from dosing.models.infusions import Infusion
from dosing.models.windows import DltWindow

__all__ = ["Course", "DltWindow", "Infusion"]
