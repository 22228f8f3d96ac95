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


class SupersedingKind(TextChoices):
    """Why a report is superseded. The first three keep it a DLT, the others take it away."""

    WORSE = "WORSE", "graded worse"
    LATE = "LATE", "learned late: it was dose-limiting"
    CRITERION = "CRITERION", "its criterion, stated now or another one"
    DOWNGRADED = "DOWNGRADED", "graded down: no longer dose-limiting"
    WITHDRAWN = "WITHDRAWN", "entered in error"
    DUPLICATE = "DUPLICATE", "the same as another report"


STILL_DLT: Final = (SupersedingKind.WORSE, SupersedingKind.LATE, SupersedingKind.CRITERION)


class SupersedingState(TextChoices):
    WAITING = "WAITING", "waits for the medical monitor"
    ACCEPTED = "ACCEPTED", "in force"
    REJECTED = "REJECTED", "rejected"
    LAPSED = "LAPSED", "lapsed"


SUPERSEDING: Final = LifeCycle(
    "the superseding",
    SupersedingState,
    {
        (SupersedingState.WAITING, SupersedingState.ACCEPTED): _MONITOR,
        (SupersedingState.WAITING, SupersedingState.REJECTED): _MONITOR,
        (SupersedingState.WAITING, SupersedingState.LAPSED): owned_by(SERVICE),
    },
)


class CandidateState(TextChoices):
    OPEN = "OPEN", "waits for the investigator's word"
    DISPUTED = "DISPUTED", "waits for the medical monitor's ruling"
    REPORTED = "REPORTED", "reported as a DLT"
    CLOSED = "CLOSED", "not dose-limiting"


OPEN_CANDIDATES: Final = (CandidateState.OPEN, CandidateState.DISPUTED)
_Y = CandidateState
CANDIDATE: Final = LifeCycle(
    "the candidate",
    CandidateState,
    {
        (_Y.OPEN, _Y.DISPUTED): owned_by(Role.INVESTIGATOR),
        (_Y.OPEN, _Y.CLOSED): owned_by(Role.INVESTIGATOR, SERVICE),
        (_Y.OPEN, _Y.REPORTED): owned_by(Role.INVESTIGATOR),
        (_Y.DISPUTED, _Y.CLOSED): _MONITOR,
        (_Y.DISPUTED, _Y.REPORTED): owned_by(Role.INVESTIGATOR, Role.MEDICAL_MONITOR),
        # A late report, a worse reading, a report that stands no more.
        (_Y.CLOSED, _Y.REPORTED): owned_by(Role.INVESTIGATOR),
        (_Y.CLOSED, _Y.OPEN): owned_by(SERVICE),
        (_Y.REPORTED, _Y.OPEN): owned_by(SERVICE),
        (_Y.REPORTED, _Y.CLOSED): owned_by(SERVICE),
    },
)


class Causality(TextChoices):
    UNRELATED = "UNRELATED", "unrelated"
    UNLIKELY = "UNLIKELY", "unlikely"
    POSSIBLE = "POSSIBLE", "possible"
    PROBABLE = "PROBABLE", "probable"
    DEFINITE = "DEFINITE", "definite"


class Seriousness(TextChoices):
    """ICH E2A. Never derived from the grade."""

    DEATH = "DEATH", "death"
    LIFE_THREATENING = "LIFE_THREATENING", "life-threatening"
    HOSPITALISATION = "HOSPITALISATION", "hospitalisation, or a longer one"
    DISABILITY = "DISABILITY", "lasting or important disability"
    CONGENITAL_ANOMALY = "CONGENITAL_ANOMALY", "congenital anomaly"
    IMPORTANT = "IMPORTANT", "other important medical event"


class ActionTaken(TextChoices):
    """With the study's product, because of the event."""

    NONE = "NONE", "nothing changed"
    HELD = "HELD", "infusion held"
    MISSED = "MISSED", "infusion not given"
    STOPPED = "STOPPED", "no further infusion"
    NOT_APPLICABLE = "NOT_APPLICABLE", "no infusion was planned"


class EventOutcome(TextChoices):
    """What became of an event."""

    RECOVERED = "RECOVERED", "recovered"
    SEQUELAE = "SEQUELAE", "recovered with sequelae"
    RECOVERING = "RECOVERING", "recovering"
    NOT_RECOVERED = "NOT_RECOVERED", "not recovered"
    FATAL = "FATAL", "fatal"
    UNKNOWN = "UNKNOWN", "unknown"


class DataQueryState(TextChoices):
    OPEN = "OPEN", "open"
    ANSWERED = "ANSWERED", "answered"
    CLOSED = "CLOSED", "closed"


class DataQueryStep(TextChoices):
    """What is said in a query."""

    ASKED = "ASKED", "asked"
    ANSWERED = "ANSWERED", "answered"
    CLOSED = "CLOSED", "closed"
    REOPENED = "REOPENED", "asked again"


_Q = DataQueryState
_ASKERS = owned_by(Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.DATA_MONITOR)
DATA_QUERY: Final = LifeCycle(
    "the data query",
    DataQueryState,
    {
        (_Q.OPEN, _Q.ANSWERED): owned_by(Role.INVESTIGATOR, Role.PHARMACIST),
        (_Q.OPEN, _Q.CLOSED): _ASKERS,
        (_Q.ANSWERED, _Q.CLOSED): _ASKERS,
        (_Q.ANSWERED, _Q.OPEN): _ASKERS,
        (_Q.CLOSED, _Q.OPEN): _ASKERS,
    },
)


class ReviewState(TextChoices):
    CONVENED = "CONVENED", "convened"
    CONCLUDED = "CONCLUDED", "concluded"
    SUPERSEDED = "SUPERSEDED", "convened again"


REVIEW: Final = LifeCycle(
    "the review",
    ReviewState,
    {
        (ReviewState.CONVENED, ReviewState.CONCLUDED): owned_by(Role.STUDY_MANAGER),
        (ReviewState.CONVENED, ReviewState.SUPERSEDED): owned_by(Role.STUDY_MANAGER),
    },
)


class Vote(TextChoices):
    """What a member who may vote said to the committee's verdict."""

    FOR = "FOR", "for"
    AGAINST = "AGAINST", "against"
    ABSTAIN = "ABSTAIN", "abstains"


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


class AlertKind(TextChoices):
    """What may be received while the study is locked."""

    EVENT = "EVENT", "adverse event"
    DLT = "DLT", "DLT report"
    HOLD = "HOLD", "hold"


class AlertResult(TextChoices):
    APPLIED = "APPLIED", "applied"
    FAILED = "FAILED", "not applied"
    SETTLED = "SETTLED", "settled by a person"


class PacketForm(TextChoices):
    """What a packet is made into; the page comes first, the others are made from it."""

    PAGE = "PAGE", "page"
    PDF = "PDF", "PDF"
    XLSX = "XLSX", "workbook"
    JSON = "JSON", "JSON"


class PacketFileState(TextChoices):
    PREPARING = "PREPARING", "being prepared"
    READY = "READY", "ready"
    FAILED = "FAILED", "failed"


_F = PacketFileState
PACKET_FILE: Final = LifeCycle(
    "the packet file",
    PacketFileState,
    {
        (_F.PREPARING, _F.READY): owned_by(SERVICE),
        (_F.PREPARING, _F.FAILED): owned_by(SERVICE),
        (_F.FAILED, _F.PREPARING): owned_by(SERVICE),
    },
)


LIFE_CYCLES: Final = (
    CANDIDATE,
    DATA_QUERY,
    DLT_REPORT,
    SUPERSEDING,
    REVIEW,
    TAKE_OVER,
    PACKET_FILE,
)
