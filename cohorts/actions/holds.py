"""Holds: placed by a rule or a person, lifted by a signature."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cohorts.models import DoseLevel, Hold
from cohorts.states import HOLD, HoldScope, HoldState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Site, Study, User
from ntrust.policies import check_role
from ntrust.signing import content_hash, sign
from ntrust.states import Role

DLT_NEWS: Final = ("DLT_PROVISIONAL", "DLT_REPORTED")
"""Kinds of the events by which a DLT, or what may become one, is reported."""


def place_rule_hold(change: Change, *, level: DoseLevel, rule: str, reason: str) -> None:
    """Hold a level and all above by a rule; once while it is in force.

    Once lifted it is placed again only by news: another reason, or a DLT reported at the level in
    this change.
    """
    same = Hold.objects.filter(study=change.study, level=level, rule=rule)
    if same.filter(state=HoldState.PLACED).exists():
        return
    is_news = any(it.kind in DLT_NEWS and it.level == level.ordinal for it in change.happenings)
    if not is_news and same.filter(reason=reason).exists():
        return
    _place(change, scope=HoldScope.LEVEL, level=level, site=None, rule=rule, reason=reason)


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
            study=study, scope=scope, level=level, site=site, rule="PERSON", state=HoldState.PLACED
        )
        if twin.exists():
            raise Refused("already_held", "This is already held by a person.")
        hold = _place(change, scope=scope, level=level, site=site, rule="PERSON", reason=reason)
    return hold


def _place(  # noqa: PLR0913 - the hold's own fields
    change: Change,
    *,
    scope: str,
    level: DoseLevel | None,
    site: Site | None,
    rule: str,
    reason: str,
) -> Hold:
    hold = Hold.objects.create(
        study=change.study,
        scope=scope,
        level=level,
        site=site,
        rule=rule,
        reason=reason,
        placed_at=change.now,
        placed_by=change.by if rule == "PERSON" else None,
    )
    where = f"level {level.ordinal} and above" if level else site.code if site else "the study"
    change.record(
        "HOLD_PLACED",
        f"Hold on {where}: {reason}",
        level=level.ordinal if level else None,
        site=site,
        detail=reason if rule == "PERSON" else "",
    )
    return hold


def lift_hold(
    hold: Hold, *, by: User, password: str, reason: str, now: datetime | None = None
) -> Hold:
    """Lift a hold with the medical monitor's signature. Refuses a blank reason."""
    study = hold.study
    role = check_role(by, study, [Role.MEDICAL_MONITOR])
    if not reason.strip():
        raise Refused("reason_needed", "Say why the hold may be lifted.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        hold = Hold.objects.get(pk=hold.pk)
        HOLD.check(hold.state, HoldState.LIFTED)
        content = {"hold": hold.pk, "rule": hold.rule, "placed": hold.reason, "lifted": reason}
        hold.lift_signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning="lifts this hold",
            hash_of=content_hash(content),
        )
        hold.state, hold.lifted_at, hold.lift_reason = HoldState.LIFTED, change.now, reason
        hold.save(update_fields=["state", "lifted_at", "lift_reason", "lift_signature"])
        change.record(
            "HOLD_LIFTED",
            f"Hold lifted: {hold.reason} Because: {reason}",
            level=hold.level.ordinal if hold.level else None,
            site=hold.site,
            detail=f"{hold.reason} Because: {reason}",
        )
    return hold
