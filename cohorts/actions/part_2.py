"""Part 2: its cohorts opened, and its toxicity boundary looked at after every change."""

from __future__ import annotations

from datetime import datetime

from cohorts.actions.holds import POSSIBLE_DLT_NEWS, Fact, place_rule_hold
from cohorts.actions.part_1 import move_study
from cohorts.models import Cohort, Decision
from cohorts.policies import (
    BOUNDARY,
    POSSIBLE_BOUNDARY,
    Group,
    active_protocol,
    document_of,
    gates_for_start,
    last_rde,
    live_states,
    name_dlts,
    read_groups,
    require_protocol,
)
from cohorts.states import CohortState, DltStatus
from ntrust.change import Change, study_change
from ntrust.errors import refuse_unless_clear
from ntrust.models import Study, User
from ntrust.policies import check_role
from ntrust.states import Role, StudyState


def start_part_2(study: Study, *, by: User, now: datetime | None = None) -> list[Cohort]:
    """Open the expansion cohorts of the protocol at the RDE; cohorts at this dose that were open
    before a re-review go on. Manager's action.

    Refuses (`not_ready`) with the gates: the RDE signed and acknowledged by every site and
    pharmacy, cohorts and boundary in the protocol, nothing held.
    """
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="Part 2 started", now=now) as change:
        version = require_protocol(change.study)
        refuse_unless_clear("not_ready", gates_for_start(change.study, version))
        rde = last_rde(change.study)
        assert rde is not None  # a gate is shut without one
        move_study(change, to=StudyState.EXPANDING)
        change.record(
            "PART_2_STARTED",
            f"Part 2 is started at the RDE of decision #{rde.number}.",
            level=rde.level.ordinal if rde.level else None,
            decision=rde.number,
        )
        planned = document_of(version).part_2.cohorts
        return [_open(change, rde, one.disease, seats=one.seats or 0) for one in planned]


def _open(change: Change, rde: Decision, disease: str, *, seats: int) -> Cohort:
    """A new cohort, or the one that is there at this dose, under this decision from now on."""
    assert rde.level is not None
    before = Cohort.objects.filter(
        study=change.study, part=2, disease=disease, level=rde.level, state__in=live_states()
    ).first()
    if before is not None:
        before.decision = rde
        before.save(update_fields=["decision"])
        return before
    cohort = Cohort.objects.create(
        study=change.study,
        part=2,
        disease=disease,
        level=rde.level,
        number=Cohort.objects.filter(study=change.study).count() + 1,
        seats=seats,
        decision=rde,
        state=CohortState.OPEN,
        opened_at=change.now,
    )
    change.record(
        "COHORT_OPENED",
        f"Cohort {cohort.number} of Part 2 opened: {seats} seats for {disease} at level "
        f"{rde.level.ordinal}.",
        level=rde.level.ordinal,
    )
    return cohort


def watch_part_2(change: Change) -> None:
    """After the rules: an RDE they have marked asks for a re-review; a boundary that is crossed, or
    would be if provisional DLTs counted, stops enrolment and dosing of Part 2."""
    rde = last_rde(change.study)
    version = active_protocol(change.study) if rde is not None else None
    if version is None or rde is None:
        return
    _ask_for_re_review(change, rde)
    for group in read_groups(change.study, version):
        if group.outlook.is_crossed:
            _stop_crossed(change, group)
        elif group.could_cross:
            _hold(change, group, rule=POSSIBLE_BOUNDARY, reason=_possible(group))


def _ask_for_re_review(change: Change, rde: Decision) -> None:
    """When the rules have just marked the RDE: people are told what it means."""
    is_new = any(
        it.kind == "BASIS_CHANGED" and it.data.get("decision") == rde.number
        for it in change.happenings
    )
    if is_new:
        level = rde.level.ordinal if rde.level else None
        change.record(
            "RDE_IN_QUESTION",
            f"The RDE, level {level}, no longer rests on what was signed: convene a review. Part 2 "
            "goes on only by a new decision.",
            level=level,
            decision=rde.number,
        )


def _stop_crossed(change: Change, group: Group) -> None:
    """Hold the group; once lifted, again only by a further DLT."""
    limit = group.outlook.limit
    reason = (
        f"The toxicity boundary of Part 2 is crossed, {group.name}: {name_dlts(group.x)} among "
        f"{group.n} evaluated, and it stops at {limit}."
    )
    if _hold(change, group, rule=BOUNDARY, reason=reason):
        change.record(
            "BOUNDARY_CROSSED",
            reason,
            level=_level_of(group),
            disease=group.disease,
            dlts=[str(row.participant) for row in group.dlts],
            evaluated=group.n,
            limit=limit,
        )


def _possible(group: Group) -> str:
    names = ", ".join(str(row.participant) for row in group.provisional)
    return (
        f"A provisional DLT ({names}) may cross the toxicity boundary of Part 2, {group.name}: "
        f"{name_dlts(group.x)} among {group.n} evaluated."
    )


def _level_of(group: Group) -> int | None:
    return group.people[-1].level.ordinal if group.people else None


def _hold(change: Change, group: Group, *, rule: str, reason: str) -> bool:
    """Place it unless it is in force, or was lifted over the same DLTs; whether it was placed.

    Another DLT of somebody who had one under it is news: the first may have been refuted.
    """
    rows = group.dlts if rule == BOUNDARY else (*group.dlts, *group.provisional)
    facts = [Fact(str(row.participant), 1, DltStatus(row.dlt).label) for row in rows]
    subjects = {fact.subject for fact in facts}
    placed = place_rule_hold(
        change,
        rule=rule,
        reason=reason,
        expansion=group.disease,
        met_by=facts,
        is_anew=any(
            it.kind in POSSIBLE_DLT_NEWS and it.subject in subjects for it in change.happenings
        ),
    )
    return placed is not None
