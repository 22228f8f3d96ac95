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


class NotificationState(TextChoices):
    PLANNED = "PLANNED", "planned"
    SENDING = "SENDING", "being sent"
    SENT = "SENT", "sent"
    FAILED = "FAILED", "failed"


NOTIFICATION: Final = LifeCycle(
    "the notification",
    NotificationState,
    {
        (NotificationState.PLANNED, NotificationState.SENDING): owned_by(SERVICE),
        (NotificationState.SENDING, NotificationState.SENT): owned_by(SERVICE),
        (NotificationState.SENDING, NotificationState.PLANNED): owned_by(SERVICE),
        (NotificationState.SENDING, NotificationState.FAILED): owned_by(SERVICE),
        (NotificationState.FAILED, NotificationState.PLANNED): owned_by(Role.STUDY_MANAGER),
    },
)

LIFE_CYCLES: Final = (STUDY, SITE, NOTIFICATION)

EVENT_KINDS: Final = frozenset(
    {
        "BASIS_CHANGED",
        "CALL_ANSWERED",
        "COHORT_OPENED",
        "CONSENTED",
        "CONSENT_FORM_ADDED",
        "CONSENT_RECORDED",
        "DECISION_ACKNOWLEDGED",
        "CYCLE_BEGUN",
        "DECISION_CIRCULATED",
        "DECISION_PROPOSED",
        "DECISION_SENT",
        "DECISION_SIGNED",
        "DEVIATION_CLASSIFIED",
        "DEVIATION_CLOSED",
        "DEVIATION_NOTED",
        "DEVIATION_REOPENED",
        "DLT_CLEARED",
        "DLT_CONFIRMED",
        "DLT_PROVISIONAL",
        "DLT_REFUTED",
        "DLT_REPORTED",
        "ELIGIBLE",
        "EVENT_REPORTED",
        "FOLLOW_UP_BEGUN",
        "HOLD_LIFTED",
        "HOLD_PLACED",
        "INFUSION_CORRECTED",
        "INFUSION_GIVEN",
        "INFUSION_GIVEN_OUT_OF_ORDER",
        "INFUSION_HELD",
        "INFUSION_MISSED",
        "INFUSION_NOT_GIVEN",
        "INFUSION_PLANNED",
        "INFUSION_RESCHEDULED",
        "LD_BEGUN",
        "LD_DOSE_GIVEN",
        "LD_DOSE_OMITTED",
        "LD_GIVEN",
        "LOT_ASSIGNED",
        "LOT_CONCERNS",
        "LOT_CORRECTED",
        "LOT_DISCARDED",
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
        "OFF_STUDY",
        "OUTCOME_CHANGED",
        "PARTICIPANT_DIED",
        "PARTICIPANT_LOST",
        "PARTICIPANT_REPINNED",
        "PARTICIPANT_WITHDRAWN",
        "PROTOCOL_ACTIVATED",
        "PROTOCOL_ADDED",
        "PROTOCOL_APPROVED",
        "PROTOCOL_REPLACED",
        "PROTOCOL_WITHDRAWN",
        "QUEUE_OVERRIDDEN",
        "RECOMMENDATION_CHANGED",
        "REQUEST_WITHDRAWN",
        "RESULTS_ENTERED",
        "REVIEW_CONVENED",
        "RULING_WITHDRAWN",
        "SAFETY_CHECK_ENTERED",
        "SCREENING_REOPENED",
        "SCREENING_SIGNED",
        "SCREEN_FAILED",
        "SCRIPT_FINISHED",
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
        "STATEMENT_DUE",
        "STATEMENT_SIGNED",
        "STATEMENT_WITHDRAWN",
        "TAKE_OVER_APPLIED",
        "TAKE_OVER_SIGNED",
        "TAKE_OVER_STAGED",
        "TAKE_OVER_WITHDRAWN",
        "TREATMENT_PLANNED",
        "WINDOW_MOVED",
    }
)
"""Every kind of event that is recorded. A protocol may have people told of these alone."""
