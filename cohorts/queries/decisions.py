"""What people signed and what is held, as rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from django.db.models import Q
from django.db.models.fields.json import KT

from cohorts.models import Decision, DoseLevel, Hold
from cohorts.queries.viewers import Mask, Viewer
from cohorts.queries.words import (
    HARM,
    PLAN,
    QUIET,
    SETTLED,
    WAITING,
    Mark,
    name_answer,
    name_level,
    name_rule,
)
from cohorts.states import DecisionState, HoldScope, HoldState, ReReviewVerdict
from ntrust.models import Study

_MARKS = {
    DecisionState.PROPOSED: (QUIET, "○"),
    DecisionState.PARTLY_SIGNED: (WAITING, "◔"),
    DecisionState.SIGNED: (WAITING, "◔"),
    DecisionState.CIRCULATED: (SETTLED, "●"),
    DecisionState.BASIS_CHANGED: (HARM, "■"),
    DecisionState.RE_REVIEWED: (PLAN, "●"),
    DecisionState.WITHDRAWN: (QUIET, "○"),
}

NOT_ADVISED = Mark("the rules were not asked", QUIET, "○")
"""Of a decision that was taken on paper."""


@dataclass(frozen=True)
class DecisionRow:
    """A decision as it was signed, and whether its basis still holds.

    `answer` is what was decided, `advised` what the rules had said, with the counts of then. One
    taken over from paper (`is_legacy`) has `reference` instead: where the signed paper is.
    """

    number: int
    answer: Mark
    advised: Mark
    rule: str
    counts: dict[str, dict[str, int]]
    flags: tuple[str, ...]
    level: int | None
    seats: int
    state: Mark
    proposed_at: datetime
    signed_at: datetime | None
    circulated_at: datetime | None
    is_override: bool
    is_less_safe: bool
    reason: str
    committee_verdict: str
    basis_changed_at: datetime | None
    basis_change: str
    re_reviewed: str
    is_legacy: bool
    reference: str
    overtaken_by: int | None = None
    """The later decision that was signed before this one was read everywhere: it never comes in
    force, and nobody is asked to read it."""


@dataclass(frozen=True)
class HoldRow:
    """A hold in force: where, why, since when."""

    where: str
    level: int | None
    is_study_wide: bool
    reason: str
    placed_at: datetime


def read_decisions(study: Study, mask: Mask, *, with_withdrawn: bool = False) -> list[DecisionRow]:
    """All decisions, first to last; those withdrawn before they were signed only when asked for.
    One statement."""
    hidden = [] if with_withdrawn else [DecisionState.WITHDRAWN]
    rows = (
        Decision.objects.filter(study=study)
        .exclude(state__in=hidden)
        .select_related("recommendation", "level")
        .annotate(reference=KT("content__reference"))
        .defer("basis", "content", "recommendation__basis", "recommendation__bounds")
        .order_by("number")
    )
    found = list(rows)
    signed = [row.number for row in found if row.signed_at]
    return [
        _overtaken(_decision(row, mask), signed[-1])
        if row.state == DecisionState.SIGNED and row.number < signed[-1]
        else _decision(row, mask)
        for row in found
    ]


def _overtaken(row: DecisionRow, later: int) -> DecisionRow:
    state = Mark(f"never in force, overtaken by #{later}", QUIET, "○")
    return replace(row, state=state, overtaken_by=later)


def _decision(row: Decision, mask: Mask) -> DecisionRow:
    advice = row.recommendation
    level = row.level.ordinal if row.level else None
    stops_as_advised = advice is not None and row.verdict == advice.verdict
    tone, shape = _MARKS[DecisionState(row.state)]
    return DecisionRow(
        number=row.number,
        answer=name_answer(
            row.verdict,
            level,
            advice.outcome if advice and stops_as_advised else None,
            advice.mtd if advice else None,
        ),
        advised=name_answer(advice.verdict, advice.level, advice.outcome, advice.mtd)
        if advice
        else NOT_ADVISED,
        rule=name_rule(advice.rule) if advice else "",
        counts=advice.counts if advice else {},
        flags=tuple(advice.flags) if advice else (),
        level=level,
        seats=row.seats,
        state=Mark(DecisionState(row.state).label, tone, shape),
        proposed_at=row.proposed_at,
        signed_at=row.signed_at,
        circulated_at=row.circulated_at,
        is_override=row.is_override,
        is_less_safe=row.is_less_safe,
        reason=mask.cover(row.reason),
        committee_verdict=mask.cover(row.committee_verdict),
        basis_changed_at=row.basis_changed_at,
        basis_change=mask.cover(row.basis_change),
        re_reviewed=ReReviewVerdict(row.re_review_verdict).label if row.re_review_verdict else "",
        is_legacy=row.is_legacy,
        reference=mask.cover(getattr(row, "reference", None) or ""),
    )


def read_holds(study: Study, *, viewer: Viewer, mask: Mask) -> list[HoldRow]:
    """Holds in force that concern this viewer, oldest first. One statement."""
    theirs = Q() if viewer.sees_every_site else Q(site=None) | Q(site_id__in=viewer.site_ids)
    rows = (
        Hold.objects.filter(theirs, study=study, state=HoldState.PLACED)
        .select_related("level", "site")
        .order_by("id")
    )
    return [_hold(row, mask) for row in rows]


def _hold(row: Hold, mask: Mask) -> HoldRow:
    level: DoseLevel | None = row.level
    if level is not None:
        where = f"{name_level(level.ordinal)} and above"
    elif row.scope == HoldScope.PART_2:
        where = f"Part 2, {row.disease}" if row.disease else "Part 2"
    else:
        where = f"Site {row.site.code}" if row.site else "The whole study"
    return HoldRow(
        where=where,
        level=level.ordinal if level else None,
        is_study_wide=row.scope == HoldScope.STUDY,
        reason=mask.cover(row.reason),
        placed_at=row.placed_at,
    )
