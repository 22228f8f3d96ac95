"""Infusions: given, missed, put off, planned again."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from cohorts.actions import move_participant
from cohorts.states import ParticipantState
from dosing.actions.facts import push_facts, record_course, refuse_future
from dosing.actions.windows import open_window
from dosing.models import Infusion
from dosing.policies import check_infusion
from dosing.states import INFUSION, InfusionState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role


def give_infusion(
    infusion: Infusion,
    *,
    given_at: datetime,
    given_cells: Decimal,
    by: User,
    now: datetime | None = None,
) -> Infusion:
    """Record an infusion as given, in viable cells. The first opens the DLT window.

    Refuses (`no_infusion`) with the gates, and times that cannot be: in the future, before the
    lymphodepletion ended, before the infusion before it.
    """
    participant = infusion.course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(participant.study, by=by, reason="infusion given", now=now) as change:
        infusion = lock_infusion(infusion)
        check_infusion(infusion, now=change.now)
        _check_times(change, infusion, given_at)
        if given_cells <= 0:
            raise Refused("no_cells", "Enter the viable cells given; zero is a missed infusion.")
        INFUSION.check(infusion.state, InfusionState.GIVEN)
        infusion.state = InfusionState.GIVEN
        infusion.given_at, infusion.given_cells = given_at, given_cells
        infusion.save(update_fields=["state", "given_at", "given_cells"])
        facts: dict[str, Any] = {}
        if infusion.course.participant.state == ParticipantState.CONDITIONING:
            move_participant(change, infusion.course.participant, to=ParticipantState.TREATED)
            facts["first_infused_at"] = given_at
            open_window(infusion.course.participant, given_at)
        push_facts(change, infusion.course, **facts)
        record_course(
            change, infusion.course, "INFUSION_GIVEN", f"infusion {infusion.number} given."
        )
    return infusion


def miss_infusion(
    infusion: Infusion,
    *,
    reason: str,
    is_for_toxicity: bool,
    by: User,
    now: datetime | None = None,
) -> Infusion:
    """Record that a planned or held infusion will not be given. Refuses a blank reason."""
    participant = infusion.course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why the infusion is not given.")
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        infusion = lock_infusion(infusion)
        INFUSION.check(infusion.state, InfusionState.MISSED)
        infusion.state = InfusionState.MISSED
        infusion.not_given_because = reason
        infusion.is_missed_for_toxicity = is_for_toxicity
        infusion.save(update_fields=["state", "not_given_because", "is_missed_for_toxicity"])
        push_facts(change, infusion.course)
        what = f"infusion {infusion.number} missed: {reason}"
        record_course(change, infusion.course, "INFUSION_MISSED", what, detail=reason)
    return infusion


def hold_infusion(
    infusion: Infusion, *, reason: str, by: User, now: datetime | None = None
) -> Infusion:
    """Put a planned infusion off. Refuses a blank reason."""
    return _plan(infusion, to=InfusionState.HELD, reason=reason, by=by, now=now)


def resume_infusion(
    infusion: Infusion, *, reason: str, by: User, now: datetime | None = None
) -> Infusion:
    """Plan a held infusion again. Refuses a blank reason."""
    return _plan(infusion, to=InfusionState.PLANNED, reason=reason, by=by, now=now)


def _plan(infusion: Infusion, *, to: str, reason: str, by: User, now: datetime | None) -> Infusion:
    participant = infusion.course.participant
    check_role(
        by,
        participant.study,
        [Role.INVESTIGATOR, Role.MEDICAL_MONITOR],
        site=participant.site,
    )
    if not reason.strip():
        raise Refused("reason_needed", "Say why.")
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        infusion = lock_infusion(infusion)
        INFUSION.check(infusion.state, to)
        infusion.state, infusion.not_given_because = to, reason
        infusion.save(update_fields=["state", "not_given_because"])
        push_facts(change, infusion.course)
        label = InfusionState(to).label
        what = f"infusion {infusion.number} {label}: {reason}"
        record_course(change, infusion.course, f"INFUSION_{to}", what, detail=reason)
    return infusion


def lock_infusion(infusion: Infusion) -> Infusion:
    """The row as it is now, under the study lock."""
    return Infusion.objects.select_related(
        "course__participant__site", "course__participant__protocol_version", "course__level"
    ).get(pk=infusion.pk)


def _check_times(change: Change, infusion: Infusion, given_at: datetime) -> None:
    refuse_future(change, given_at)
    ended_at = infusion.course.ended_at
    if ended_at is not None and given_at < ended_at:
        raise Refused("impossible_order", "An infusion cannot precede the lymphodepletion's end.")
    earlier = infusion.course.infusions.filter(
        number__lt=infusion.number, given_at__gte=given_at
    ).first()
    if earlier is not None:
        raise Refused("impossible_order", f"Infusion {earlier.number} was given later than that.")
