"""Holds in force and lifted: who placed them, when, why, and by which decision they were lifted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cohorts.models import Hold, HoldLift
from cohorts.policies import PERSON, facts_under, needs_committee
from cohorts.queries.viewers import Mask, Viewer, mask_for, viewer_of
from cohorts.queries.words import HARM, SETTLED, Mark
from cohorts.states import OPEN_LIFTS, HoldScope, HoldState, LiftState
from ntrust.models import Study, User
from ntrust.signing import SignatureStatus, content_hash, signature_status
from ntrust.states import Role

PLACERS = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)
_IN_FORCE = Mark("in force", HARM, "■")
_LIFTED = Mark("lifted", SETTLED, "●")


@dataclass(frozen=True)
class Banner:
    """What every page of a study says of its holds. `places`: where, one line a hold in force."""

    places: tuple[str, ...]
    since: datetime | None
    can_place: bool


@dataclass(frozen=True)
class LiftRow:
    """A proposal to lift, or the decision that lifted. `is_stale`: what is under the hold has
    changed since, so that nobody can sign it any more."""

    number: int
    state: str
    is_open: bool
    is_stale: bool
    reason: str
    looked_at: str
    committee_verdict: str
    minutes_reference: str
    proposed_by: str
    proposed_at: datetime
    signatures: tuple[SignatureStatus, ...]


@dataclass(frozen=True)
class HoldRow:
    """One hold. `under_it`: who meets its rule now, in words."""

    number: int
    where: str
    mark: Mark
    is_in_force: bool
    is_by_rule: bool
    needs_committee: bool
    rule: str
    reason: str
    under_it: tuple[str, ...]
    placed_by: str
    placed_at: datetime
    lifted_at: datetime | None
    lifts: tuple[LiftRow, ...]

    @property
    def proposal(self) -> LiftRow | None:
        """The proposal that waits for signatures."""
        return next((lift for lift in self.lifts if lift.is_open), None)


@dataclass(frozen=True)
class HoldList:
    """Holds in force, then those that were lifted, each newest first."""

    in_force: tuple[HoldRow, ...]
    lifted: tuple[HoldRow, ...]
    can_act: bool


def where_of(hold: Hold) -> str:
    """What a hold stops, in words."""
    if hold.scope == HoldScope.STUDY:
        return "the whole study"
    if hold.scope == HoldScope.PART_2:
        return f"Part 2, {hold.disease}" if hold.disease else "Part 2"
    if hold.level is not None:
        return f"level {hold.level.ordinal} and all above"
    assert hold.site is not None
    return f"site {hold.site.code}"


def read_banner(user: User, study: Study) -> Banner:
    """The holds in force that this person may know; for people of sites not those of others. Two
    statements, and one for somebody who has no role here."""
    viewer = viewer_of(user, study.key)
    return banner_for(viewer) if viewer else Banner((), None, can_place=False)


def banner_for(viewer: Viewer) -> Banner:
    """The holds in force that a viewer may know. One statement."""
    placed = Hold.objects.filter(study=viewer.study, state=HoldState.PLACED)
    holds = [
        hold
        for hold in placed.select_related("level", "site")
        if hold.site_id is None or viewer.sees(hold.site_id)
    ]
    return Banner(
        places=tuple(dict.fromkeys(map(where_of, holds))),
        since=min((hold.placed_at for hold in holds), default=None),
        can_place=viewer.holds(PLACERS),
    )


def list_holds(viewer: Viewer) -> HoldList:
    """Every hold this person may know. Each proposal that waits is compared with what is there."""
    mask = mask_for(viewer)
    holds = (
        Hold.objects.filter(study=viewer.study)
        .select_related("study", "level", "site", "placed_by")
        .prefetch_related(
            "lifts__proposed_by",
            "lifts__manager_signature",
            "lifts__monitor_signature",
        )
        .order_by("-pk")
    )
    rows = [_row(hold, mask) for hold in holds if not hold.site_id or viewer.sees(hold.site_id)]
    return HoldList(
        in_force=tuple(row for row in rows if row.is_in_force),
        lifted=tuple(row for row in rows if not row.is_in_force),
        can_act=viewer.holds(PLACERS),
    )


def find_hold(viewer: Viewer, number: int) -> Hold | None:
    """The hold of that number in this study, where this person may know it."""
    holds = Hold.objects.select_related("study", "level", "site")
    hold = holds.filter(study=viewer.study, pk=number).first()
    return hold if hold and (not hold.site_id or viewer.sees(hold.site_id)) else None


def find_lift(viewer: Viewer, number: int) -> HoldLift | None:
    """The proposal of that number in this study."""
    lifts = HoldLift.objects.select_related("hold__study", "hold__level", "hold__site")
    return lifts.filter(hold__study=viewer.study, pk=number).first()


def _row(hold: Hold, mask: Mask) -> HoldRow:
    is_in_force = hold.state == HoldState.PLACED
    by_rule = hold.rule != PERSON
    return HoldRow(
        number=hold.pk,
        where=where_of(hold),
        mark=_IN_FORCE if is_in_force else _LIFTED,
        is_in_force=is_in_force,
        is_by_rule=by_rule,
        needs_committee=is_in_force and needs_committee(hold),
        rule=hold.rule,
        reason=mask.cover(hold.reason),
        under_it=tuple(_under(hold.met_by, mask)),
        placed_by=str(hold.placed_by.printed_name) if hold.placed_by else "a rule",
        placed_at=hold.placed_at,
        lifted_at=hold.lifted_at,
        lifts=tuple(_lift(lift, mask) for lift in hold.lifts.all()),
    )


def _under(met_by: Iterable[Mapping[str, Any]], mask: Mask) -> Iterable[str]:
    return (mask.cover(f"{row['subject']}: {row['why']}") for row in met_by)


def _lift(lift: HoldLift, mask: Mask) -> LiftRow:
    is_open = lift.state in OPEN_LIFTS
    signatures = (lift.manager_signature, lift.monitor_signature)
    return LiftRow(
        number=lift.pk,
        state=LiftState(lift.state).label,
        is_open=is_open,
        is_stale=is_open
        and content_hash(facts_under(lift.hold)) != content_hash(lift.content["facts"]),
        reason=mask.cover(lift.reason),
        looked_at=mask.cover(lift.looked_at),
        committee_verdict=mask.cover(lift.committee_verdict),
        minutes_reference=mask.cover(lift.minutes_reference),
        proposed_by=lift.proposed_by.printed_name,
        proposed_at=lift.proposed_at,
        signatures=tuple(signature_status(one, lift.content) for one in signatures if one),
    )
