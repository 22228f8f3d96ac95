"""Lifting a hold: proposed with what was looked at, sealed, signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cohorts.engine import ENGINE_VERSION
from cohorts.models import Hold, HoldLift
from cohorts.policies import active_protocol, check_lift, facts_under, is_enough
from cohorts.states import HOLD, HOLD_LIFT, OPEN_LIFTS, HoldState, LiftState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Signature, User
from ntrust.policies import check_role
from ntrust.signing import content_hash, sign
from ntrust.states import Role

_FIELDS = {
    Role.STUDY_MANAGER: "manager_signature",
    Role.MEDICAL_MONITOR: "monitor_signature",
}


@dataclass(frozen=True)
class Grounds:
    """Why a hold may be lifted. The committee's verdict comes with a reference to its minutes."""

    reason: str
    looked_at: str
    committee_verdict: str = ""
    minutes_reference: str = ""


def propose_lift(
    hold: Hold, *, grounds: Grounds, by: User, now: datetime | None = None
) -> HoldLift:
    """Propose that a hold is lifted, sealed to what is under it now. Manager or monitor.

    An unsigned proposal before it is withdrawn. Refuses a blank reason (`reason_needed`), not
    saying what was looked at (`evidence_needed`), and what `check_lift` refuses.
    """
    study = hold.study
    check_role(by, study, tuple(_FIELDS))
    if not grounds.reason.strip():
        raise Refused("reason_needed", "Say why the hold may be lifted.")
    if not grounds.looked_at.strip():
        raise Refused("evidence_needed", "Say what was looked at.")
    with study_change(study, by=by, reason=grounds.reason, now=now) as change:
        hold = Hold.objects.select_related("level", "site", "study").get(pk=hold.pk)
        check_lift(
            hold,
            committee_verdict=grounds.committee_verdict,
            minutes_reference=grounds.minutes_reference,
        )
        for old in hold.lifts.filter(state__in=OPEN_LIFTS):
            _move(old, to=LiftState.WITHDRAWN)
        content = _content(change, hold, grounds)
        lift = HoldLift.objects.create(
            hold=hold,
            reason=grounds.reason.strip(),
            looked_at=grounds.looked_at.strip(),
            committee_verdict=grounds.committee_verdict.strip(),
            minutes_reference=grounds.minutes_reference.strip(),
            content=content,
            content_hash=content_hash(content),
            proposed_at=change.now,
            proposed_by=by,
        )
        _record(change, hold, "LIFT_PROPOSED", "It is proposed to lift the hold", lift.reason)
    return lift


def _content(change: Change, hold: Hold, grounds: Grounds) -> dict[str, Any]:
    version = active_protocol(change.study)
    return {
        "study": change.study.key,
        "hold": hold.pk,
        "scope": hold.scope,
        "level": hold.level.ordinal if hold.level else None,
        "site": hold.site.code if hold.site else None,
        "rule": hold.rule,
        "placed_at": hold.placed_at.isoformat(),
        "facts": facts_under(hold),
        "reason": grounds.reason.strip(),
        "looked_at": grounds.looked_at.strip(),
        "committee_verdict": grounds.committee_verdict.strip(),
        "minutes_reference": grounds.minutes_reference.strip(),
        "protocol_version": version.version if version else "",
        "protocol_hash": version.document_hash if version else "",
        "engine_version": ENGINE_VERSION,
    }


def sign_lift(lift: HoldLift, *, by: User, password: str, now: datetime | None = None) -> HoldLift:
    """Sign the lifting of a hold, as manager or monitor; with the last signature it is lifted.

    A hold placed by a rule needs both. One placed by a person needs the monitor's; where that
    monitor placed it, the manager's too. Refuses one person signing twice (`already_signed`), and a
    proposal under which the facts have changed (`stale_lift`).
    """
    study = lift.hold.study
    role = check_role(by, study, tuple(_FIELDS))
    with study_change(study, by=by, reason=lift.reason, now=now) as change:
        lift = HoldLift.objects.select_related(
            "hold__level", "hold__site", "hold__study", "manager_signature", "monitor_signature"
        ).get(pk=lift.pk)
        _check_open(lift)
        field = _FIELDS[Role(role)]
        _check_signer(lift, field, by)
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning="lifts this hold",
            hash_of=lift.content_hash,
        )
        setattr(lift, field, signature)
        to = LiftState.SIGNED if is_enough(lift) else LiftState.PARTLY_SIGNED
        lift.signed_at = change.now if to == LiftState.SIGNED else None
        _move(lift, to=to, saves=(field, "signed_at"))
        if to == LiftState.SIGNED:
            _lift(change, lift, signature)
        else:
            said = f"{signature.printed_name} has signed to lift the hold"
            _record(change, lift.hold, "LIFT_SIGNED", said, lift.reason)
    return lift


def _check_open(lift: HoldLift) -> None:
    """Refuse a proposal that is over, and one that no longer speaks of what is there."""
    if lift.state not in OPEN_LIFTS:
        label = LiftState(lift.state).label
        raise Refused("lift_over", f"This proposal is {label}.")
    check_lift(
        lift.hold,
        committee_verdict=lift.committee_verdict,
        minutes_reference=lift.minutes_reference,
    )
    if content_hash(facts_under(lift.hold)) != content_hash(lift.content["facts"]):
        raise Refused(
            "stale_lift",
            "What is under this hold has changed since the lifting was proposed: look at it again "
            "and propose it anew.",
        )


def _check_signer(lift: HoldLift, field: str, by: User) -> None:
    """The second signature is another person's and role's."""
    signatures = [s for s in (lift.manager_signature, lift.monitor_signature) if s is not None]
    if getattr(lift, field) or any(s.signer_id == by.pk for s in signatures):
        raise Refused("already_signed", "The second signature is another person's and role's.")


def _move(lift: HoldLift, *, to: LiftState, saves: tuple[str, ...] = ()) -> None:
    HOLD_LIFT.check(lift.state, to)
    lift.state = to
    lift.save(update_fields=["state", *saves])


def _lift(change: Change, lift: HoldLift, signature: Signature) -> None:
    hold = lift.hold
    HOLD.check(hold.state, HoldState.LIFTED)
    hold.state, hold.lifted_at = HoldState.LIFTED, change.now
    hold.lift_reason, hold.lift_signature = lift.reason, signature
    hold.save(update_fields=["state", "lifted_at", "lift_reason", "lift_signature"])
    _record(change, hold, "HOLD_LIFTED", "Hold lifted", lift.reason)


def _record(change: Change, hold: Hold, kind: str, said: str, reason: str) -> None:
    """Reasons of people stay out of mails."""
    detail = f"{hold.reason} Because: {reason}"
    change.record(
        kind,
        f"{said}: {detail}",
        level=hold.level.ordinal if hold.level else None,
        site=hold.site,
        detail=detail,
    )
