"""Life cycles of cohorts, participants, slots, outcomes, decisions and holds."""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices

from ntrust.states import SERVICE, LifeCycle, Role, owned_by

_MANAGER = owned_by(Role.STUDY_MANAGER)
_SERVICE = owned_by(SERVICE)


class ProtocolState(TextChoices):
    DRAFT = "DRAFT", "draft"
    APPROVED = "APPROVED", "approved"
    ACTIVE = "ACTIVE", "active"
    SUPERSEDED = "SUPERSEDED", "superseded"


PROTOCOL_VERSION: Final = LifeCycle(
    "the protocol version",
    ProtocolState,
    {
        (ProtocolState.DRAFT, ProtocolState.APPROVED): _MANAGER,
        (ProtocolState.APPROVED, ProtocolState.DRAFT): _MANAGER,
        (ProtocolState.APPROVED, ProtocolState.ACTIVE): _SERVICE,
        (ProtocolState.ACTIVE, ProtocolState.SUPERSEDED): _SERVICE,
    },
)


class CohortState(TextChoices):
    PLANNED = "PLANNED", "planned"
    OPEN = "OPEN", "open"
    FULL = "FULL", "full"
    IN_REVIEW = "IN_REVIEW", "in review"
    CLOSED = "CLOSED", "closed"
    STOPPED = "STOPPED", "stopped"


_C = CohortState
LIVE_COHORTS: Final = (_C.OPEN, _C.FULL, _C.IN_REVIEW)
COHORT: Final = LifeCycle(
    "the cohort",
    CohortState,
    {
        (_C.PLANNED, _C.OPEN): _SERVICE,
        (_C.OPEN, _C.FULL): _SERVICE,
        (_C.FULL, _C.OPEN): _SERVICE,
        (_C.FULL, _C.IN_REVIEW): _SERVICE,
        (_C.IN_REVIEW, _C.FULL): _SERVICE,
        (_C.IN_REVIEW, _C.OPEN): _SERVICE,
        (_C.OPEN, _C.CLOSED): _SERVICE,
        (_C.FULL, _C.CLOSED): _SERVICE,
        (_C.IN_REVIEW, _C.CLOSED): _SERVICE,
        **{
            (state, _C.STOPPED): _SERVICE
            for state in (_C.PLANNED, _C.OPEN, _C.FULL, _C.IN_REVIEW, _C.CLOSED)
        },
    },
)


class ParticipantState(TextChoices):
    SCREENING = "SCREENING", "in screening"
    ELIGIBLE = "ELIGIBLE", "eligible"
    SCREEN_FAILED = "SCREEN_FAILED", "screen failed"
    SLOTTED = "SLOTTED", "slotted"
    CONDITIONING = "CONDITIONING", "lymphodepletion begun"
    TREATED = "TREATED", "treated"
    FOLLOW_UP = "FOLLOW_UP", "in follow-up"
    OFF_STUDY = "OFF_STUDY", "off study"
    WITHDRAWN = "WITHDRAWN", "withdrawn"
    LOST = "LOST", "lost to follow-up"
    DIED = "DIED", "died"


_P = ParticipantState
_ON_STUDY = (
    _P.SCREENING,
    _P.ELIGIBLE,
    _P.SLOTTED,
    _P.CONDITIONING,
    _P.TREATED,
    _P.FOLLOW_UP,
)
_SITE = owned_by(Role.INVESTIGATOR)


DEPARTURES: Final = (_P.WITHDRAWN, _P.LOST, _P.DIED)
ENDED: Final = (_P.SCREEN_FAILED, _P.OFF_STUDY, *DEPARTURES)
"""States of people who are no longer on study."""


PARTICIPANT: Final = LifeCycle(
    "the participant",
    ParticipantState,
    {
        (_P.SCREENING, _P.ELIGIBLE): owned_by(Role.STUDY_MANAGER),
        (_P.SCREENING, _P.SCREEN_FAILED): _SITE,
        (_P.ELIGIBLE, _P.SCREEN_FAILED): _SITE,
        (_P.ELIGIBLE, _P.SLOTTED): owned_by(Role.STUDY_MANAGER),
        (_P.SLOTTED, _P.ELIGIBLE): owned_by(Role.STUDY_MANAGER, SERVICE),
        (_P.SLOTTED, _P.CONDITIONING): _SITE,
        (_P.CONDITIONING, _P.TREATED): _SITE,
        (_P.TREATED, _P.CONDITIONING): _SITE,
        (_P.TREATED, _P.FOLLOW_UP): owned_by(Role.INVESTIGATOR, SERVICE),
        # A correction may leave an infusion of cycle 1 to be given again.
        (_P.FOLLOW_UP, _P.TREATED): owned_by(SERVICE),
        (_P.FOLLOW_UP, _P.OFF_STUDY): _SITE,
        **{(state, end): _SITE for state in _ON_STUDY for end in DEPARTURES},
        (_P.OFF_STUDY, _P.DIED): _SITE,
        (_P.WITHDRAWN, _P.DIED): _SITE,
        (_P.LOST, _P.DIED): _SITE,
    },
)


class ScreeningState(TextChoices):
    OPEN = "OPEN", "open"
    SIGNED = "SIGNED", "signed by the investigator"
    CONFIRMED = "CONFIRMED", "confirmed by the manager"
    FAILED = "FAILED", "failed"


_F = ScreeningState
SCREENING_FILE: Final = LifeCycle(
    "the screening",
    ScreeningState,
    {
        (_F.OPEN, _F.SIGNED): _SITE,
        (_F.SIGNED, _F.CONFIRMED): _MANAGER,
        (_F.SIGNED, _F.OPEN): owned_by(Role.INVESTIGATOR, Role.STUDY_MANAGER),
        (_F.CONFIRMED, _F.OPEN): owned_by(Role.INVESTIGATOR, Role.STUDY_MANAGER),
        (_F.OPEN, _F.FAILED): _SITE,
        (_F.SIGNED, _F.FAILED): _SITE,
    },
)


class SlotState(TextChoices):
    REQUESTED = "REQUESTED", "requested"
    RESERVED = "RESERVED", "reserved"
    CONFIRMED = "CONFIRMED", "confirmed"
    RELEASED = "RELEASED", "released"
    REPLACED = "REPLACED", "replaced"
    EXPIRED = "EXPIRED", "expired"


TAKEN_SLOTS: Final = (SlotState.RESERVED, SlotState.CONFIRMED)
_L = SlotState
SLOT: Final = LifeCycle(
    "the slot",
    SlotState,
    {
        (_L.REQUESTED, _L.RESERVED): _MANAGER,
        (_L.REQUESTED, _L.RELEASED): owned_by(Role.INVESTIGATOR, Role.STUDY_MANAGER),
        (_L.RESERVED, _L.CONFIRMED): _MANAGER,
        (_L.RESERVED, _L.RELEASED): owned_by(Role.INVESTIGATOR, Role.STUDY_MANAGER),
        (_L.RESERVED, _L.EXPIRED): _SERVICE,
        (_L.CONFIRMED, _L.RELEASED): _MANAGER,
        (_L.CONFIRMED, _L.REPLACED): _SERVICE,
        (_L.REPLACED, _L.CONFIRMED): _SERVICE,
    },
)


class OutcomeLetter(TextChoices):
    """What a participant counts as, in the statisticians' notation."""

    PENDING = "P", "pending"
    NO_DLT = "N", "no DLT"
    DLT = "T", "DLT"
    NOT_EVALUABLE = "X", "not evaluable"


class DltStatus(TextChoices):
    """What the DLT reports of a participant add up to."""

    NONE = "NONE", "none reported"
    PROVISIONAL = "PROVISIONAL", "provisional"
    COUNTED = "COUNTED", "counted"


SELECT_RDE: Final = "SELECT_RDE"
"""Verdict of the decision that selects the dose of Part 2; the rules never answer it."""


class DecisionState(TextChoices):
    PROPOSED = "PROPOSED", "proposed"
    PARTLY_SIGNED = "PARTLY_SIGNED", "partly signed"
    SIGNED = "SIGNED", "signed"
    CIRCULATED = "CIRCULATED", "circulated"
    BASIS_CHANGED = "BASIS_CHANGED", "basis changed"
    RE_REVIEWED = "RE_REVIEWED", "re-reviewed"
    WITHDRAWN = "WITHDRAWN", "withdrawn"


_D = DecisionState
_SIGNERS = owned_by(Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)
DECISION: Final = LifeCycle(
    "the decision",
    DecisionState,
    {
        (_D.PROPOSED, _D.PARTLY_SIGNED): _SIGNERS,
        (_D.PARTLY_SIGNED, _D.SIGNED): _SIGNERS,
        (_D.SIGNED, _D.CIRCULATED): owned_by(Role.INVESTIGATOR, Role.PHARMACIST),
        (_D.SIGNED, _D.BASIS_CHANGED): _SERVICE,
        (_D.CIRCULATED, _D.BASIS_CHANGED): _SERVICE,
        (_D.BASIS_CHANGED, _D.RE_REVIEWED): _SIGNERS,
        # What was upheld rests on the re-review's own basis, which may change in turn.
        (_D.RE_REVIEWED, _D.BASIS_CHANGED): _SERVICE,
        (_D.PROPOSED, _D.WITHDRAWN): owned_by(Role.STUDY_MANAGER, SERVICE),
        (_D.PARTLY_SIGNED, _D.WITHDRAWN): owned_by(Role.STUDY_MANAGER, SERVICE),
    },
)


class ReReviewVerdict(TextChoices):
    """What a committee says of a decision whose basis changed."""

    UPHELD = "UPHELD", "upheld"
    CHANGED = "CHANGED", "changed: another decision takes its place"
    WITHDRAWN = "WITHDRAWN", "withdrawn"


class ReReviewState(TextChoices):
    PROPOSED = "PROPOSED", "proposed"
    PARTLY_SIGNED = "PARTLY_SIGNED", "partly signed"
    SIGNED = "SIGNED", "signed"
    WITHDRAWN = "WITHDRAWN", "withdrawn"


_RR = ReReviewState
RE_REVIEW: Final = LifeCycle(
    "the re-review",
    ReReviewState,
    {
        (_RR.PROPOSED, _RR.PARTLY_SIGNED): _SIGNERS,
        (_RR.PARTLY_SIGNED, _RR.SIGNED): _SIGNERS,
        (_RR.PROPOSED, _RR.WITHDRAWN): owned_by(Role.STUDY_MANAGER, SERVICE),
        (_RR.PARTLY_SIGNED, _RR.WITHDRAWN): owned_by(Role.STUDY_MANAGER, SERVICE),
    },
)


class HoldScope(TextChoices):
    STUDY = "STUDY", "the whole study"
    LEVEL = "LEVEL", "this level and all above"
    SITE = "SITE", "one site"
    PART_2 = "PART_2", "Part 2, or one of its cohorts"


class HoldState(TextChoices):
    PLACED = "PLACED", "placed"
    LIFTED = "LIFTED", "lifted"


HOLD: Final = LifeCycle(
    "the hold",
    HoldState,
    {(HoldState.PLACED, HoldState.LIFTED): _SIGNERS},
)


class LiftState(TextChoices):
    PROPOSED = "PROPOSED", "proposed"
    PARTLY_SIGNED = "PARTLY_SIGNED", "signed by one of two"
    SIGNED = "SIGNED", "signed"
    WITHDRAWN = "WITHDRAWN", "withdrawn"


OPEN_LIFTS: Final = (LiftState.PROPOSED, LiftState.PARTLY_SIGNED)
HOLD_LIFT: Final = LifeCycle(
    "the lifting of a hold",
    LiftState,
    {
        (LiftState.PROPOSED, LiftState.PARTLY_SIGNED): _SIGNERS,
        # One signature suffices for a person's hold: the medical monitor's.
        (LiftState.PROPOSED, LiftState.SIGNED): owned_by(Role.MEDICAL_MONITOR),
        (LiftState.PARTLY_SIGNED, LiftState.SIGNED): _SIGNERS,
        # A new proposal takes the place of the one before it.
        (LiftState.PROPOSED, LiftState.WITHDRAWN): _SIGNERS,
        (LiftState.PARTLY_SIGNED, LiftState.WITHDRAWN): _SIGNERS,
    },
)


class DeviationState(TextChoices):
    OPEN = "OPEN", "open"
    CLASSIFIED = "CLASSIFIED", "classified"
    CLOSED = "CLOSED", "closed"


class DeviationKind(TextChoices):
    """Kinds that people enter by hand; rules note theirs under codes of their own."""

    CONSENT = "CONSENT", "consent"
    ELIGIBILITY = "ELIGIBILITY", "eligibility"
    VISIT = "VISIT", "visit or procedure"
    TREATMENT = "TREATMENT", "treatment"
    MEDICATION = "MEDICATION", "concomitant medication"
    PRODUCT = "PRODUCT", "product handling"
    SAFETY_REPORTING = "SAFETY_REPORTING", "safety reporting"
    PRIVACY = "PRIVACY", "privacy"
    OTHER = "OTHER", "other"


class Severity(TextChoices):
    """ICH E3: an important deviation bears on rights, safety or the reliability of the data."""

    MINOR = "MINOR", "minor"
    IMPORTANT = "IMPORTANT", "important"


DEVIATION: Final = LifeCycle(
    "the deviation",
    DeviationState,
    {
        (DeviationState.OPEN, DeviationState.CLASSIFIED): _SIGNERS,
        (DeviationState.CLASSIFIED, DeviationState.CLOSED): _SIGNERS,
        (DeviationState.CLOSED, DeviationState.CLASSIFIED): _SIGNERS,
    },
)

LIFE_CYCLES: Final = (
    PROTOCOL_VERSION,
    COHORT,
    PARTICIPANT,
    SCREENING_FILE,
    SLOT,
    DECISION,
    RE_REVIEW,
    HOLD,
    HOLD_LIFT,
    DEVIATION,
)
