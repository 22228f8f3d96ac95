"""Life cycles of DLT reports and reviews; the words of causality and verdicts."""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices

from ntrust.states import SERVICE, LifeCycle, Role, owned_by


class DltReportState(TextChoices):
    PROVISIONAL = "PROVISIONAL", "provisional"
    REPORTED = "REPORTED", "reported"
    CLEARED = "CLEARED", "cleared"
    CONFIRMED = "CONFIRMED", "confirmed"
    REFUTED = "REFUTED", "refuted"


COUNTED_REPORTS: Final = (DltReportState.REPORTED, DltReportState.CONFIRMED)
_R = DltReportState
_MONITOR = owned_by(Role.MEDICAL_MONITOR)
DLT_REPORT: Final = LifeCycle(
    "the DLT report",
    DltReportState,
    {
        (_R.PROVISIONAL, _R.REPORTED): owned_by(Role.INVESTIGATOR, SERVICE),
        (_R.PROVISIONAL, _R.CLEARED): owned_by(Role.INVESTIGATOR),
        (_R.REPORTED, _R.CONFIRMED): _MONITOR,
        (_R.REPORTED, _R.REFUTED): _MONITOR,
    },
)


class Causality(TextChoices):
    UNRELATED = "UNRELATED", "unrelated"
    UNLIKELY = "UNLIKELY", "unlikely"
    POSSIBLE = "POSSIBLE", "possible"
    PROBABLE = "PROBABLE", "probable"
    DEFINITE = "DEFINITE", "definite"


class ReviewState(TextChoices):
    CONVENED = "CONVENED", "convened"
    CONCLUDED = "CONCLUDED", "concluded"


REVIEW: Final = LifeCycle(
    "the review",
    ReviewState,
    {(ReviewState.CONVENED, ReviewState.CONCLUDED): owned_by(Role.STUDY_MANAGER)},
)


class TakeOverState(TextChoices):
    STAGED = "STAGED", "staged, not signed"
    PARTLY_SIGNED = "PARTLY_SIGNED", "signed by one of two"
    APPLIED = "APPLIED", "applied"
    WITHDRAWN = "WITHDRAWN", "withdrawn"


OPEN_TAKE_OVERS: Final = (TakeOverState.STAGED, TakeOverState.PARTLY_SIGNED)
_T = TakeOverState
_SIGNERS = owned_by(Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)
TAKE_OVER: Final = LifeCycle(
    "the take-over",
    TakeOverState,
    {
        (_T.STAGED, _T.PARTLY_SIGNED): _SIGNERS,
        (_T.PARTLY_SIGNED, _T.APPLIED): _SIGNERS,
        (_T.STAGED, _T.WITHDRAWN): owned_by(Role.STUDY_MANAGER),
        (_T.PARTLY_SIGNED, _T.WITHDRAWN): owned_by(Role.STUDY_MANAGER),
    },
)

LIFE_CYCLES: Final = (DLT_REPORT, REVIEW, TAKE_OVER)
