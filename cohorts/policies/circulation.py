"""Alerts of a decision that a site's clinic or pharmacy has to read and acknowledge."""

from __future__ import annotations

from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from cohorts.models import Circulation, Decision, in_force
from cohorts.states import DecisionState
from ntrust.models import Notification
from ntrust.states import SITE_ROLES, Role

DECISION_ALERTS: Final = ("DECISION_SIGNED", "DECISION_SENT")


def owed_readings() -> QuerySet[Circulation]:
    """The clinics and pharmacies that have yet to acknowledge a decision, in every study. One that
    a later signed decision has overtaken asks nobody."""
    later = Decision.objects.filter(
        study=OuterRef("decision__study"),
        number__gt=OuterRef("decision__number"),
        signed_at__isnull=False,
    )
    stands = Q(decision__state=DecisionState.SIGNED) & ~Exists(later)
    return Circulation.objects.filter(stands | in_force("decision__"), acknowledged_at__isnull=True)


def decision_to_read(row: Notification) -> int | None:
    """The number of the decision that this alert asks to acknowledge, by a log-in and on its own
    page; None where it asks for none, or where somebody there has acknowledged it."""
    if row.role not in SITE_ROLES or row.event.kind not in DECISION_ALERTS:
        return None
    number: int | None = row.event.data.get("decision")
    if number is None or row.site_id is None:
        return None
    owed = owed_readings().filter(
        decision__study_id=row.event.study_id,
        decision__number=number,
        site_id=row.site_id,
        is_pharmacy=row.role == Role.PHARMACIST,
    )
    return number if owed.exists() else None
