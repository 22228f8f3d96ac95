"""Infusions that are not given now: missed, put off, planned again, on another day."""

from __future__ import annotations

from datetime import date, datetime

from dosing.actions.facts import new_miss, push_facts, record_course
from dosing.actions.infusions import lock_infusion, lock_lot
from dosing.models import Infusion, ProductLot
from dosing.policies import cells_left, gates_for_lot, name_cells, site_day
from dosing.states import INFUSION, InfusionState
from ntrust.change import Change, study_change
from ntrust.errors import Refused, refuse_unless_clear
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role

_OPEN = (InfusionState.PLANNED, InfusionState.HELD)


def miss_infusion(
    infusion: Infusion,
    *,
    reason: str,
    is_for_toxicity: bool,
    by: User,
    now: datetime | None = None,
) -> Infusion:
    """Record that a planned or held infusion will not be given, also of one who has left the
    study. Refuses a blank reason."""
    participant = infusion.course.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why the infusion is not given.")
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        infusion = lock_infusion(infusion)
        if infusion.state not in _OPEN:
            label = InfusionState(infusion.state).label
            raise Refused("illegal_move", f"Infusion {infusion.number} is {label} already.")
        INFUSION.check(infusion.state, InfusionState.MISSED)
        infusion.state, infusion.lot = InfusionState.MISSED, None
        infusion.not_given_because = reason
        infusion.is_missed_for_toxicity = is_for_toxicity
        infusion.save(update_fields=["state", "lot", "not_given_because", "is_missed_for_toxicity"])
        push_facts(change, infusion.course, **new_miss(infusion))
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
    """Plan a held infusion again, or one entered as missed by mistake. Refuses a blank reason,
    and one that a later infusion has overtaken."""
    return _plan(infusion, to=InfusionState.PLANNED, reason=reason, by=by, now=now)


def _plan(infusion: Infusion, *, to: str, reason: str, by: User, now: datetime | None) -> Infusion:
    _check_planner(infusion, reason=reason, by=by)
    with study_change(infusion.course.participant.study, by=by, reason=reason, now=now) as change:
        infusion = lock_infusion(infusion)
        if infusion.state == InfusionState.GIVEN:
            raise Refused("illegal_move", "It is entered as given: correct that instead.")
        INFUSION.check(infusion.state, to)
        facts = {}
        if infusion.state == InfusionState.MISSED:
            refuse_overtaken(infusion)
            infusion.is_missed_for_toxicity = False
            facts["is_toxicity_adjudicated"] = False
        infusion.state, infusion.not_given_because = to, reason
        infusion.save(update_fields=["state", "not_given_because", "is_missed_for_toxicity"])
        push_facts(change, infusion.course, **facts)
        label = InfusionState(to).label
        what = f"infusion {infusion.number} {label}: {reason}"
        record_course(change, infusion.course, f"INFUSION_{to}", what, detail=reason)
    return infusion


def refuse_overtaken(infusion: Infusion) -> None:
    """Infusions are given in order: none is planned once a later one was given."""
    later = infusion.course.infusions.filter(
        number__gt=infusion.number, given_at__isnull=False
    ).first()
    if later is not None:
        raise Refused(
            "impossible_order",
            f"Infusion {later.number} was given: infusion {infusion.number} is not planned again.",
        )


def reschedule_infusion(
    infusion: Infusion,
    *,
    planned_date: date,
    reason: str,
    by: User,
    moves_later: bool = False,
    now: datetime | None = None,
) -> Infusion:
    """Plan an infusion on another day; with `moves_later` those after it move by as many days.

    Refuses a blank reason, an infusion that is not open, the day it has, a day that is over,
    before the lymphodepletion, or out of order with the infusions around it. Its visit window
    stays where the protocol has it: a day outside becomes a deviation once it is given.
    """
    _check_planner(infusion, reason=reason, by=by)
    with study_change(infusion.course.participant.study, by=by, reason=reason, now=now) as change:
        infusion = lock_infusion(infusion)
        if infusion.state not in _OPEN:
            label = InfusionState(infusion.state).label
            raise Refused("not_planned", f"Infusion {infusion.number} is {label}.")
        before = infusion.planned_date
        if planned_date == before:
            raise Refused("nothing_changed", "This is the day it is planned on.")
        _check_day(change, infusion, planned_date, moves_later=moves_later)
        shift = planned_date - before
        moving = [infusion]
        if moves_later:
            moving += infusion.course.infusions.filter(number__gt=infusion.number, state__in=_OPEN)
        for each in moving:
            each.planned_date += shift
            each.save(update_fields=["planned_date"])
        days = f"{before:%d-%b-%Y} → {planned_date:%d-%b-%Y}"
        what = f"infusion {infusion.number} is planned on another day, {days}: {reason}"
        record_course(change, infusion.course, "INFUSION_RESCHEDULED", what, detail=reason)
    return infusion


def _check_day(change: Change, infusion: Infusion, day: date, *, moves_later: bool) -> None:
    course = infusion.course
    zone = course.participant.site.timezone
    if day < site_day(change.now, zone):
        raise Refused("past_date", "This day is over at the site.")
    if day < site_day(course.ended_at or course.started_at, zone):
        raise Refused("impossible_order", "An infusion is not planned before lymphodepletion.")
    for other in course.infusions.exclude(pk=infusion.pk).exclude(state=InfusionState.MISSED):
        its_day = site_day(other.given_at, zone) if other.given_at else other.planned_date
        is_wrong = its_day >= day if other.number < infusion.number else its_day <= day
        if is_wrong and not (moves_later and other.number > infusion.number):
            raise Refused("impossible_order", f"Infusion {other.number} is on {its_day:%d-%b-%Y}.")


def assign_lot(
    infusion: Infusion, *, lot: ProductLot, by: User, now: datetime | None = None
) -> Infusion:
    """Set a product lot aside for an infusion. The site's pharmacist.

    Refuses an infusion that is not open, and (`no_lot`) a lot not released, expired on the planned
    day, or without the assigned cells left.
    """
    participant = infusion.course.participant
    check_role(by, participant.study, [Role.PHARMACIST], site=participant.site)
    with study_change(participant.study, by=by, reason="lot set aside", now=now) as change:
        infusion = lock_infusion(infusion)
        if infusion.state not in _OPEN:
            label = InfusionState(infusion.state).label
            raise Refused("not_planned", f"Infusion {infusion.number} is {label}.")
        if lot.study_id != participant.study_id:
            raise Refused("not_found", "There is no such lot in this study.")
        lot = lock_lot(lot) or lot
        refuse_unless_clear("no_lot", gates_for_lot(lot, at=change.now, site=participant.site))
        if infusion.planned_date > lot.expires_on:
            raise Refused("no_lot", f"Lot {lot} expires before the planned day.")
        if cells_left(lot) < infusion.assigned_cells:
            raise Refused(
                "lot_used_up", f"Lot {lot} has {name_cells(cells_left(lot))} viable cells left."
            )
        infusion.lot = lot
        infusion.save(update_fields=["lot"])
        what = f"lot {lot} is set aside for infusion {infusion.number}."
        record_course(change, infusion.course, "LOT_ASSIGNED", what, lot=lot.code)
    return infusion


def _check_planner(infusion: Infusion, *, reason: str, by: User) -> None:
    participant = infusion.course.participant
    planners = [Role.INVESTIGATOR, Role.MEDICAL_MONITOR]
    check_role(by, participant.study, planners, site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why.")
