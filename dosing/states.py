"""Life cycles of lymphodepletion doses, product lots, infusions, DLT windows and calls."""

from __future__ import annotations

from typing import Final

from django.db.models import TextChoices

from ntrust.states import SERVICE, LifeCycle, Role, owned_by

_SITE = owned_by(Role.INVESTIGATOR)
_SITE_OR_LEFT = owned_by(Role.INVESTIGATOR, SERVICE)
"""The service makes these moves for a participant who has left the study."""
_PHARMACY = owned_by(Role.STUDY_MANAGER, Role.PHARMACIST)


class LotState(TextChoices):
    QUARANTINED = "QUARANTINED", "in quarantine"
    RELEASED = "RELEASED", "released"
    DISCARDED = "DISCARDED", "discarded"


_LOT = LotState
PRODUCT_LOT: Final = LifeCycle(
    "the product lot",
    LotState,
    {
        (_LOT.QUARANTINED, _LOT.RELEASED): owned_by(Role.STUDY_MANAGER),
        (_LOT.RELEASED, _LOT.QUARANTINED): owned_by(
            Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.PHARMACIST
        ),
        (_LOT.QUARANTINED, _LOT.DISCARDED): _PHARMACY,
        (_LOT.RELEASED, _LOT.DISCARDED): _PHARMACY,
    },
)


class LdDoseState(TextChoices):
    PLANNED = "PLANNED", "planned"
    GIVEN = "GIVEN", "given"
    OMITTED = "OMITTED", "omitted"


LD_DOSE: Final = LifeCycle(
    "the lymphodepletion dose",
    LdDoseState,
    {
        (LdDoseState.PLANNED, LdDoseState.GIVEN): _SITE,
        (LdDoseState.PLANNED, LdDoseState.OMITTED): _SITE_OR_LEFT,
    },
)


class InfusionState(TextChoices):
    PLANNED = "PLANNED", "planned"
    HELD = "HELD", "held"
    GIVEN = "GIVEN", "given"
    MISSED = "MISSED", "missed"


INFUSION: Final = LifeCycle(
    "the infusion",
    InfusionState,
    {
        (InfusionState.PLANNED, InfusionState.HELD): owned_by(
            Role.INVESTIGATOR, Role.MEDICAL_MONITOR
        ),
        (InfusionState.HELD, InfusionState.PLANNED): owned_by(
            Role.INVESTIGATOR, Role.MEDICAL_MONITOR
        ),
        (InfusionState.PLANNED, InfusionState.GIVEN): _SITE,
        (InfusionState.PLANNED, InfusionState.MISSED): _SITE_OR_LEFT,
        (InfusionState.HELD, InfusionState.MISSED): _SITE_OR_LEFT,
        # What was entered is corrected: docs/decisions/0009-corrections-of-treatment.md
        (InfusionState.HELD, InfusionState.GIVEN): _SITE,
        (InfusionState.MISSED, InfusionState.GIVEN): _SITE,
        (InfusionState.MISSED, InfusionState.PLANNED): owned_by(
            Role.INVESTIGATOR, Role.MEDICAL_MONITOR
        ),
        (InfusionState.GIVEN, InfusionState.PLANNED): _SITE,
        (InfusionState.GIVEN, InfusionState.MISSED): _SITE,
    },
)


class WindowState(TextChoices):
    NOT_OPEN = "NOT_OPEN", "not open"
    OPEN = "OPEN", "open"
    AWAITING_STATEMENT = "AWAITING_STATEMENT", "awaiting the statement"
    CLOSED = "CLOSED", "closed"


_W = WindowState
WINDOW: Final = LifeCycle(
    "the DLT window",
    WindowState,
    {
        (_W.NOT_OPEN, _W.OPEN): _SITE,
        (_W.OPEN, _W.NOT_OPEN): _SITE,
        (_W.OPEN, _W.AWAITING_STATEMENT): owned_by(SERVICE),
        (_W.AWAITING_STATEMENT, _W.OPEN): owned_by(SERVICE),
        (_W.AWAITING_STATEMENT, _W.CLOSED): _SITE,
        (_W.CLOSED, _W.AWAITING_STATEMENT): owned_by(SERVICE),
    },
)


class Route(TextChoices):
    """How a medicine is given."""

    ORAL = "ORAL", "by mouth"
    INTRAVENOUS = "INTRAVENOUS", "intravenous"
    SUBCUTANEOUS = "SUBCUTANEOUS", "subcutaneous"
    INTRAMUSCULAR = "INTRAMUSCULAR", "intramuscular"
    TOPICAL = "TOPICAL", "on the skin"
    OPHTHALMIC = "OPHTHALMIC", "in the eye"
    INHALED = "INHALED", "inhaled"
    OTHER = "OTHER", "another way"


LOCAL_ROUTES: Final = (Route.TOPICAL, Route.OPHTHALMIC, Route.INHALED)


class MedicationKind(TextChoices):
    """What the protocol makes of a medicine it speaks of."""

    PROHIBITED = "prohibited", "prohibited"
    STEROID = "steroid", "systemic steroid"
    ANTICYTOKINE = "anticytokine", "anticytokine therapy"
    ANTIPYRETIC = "antipyretic", "antipyretic"


class CallKind(TextChoices):
    """Why the medical monitor is called about a conditioned participant."""

    HOLD = "HOLD", "a hold after lymphodepletion began"
    LD_OLD = "LD_OLD", "lymphodepletion too long ago"


class CallState(TextChoices):
    RAISED = "RAISED", "raised"
    ANSWERED = "ANSWERED", "answered"
    MOOT = "MOOT", "no longer needed"


class CallAnswer(TextChoices):
    PROCEED = "PROCEED", "proceed"
    LOWER_DOSE = "LOWER_DOSE", "proceed at a lower dose"
    HOLD = "HOLD", "hold"


LETS_THROUGH: Final = (CallAnswer.PROCEED, CallAnswer.LOWER_DOSE)
MONITOR_CALL: Final = LifeCycle(
    "the call",
    CallState,
    {
        (CallState.RAISED, CallState.ANSWERED): owned_by(Role.MEDICAL_MONITOR),
        (CallState.RAISED, CallState.MOOT): owned_by(SERVICE),
    },
)


class InFlightState(TextChoices):
    OPEN = "OPEN", "to be answered"
    ANSWERED = "ANSWERED", "answered"
    MOOT = "MOOT", "no longer needed"


class InFlightAnswer(TextChoices):
    """What a site says of an infusion that was planned when a hold landed."""

    HELD = "HELD", "held"
    ALREADY_GIVEN = "ALREADY_GIVEN", "already given"
    PROCEEDING = "PROCEEDING", "proceeding on instruction"


IN_FLIGHT: Final = LifeCycle(
    "the question about an infusion in flight",
    InFlightState,
    {
        (InFlightState.OPEN, InFlightState.ANSWERED): _SITE,
        (InFlightState.OPEN, InFlightState.MOOT): owned_by(SERVICE),
    },
)

LIFE_CYCLES: Final = (LD_DOSE, PRODUCT_LOT, INFUSION, WINDOW, MONITOR_CALL, IN_FLIGHT)
