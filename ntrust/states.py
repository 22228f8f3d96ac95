"""Life cycles: which states exist, which moves are allowed, and who may make them.

Each life cycle is one enum and one table of moves with their owners. Actions check it, the
database refuses what is not in it, tests walk every pair, and the diagrams in docs/ are drawn
from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import pgtrigger
from django.db.models import TextChoices

from ntrust.errors import Refused


class Role(TextChoices):
    """What a person may be in a study. Investigators and pharmacists are bound to a site."""

    STUDY_MANAGER = "STUDY_MANAGER", "study manager"
    MEDICAL_MONITOR = "MEDICAL_MONITOR", "medical monitor"
    INVESTIGATOR = "INVESTIGATOR", "investigator"
    PHARMACIST = "PHARMACIST", "pharmacist"
    DATA_MONITOR = "DATA_MONITOR", "data monitor"
    COMMITTEE = "COMMITTEE", "safety review committee"
    AUDITOR = "AUDITOR", "auditor"


SITE_ROLES: Final = (Role.INVESTIGATOR, Role.PHARMACIST)
READ_ONLY_ROLES: Final = (Role.COMMITTEE, Role.AUDITOR)
SERVICE: Final = "SERVICE"
"""Owner of the moves that the service makes by itself when a moment has passed or a rule fires."""

Move = tuple[str, str]
Owners = frozenset[str]


def owned_by(*owners: str) -> Owners:
    return frozenset(owners)


@dataclass(frozen=True)
class LifeCycle:
    """A named set of states with the moves between them: (from, to) → who may make the move."""

    name: str
    states: type[TextChoices]
    moves: Mapping[Move, Owners]

    def check(self, current: str, new: str) -> None:
        """Refuse a move that is not in the table, in words."""
        if (current, new) not in self.moves:
            raise Refused(
                "illegal_move",
                f"{self.name.capitalize()} cannot go from {self.states(current).label} "
                f"to {self.states(new).label}.",
            )

    def allowed_from(self, current: str) -> tuple[str, ...]:
        return tuple(to for (start, to) in self.moves if start == current)

    def guard(self) -> pgtrigger.FSM:
        """The trigger that makes the database refuse any other move."""
        return pgtrigger.FSM(
            name="legal_moves_only",
            field="state",
            transitions=sorted((str(start), str(to)) for start, to in self.moves),
        )


class StudyState(TextChoices):
    SETUP = "SETUP", "set-up"
    ESCALATING = "ESCALATING", "escalating"
    RDE_SELECTED = "RDE_SELECTED", "RDE selected"
    EXPANDING = "EXPANDING", "Part 2 expansion"
    COMPLETE = "COMPLETE", "complete"
    TERMINATED = "TERMINATED", "terminated"


_S = StudyState
STUDY: Final = LifeCycle(
    "the study",
    StudyState,
    {
        (_S.SETUP, _S.ESCALATING): owned_by(Role.STUDY_MANAGER),
        (_S.ESCALATING, _S.RDE_SELECTED): owned_by(Role.STUDY_MANAGER, Role.MEDICAL_MONITOR),
        (_S.RDE_SELECTED, _S.EXPANDING): owned_by(Role.STUDY_MANAGER),
        # Once an RDE no longer stands: another one is selected, or Part 1 goes on.
        (_S.EXPANDING, _S.RDE_SELECTED): owned_by(Role.STUDY_MANAGER, Role.MEDICAL_MONITOR),
        (_S.RDE_SELECTED, _S.ESCALATING): owned_by(Role.STUDY_MANAGER, Role.MEDICAL_MONITOR),
        (_S.EXPANDING, _S.ESCALATING): owned_by(Role.STUDY_MANAGER, Role.MEDICAL_MONITOR),
        (_S.EXPANDING, _S.COMPLETE): owned_by(Role.STUDY_MANAGER),
        (_S.RDE_SELECTED, _S.COMPLETE): owned_by(Role.STUDY_MANAGER),
        **{
            (state, _S.TERMINATED): owned_by(Role.STUDY_MANAGER)
            for state in (_S.SETUP, _S.ESCALATING, _S.RDE_SELECTED, _S.EXPANDING)
        },
    },
)


class SiteState(TextChoices):
    PLANNED = "PLANNED", "planned"
    ACTIVE = "ACTIVE", "active"
    SUSPENDED = "SUSPENDED", "suspended"


SITE: Final = LifeCycle(
    "the site",
    SiteState,
    {
        (SiteState.PLANNED, SiteState.ACTIVE): owned_by(Role.STUDY_MANAGER),
        (SiteState.ACTIVE, SiteState.SUSPENDED): owned_by(Role.STUDY_MANAGER),
        (SiteState.SUSPENDED, SiteState.ACTIVE): owned_by(Role.STUDY_MANAGER),
    },
)


class Channel(TextChoices):
    """How a person is reached outside the service."""

    MAIL = "MAIL", "mail"
    WEBHOOK = "WEBHOOK", "webhook"
    CHAT = "CHAT", "chat"


class AcknowledgedWhere(TextChoices):
    """Where a person said that they know."""

    INBOX = "INBOX", "in the inbox"
    MAIL = "MAIL", "by the link of the mail"
    API = "API", "by another system"


class DeliveryState(TextChoices):
    PLANNED = "PLANNED", "planned"
    SENDING = "SENDING", "being sent"
    SENT = "SENT", "sent"
    FAILED = "FAILED", "failed"


DELIVERY: Final = LifeCycle(
    "the delivery",
    DeliveryState,
    {
        (DeliveryState.PLANNED, DeliveryState.SENDING): owned_by(SERVICE),
        (DeliveryState.SENDING, DeliveryState.SENT): owned_by(SERVICE),
        (DeliveryState.SENDING, DeliveryState.PLANNED): owned_by(SERVICE),
        (DeliveryState.SENDING, DeliveryState.FAILED): owned_by(SERVICE),
        (DeliveryState.FAILED, DeliveryState.PLANNED): owned_by(Role.STUDY_MANAGER),
    },
)


class QueueTrouble(TextChoices):
    """Why alerts go out without the queue."""

    DOWN = "DOWN", "the queue is down"
    IDLE = "IDLE", "nothing works on the queue"


class EndpointState(TextChoices):
    ACTIVE = "ACTIVE", "active"
    PAUSED = "PAUSED", "paused"


ENDPOINT: Final = LifeCycle(
    "the webhook",
    EndpointState,
    {
        (EndpointState.ACTIVE, EndpointState.PAUSED): owned_by(Role.STUDY_MANAGER),
        (EndpointState.PAUSED, EndpointState.ACTIVE): owned_by(Role.STUDY_MANAGER),
    },
)


class AccountEventKind(TextChoices):
    """What happens to an account beside the tries to prove who one is, its roles and its fields."""

    LOGGED_OUT = "LOGGED_OUT", "logged out"
    PASSWORD_RESET = "PASSWORD_RESET", "password reset by mail"
    SECOND_FACTOR_ADDED = "SECOND_FACTOR_ADDED", "second factor added"
    SECOND_FACTOR_REMOVED = "SECOND_FACTOR_REMOVED", "second factor removed"
    RECOVERY_CODES_MADE = "RECOVERY_CODES_MADE", "recovery codes made"
    TOKEN_MADE = "TOKEN_MADE", "token for a program made"
    TOKEN_REVOKED = "TOKEN_REVOKED", "token for a program revoked"


class TokenScope(TextChoices):
    READ = "READ", "read"
    ACT = "ACT", "read and act"


LIFE_CYCLES: Final = (STUDY, SITE, DELIVERY, ENDPOINT)


class Door(TextChoices):
    """Where somebody proves who they are."""

    LOG_IN = "LOG_IN", "log-in"
    SECOND_STEP = "SECOND_STEP", "second step of the log-in"
    CONFIRMATION = "CONFIRMATION", "confirmation while logged in"
    SIGNATURE = "SIGNATURE", "signature"
    ADMINISTRATION = "ADMINISTRATION", "administration"


class AttemptOutcome(TextChoices):
    """How a try ended. In a first step the second is still to come."""

    ACCEPTED = "ACCEPTED", "accepted"
    FIRST_STEP = "FIRST_STEP", "password accepted, code to follow"
    WRONG_IDENTIFIER = "WRONG_IDENTIFIER", "wrong username"
    WRONG_PASSWORD = "WRONG_PASSWORD", "wrong password"
    WRONG_CODE = "WRONG_CODE", "wrong code"
    CLOSED = "CLOSED", "account closed"
    LOCKED = "LOCKED", "account locked: not tried"
    UNLOCKED = "UNLOCKED", "unlocked by the administrator"


EVENT_KINDS: Final = frozenset(
    {
        "ABSENCE_ENTERED",
        "ABSENCE_WITHDRAWN",
        "ALERT_ESCALATED",
        "ALERT_NOT_APPLIED",
        "ALERT_SETTLED",
        "ALERT_UNANSWERED",
        "AUDIT_EXPORTED",
        "BASIS_CHANGED",
        "CALL_ANSWERED",
        "CALL_DUE",
        "CALL_OVERDUE",
        "COHORT_COMPLETE",
        "COHORT_FULL",
        "COHORT_OPENED",
        "COHORT_REOPENED",
        "CONSENTED",
        "CONSENT_FORM_ADDED",
        "CONSENT_RECORDED",
        "DECISION_ACKNOWLEDGED",
        "CUT_LOCKED",
        "CYCLE_BEGUN",
        "DATASETS_EXPORTED",
        "DATA_VERIFIED",
        "DECISION_CIRCULATED",
        "DECISION_PARTLY_SIGNED",
        "DECISION_PROPOSED",
        "DECISION_RE_REVIEWED",
        "DECISION_SENT",
        "DECISION_SIGNED",
        "DECISION_UNSIGNED",
        "DECISION_WITHDRAWN",
        "DEPUTY_NAMED",
        "DELIVERY_FAILING",
        "DEVIATION_CLASSIFIED",
        "DEVIATION_CLOSED",
        "DEVIATION_NOTED",
        "DEVIATION_REOPENED",
        "DLT_CANDIDATE",
        "DLT_CLEARED",
        "DLT_CLOCK_ENDING",
        "DLT_CONFIRMED",
        "DLT_DISPUTED",
        "DLT_OUTSIDE_WINDOW",
        "DLT_PROVISIONAL",
        "DLT_REFUTED",
        "DLT_REPORTED",
        "DLT_SUPERSEDED",
        "ELIGIBLE",
        "EVENT_COMPLETED",
        "EVENT_ENDED",
        "EVENT_GRADED",
        "EVENT_NOT_DLT",
        "EVENT_REPORTED",
        "FOLLOW_UP_BEGUN",
        "HOLD_LIFTED",
        "HOLD_PLACED",
        "INFUSION_CORRECTED",
        "INFUSION_DUE",
        "INFUSION_GIVEN",
        "INFUSION_GIVEN_OUT_OF_ORDER",
        "INFUSION_HELD",
        "INFUSION_MISSED",
        "INFUSION_NOT_GIVEN",
        "INFUSION_OVERDUE",
        "INFUSION_PLANNED",
        "INFUSION_RESCHEDULED",
        "IN_FLIGHT_ANSWERED",
        "IN_FLIGHT_DUE",
        "IN_FLIGHT_INSTRUCTED",
        "IN_FLIGHT_LISTED",
        "IN_FLIGHT_OVERDUE",
        "LD_BEGUN",
        "LD_DOSE_GIVEN",
        "LD_DOSE_OMITTED",
        "LD_GIVEN",
        "LIFT_PROPOSED",
        "LIFT_SIGNED",
        "LIST_EXPORTED",
        "LOT_ASSIGNED",
        "LOT_CONCERNS",
        "LOT_CORRECTED",
        "LOT_DISCARDED",
        "LOT_EXPIRING",
        "LOT_QUARANTINED",
        "LOT_RECEIVED",
        "LOT_RELEASED",
        "MEASURED",
        "MEASUREMENT_CORRECTED",
        "MEDICATION_ACCEPTED",
        "MEDICATION_CORRECTED",
        "MEDICATION_ENTERED",
        "MISSED_INFUSION_RULED",
        "MONITOR_CALL",
        "NEXT_IN_QUEUE",
        "OFF_STUDY",
        "ON_CALL_CHANGED",
        "OUTCOME_CHANGED",
        "PARTICIPANT_DIED",
        "PARTICIPANT_LOST",
        "PARTICIPANT_REPINNED",
        "PARTICIPANT_WITHDRAWN",
        "BOUNDARY_CROSSED",
        "PART_1_REOPENED",
        "PART_2_STARTED",
        "RDE_IN_QUESTION",
        "RDE_PROPOSED",
        "RDE_SELECTED",
        "SLOT_EXPIRING",
        "STATEMENT_OVERDUE",
        "STUDY_COMPLETE",
        "STUDY_TERMINATED",
        "PROTOCOL_ACTIVATED",
        "PROTOCOL_ADDED",
        "PROTOCOL_APPROVED",
        "PROTOCOL_REPLACED",
        "PROTOCOL_WITHDRAWN",
        "QUERY_ANSWERED",
        "QUERY_ASKED",
        "QUERY_CLOSED",
        "QUERY_REOPENED",
        "QUEUE_OVERRIDDEN",
        "RECOMMENDATION_CHANGED",
        "REQUEST_WITHDRAWN",
        "RESULTS_ENTERED",
        "RE_REVIEW_PARTLY_SIGNED",
        "RE_REVIEW_PROPOSED",
        "RE_REVIEW_WITHDRAWN",
        "REVIEW_CONVENED",
        "RULING_WITHDRAWN",
        "SAE_CLOCK_STARTED",
        "SAE_REPORT_DUE",
        "SAE_REPORT_SENT",
        "SAE_REPORT_WITHDRAWN",
        "SAE_REPORTED",
        "SAE_WORD_DUE",
        "SAE_WORD_OVERDUE",
        "SAFETY_CHECK_ENTERED",
        "SCREENING_REOPENED",
        "SCREENING_SIGNED",
        "SCREEN_FAILED",
        "SCRIPT_FINISHED",
        "SENT_AGAIN",
        "SITE_ACTIVATED",
        "SITE_ADDED",
        "SITE_RESUMED",
        "SITE_SUSPENDED",
        "SLOT_CONFIRMED",
        "LEVEL_CHANGED",
        "SLOT_EXPIRED",
        "SLOT_RELEASED",
        "SLOT_REQUESTED",
        "SLOT_RESERVED",
        "STAGGER_CLEARED",
        "STATEMENT_DUE",
        "STATEMENT_SIGNED",
        "STATEMENT_WITHDRAWN",
        "SUPERSEDING_LAPSED",
        "SUPERSEDING_PROPOSED",
        "SUPERSEDING_REJECTED",
        "TAKE_OVER_APPLIED",
        "TAKE_OVER_SIGNED",
        "TAKE_OVER_STAGED",
        "TAKE_OVER_WITHDRAWN",
        "TREATMENT_PLANNED",
        "VERIFICATION_WITHDRAWN",
        "WINDOW_CLOSING",
        "WEBHOOK_ADDED",
        "WEBHOOK_PAUSED",
        "WEBHOOK_RESUMED",
        "WEBHOOK_TESTED",
        "WINDOW_MOVED",
    }
)
"""Every kind of event that is recorded. A protocol may have people told of these alone."""
