"""Holds lifted as people do it: proposed, then signed by as many as it takes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cohorts.actions import Grounds, propose_lift, sign_lift
from cohorts.models import Hold, HoldLift
from cohorts.policies import needs_committee
from cohorts.states import HoldState
from ntrust.models import Membership, User
from ntrust.states import Role


def grounds(hold: Hold, reason: str = "reviewed", **named: Any) -> Grounds:
    """Grounds that suffice: with the committee's word where the protocol asks for it."""
    if needs_committee(hold):
        named = {"committee_verdict": "may go on", "minutes_reference": "minutes 7", **named}
    return Grounds(**{"reason": reason, "looked_at": "all that was reported", **named})


def propose(hold: Hold, *, by: User, now: datetime, **named: Any) -> HoldLift:
    """A proposal that may be signed."""
    return propose_lift(hold, grounds=grounds(hold, **named), by=by, now=now)


def lift_hold(hold: Hold, *, by: User, password: str, reason: str, now: datetime) -> Hold:
    """Proposed and signed by `by`, and by the study's manager where one signature is not enough."""
    lift = propose(hold, reason=reason, by=by, now=now)
    lift = sign_lift(lift, by=by, password=password, now=now)
    hold = Hold.objects.get(pk=hold.pk)
    if hold.state == HoldState.PLACED:
        manager = Membership.objects.filter(
            study=hold.study, role=Role.STUDY_MANAGER, revoked_at__isnull=True
        ).earliest("id")
        sign_lift(lift, by=manager.user, password=password, now=now)
        hold = Hold.objects.get(pk=hold.pk)
    return hold
