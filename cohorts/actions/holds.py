"""Holds: placed by a rule or a person. They are lifted in lifts.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from cohorts.models import DoseLevel, Hold
from cohorts.policies import PERSON
from cohorts.states import HoldScope, HoldState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Site, Study, User
from ntrust.policies import check_role
from ntrust.states import Role

DLT_NEWS: Final = ("DLT_PROVISIONAL", "DLT_REPORTED")
"""Kinds of the events by which a DLT, or what may become one, is reported."""
POSSIBLE_DLT_NEWS: Final = (*DLT_NEWS, "DLT_CANDIDATE")
"""With those by which an event nobody has answered yet counts as one that may become a DLT."""


@dataclass(frozen=True)
class Fact:
    """What meets a rule: a participant, how badly (a higher number is worse), and why in words."""

    subject: str
    severity: int
    why: str = ""


def place_rule_hold(  # noqa: PLR0913 - the hold's own fields
    change: Change,
    *,
    rule: str,
    reason: str,
    level: DoseLevel | None = None,
    site: Site | None = None,
    expansion: str | None = None,
    met_by: Sequence[Fact] | None = None,
    is_anew: bool = False,
    detail: str = "",
) -> Hold | None:
    """Hold the study, a level and all above, a site, or Part 2 by a rule; once while in force.

    `expansion` is the disease of the cohort of Part 2, "" for all of them. Nothing named means the
    whole study. Answers the hold that was placed; None when it is in force already, or was lifted
    and nothing new has come. `met_by`: who meets the rule and how badly. Given, news is another
    participant or a worse severity than was ever under a hold of this rule; without it, another
    reason, or a DLT reported, or an event that may be one, at the level in this change. `is_anew`:
    the caller knows that something new has come. `detail`: the end of the reason no mail has.
    """
    scope = _scope_of(level, site, expansion)
    what = {"scope": scope, "level": level, "site": site, "disease": expansion or "", "rule": rule}
    same = Hold.objects.filter(study=change.study, **what)
    placed = same.filter(state=HoldState.PLACED).first()
    if placed is not None:
        update_facts(placed, met_by or (), reason=reason)
        return None
    if not is_anew and not _is_news(change, list(same), level=level, reason=reason, met_by=met_by):
        return None
    return _place(
        change,
        scope=scope,
        level=level,
        site=site,
        disease=expansion or "",
        rule=rule,
        reason=reason,
        met_by=met_by or (),
        detail=detail,
    )


def _scope_of(level: DoseLevel | None, site: Site | None, expansion: str | None) -> HoldScope:
    if expansion is not None:
        return HoldScope.PART_2
    return HoldScope.LEVEL if level else HoldScope.SITE if site else HoldScope.STUDY


def _is_news(
    change: Change,
    before: Sequence[Hold],
    *,
    level: DoseLevel | None,
    reason: str,
    met_by: Sequence[Fact] | None,
) -> bool:
    """Whether there is anything that was not under a hold of the rule before."""
    if met_by is not None:
        known = _worst(hold.known for hold in before)
        return any(fact.severity > known.get(fact.subject, -1) for fact in met_by)
    was_said = any(hold.reason == reason for hold in before)
    ordinal = level.ordinal if level else None
    return not was_said or any(
        it.kind in POSSIBLE_DLT_NEWS and (ordinal is None or it.level == ordinal)
        for it in change.happenings
    )


def update_facts(hold: Hold, met_by: Sequence[Fact], *, reason: str = "") -> None:
    """Keep what meets the rule of a hold in force as it is now. What was under it once stays known;
    nothing here lifts it. A `reason` that has grown takes the place of the one before."""
    rows = [asdict(fact) for fact in met_by]
    known = _worst([hold.known, {fact.subject: fact.severity for fact in met_by}])
    is_worse = known != hold.known
    if rows == hold.met_by and not is_worse:
        return
    hold.met_by, hold.known = rows, known
    if is_worse and reason:
        hold.reason = reason
    hold.save(update_fields=["met_by", "known", "reason"])


def _worst(known: Iterable[Mapping[str, int]]) -> dict[str, int]:
    worst: dict[str, int] = {}
    for each in known:
        for subject, severity in each.items():
            worst[subject] = max(severity, worst.get(subject, -1))
    return worst


def place_hold(  # noqa: PLR0913 - the hold's own fields
    study: Study,
    *,
    scope: str,
    reason: str,
    by: User,
    level: DoseLevel | None = None,
    site: Site | None = None,
    now: datetime | None = None,
) -> Hold:
    """Stop enrolment and dosing: the study, a level and all above, or a site.

    Any manager or monitor may, at once and alone. Refuses a blank reason and a second hold of the
    same scope by a person while one is in force.
    """
    check_role(by, study, [Role.STUDY_MANAGER, Role.MEDICAL_MONITOR])
    if not reason.strip():
        raise Refused("reason_needed", "Say why enrolment and dosing stop.")
    if (scope == HoldScope.LEVEL) != (level is not None) or (scope == HoldScope.SITE) != (
        site is not None
    ):
        raise Refused("hold_scope", "Name the level or the site that is held, or the whole study.")
    if any(thing is not None and thing.study_id != study.pk for thing in (level, site)):
        raise Refused("not_found", "There is no such level or site in this study.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        twin = Hold.objects.filter(
            study=study, scope=scope, level=level, site=site, rule=PERSON, state=HoldState.PLACED
        )
        if twin.exists():
            raise Refused("already_held", "This is already held by a person.")
        hold = _place(
            change, scope=scope, level=level, site=site, rule=PERSON, reason=reason, detail=reason
        )
    return hold


def _place(  # noqa: PLR0913 - the hold's own fields
    change: Change,
    *,
    scope: str,
    level: DoseLevel | None,
    site: Site | None,
    rule: str,
    reason: str,
    disease: str = "",
    met_by: Sequence[Fact] = (),
    detail: str = "",
) -> Hold:
    hold = Hold.objects.create(
        study=change.study,
        scope=scope,
        level=level,
        site=site,
        disease=disease,
        rule=rule,
        reason=reason,
        met_by=[asdict(fact) for fact in met_by],
        known=_worst([{fact.subject: fact.severity} for fact in met_by]),
        placed_at=change.now,
        placed_by=change.by if rule == PERSON else None,
    )
    where = f"level {level.ordinal} and above" if level else site.code if site else "the study"
    if scope == HoldScope.PART_2:
        where = f"Part 2, {disease}" if disease else "Part 2"
    change.record(
        "HOLD_PLACED",
        f"Hold on {where}: {reason}",
        level=level.ordinal if level else None,
        site=site,
        detail=detail,
    )
    return hold
