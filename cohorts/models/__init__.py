"""Tables of the escalation: protocol versions, levels, cohorts, seats, outcomes, decisions."""

from cohorts.models.consents import Consent, ConsentForm
from cohorts.models.decisions import (
    ACCOUNT,
    SEATS_IN_A_COHORT,
    Circulation,
    Decision,
    Hold,
    Recommendation,
    in_force,
)
from cohorts.models.deviations import Deviation
from cohorts.models.ladder import DoseLevel, ProtocolVersion
from cohorts.models.lifts import HoldLift
from cohorts.models.re_reviews import ReReview
from cohorts.models.screening import Screening, ScreeningResult
from cohorts.models.seats import Cohort, Outcome, Participant, Slot

__all__ = [
    "ACCOUNT",
    "SEATS_IN_A_COHORT",
    "Circulation",
    "Cohort",
    "Consent",
    "ConsentForm",
    "Decision",
    "Deviation",
    "DoseLevel",
    "Hold",
    "HoldLift",
    "Outcome",
    "Participant",
    "ProtocolVersion",
    "ReReview",
    "Recommendation",
    "Screening",
    "ScreeningResult",
    "Slot",
    "in_force",
]
