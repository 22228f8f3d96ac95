"""Tables of the escalation: protocol versions, levels, cohorts, seats, outcomes, decisions."""

from cohorts.models.consents import Consent, ConsentForm
from cohorts.models.decisions import (
    SEATS_IN_A_COHORT,
    Circulation,
    Decision,
    Hold,
    Recommendation,
)
from cohorts.models.deviations import Deviation
from cohorts.models.ladder import DoseLevel, ProtocolVersion
from cohorts.models.screening import Screening, ScreeningResult
from cohorts.models.seats import Cohort, Outcome, Participant, Slot

__all__ = [
    "SEATS_IN_A_COHORT",
    "Circulation",
    "Cohort",
    "Consent",
    "ConsentForm",
    "Decision",
    "Deviation",
    "DoseLevel",
    "Hold",
    "Outcome",
    "Participant",
    "ProtocolVersion",
    "Recommendation",
    "Screening",
    "ScreeningResult",
    "Slot",
]
