"""Product lots: received, released, put in quarantine, discarded, corrected."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from cohorts.actions import note_deviation
from dosing.actions.facts import refuse_future
from dosing.actions.infusions import lock_lot
from dosing.models import Infusion, LotMove, ProductLot
from dosing.policies import cells_used, name_cells
from dosing.states import PRODUCT_LOT, InfusionState, LotState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Study, User
from ntrust.policies import check_role
from ntrust.states import Role

_PHARMACY = (Role.STUDY_MANAGER, Role.PHARMACIST)


def receive_lot(  # noqa: PLR0913 - what the label and the certificate say
    study: Study,
    *,
    code: str,
    received_at: datetime,
    total_cells: Decimal,
    viability: Decimal,
    expires_on: date,
    by: User,
    now: datetime | None = None,
) -> ProductLot:
    """Enter a product lot; it is in quarantine until the manager releases it.

    Refuses a blank code and one that is taken, a receipt in the future or after the expiry, and
    numbers that cannot be.
    """
    check_role(by, study, _PHARMACY)
    with study_change(study, by=by, reason="lot received", now=now) as change:
        code = code.strip()
        if not code or ProductLot.objects.filter(study=study, code=code).exists():
            raise Refused("lot_exists", f"There is a lot {code} already, or the code is blank.")
        label = {
            "received_at": received_at,
            "total_cells": total_cells,
            "viability": viability,
            "expires_on": expires_on,
        }
        _check_label(change, ProductLot(**label))
        lot = ProductLot.objects.create(study=change.study, code=code, received_by=by, **label)
        LotMove.objects.create(lot=lot, to=LotState.QUARANTINED, at=change.now, by=by)
        what = (
            f"received: {name_cells(lot.viable_cells)} viable cells, expires {expires_on:%d-%b-%Y}."
        )
        _record(change, lot, "LOT_RECEIVED", what)
    return lot


def _check_label(change: Change, lot: ProductLot) -> None:
    refuse_future(change, lot.received_at)
    if lot.total_cells <= 0:
        raise Refused("no_cells", "A lot holds cells.")
    if not 0 < lot.viability <= 1:
        raise Refused("bad_viability", "Viability is a share: more than 0, at most 1.")
    if lot.expires_on < lot.received_at.date():
        raise Refused("impossible_order", "The lot expired before it was received.")


def release_lot(
    lot: ProductLot, *, by: User, reason: str = "", now: datetime | None = None
) -> ProductLot:
    """Let infusions be given from a lot. Manager's action. Refuses a lot that has expired."""
    check_role(by, lot.study, [Role.STUDY_MANAGER])
    with study_change(lot.study, by=by, reason=reason or "lot released", now=now) as change:
        lot = lock_lot(lot) or lot
        if lot.expires_on < change.now.date():
            raise Refused("lot_expired", f"Lot {lot} expired on {lot.expires_on:%d-%b-%Y}.")
        _move(change, lot, to=LotState.RELEASED, by=by, reason=reason)
        _record(change, lot, "LOT_RELEASED", "released.")
    return lot


def quarantine_lot(
    lot: ProductLot, *, reason: str, by: User, now: datetime | None = None
) -> ProductLot:
    """Stop infusions from a released lot, at once. Manager, monitor or a pharmacist.

    Says whose infusions are planned from it and who got it, each to their own site. Refuses a
    blank reason.
    """
    check_role(by, lot.study, [Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.PHARMACIST])
    return _stop(lot, to=LotState.QUARANTINED, reason=reason, by=by, now=now)


def discard_lot(
    lot: ProductLot, *, reason: str, by: User, now: datetime | None = None
) -> ProductLot:
    """Record that a lot is discarded: nothing more is given from it. Refuses a blank reason."""
    check_role(by, lot.study, _PHARMACY)
    return _stop(lot, to=LotState.DISCARDED, reason=reason, by=by, now=now)


def _stop(
    lot: ProductLot, *, to: LotState, reason: str, by: User, now: datetime | None
) -> ProductLot:
    if not reason.strip():
        raise Refused("reason_needed", f"Say why the lot is {to.label}.")
    with study_change(lot.study, by=by, reason=reason, now=now) as change:
        lot = lock_lot(lot) or lot
        _move(change, lot, to=to, by=by, reason=reason)
        _record(change, lot, f"LOT_{to}", f"{to.label}: {reason}", detail=reason)
        _tell_concerned(change, lot, to=to)
    return lot


def _tell_concerned(change: Change, lot: ProductLot, *, to: LotState) -> None:
    """One event for each participant with an infusion planned from the lot, or given from it."""
    infusions = (
        Infusion.objects.filter(lot=lot)
        .exclude(state=InfusionState.MISSED)
        .select_related("course__participant__site")
        .order_by("course__participant_id", "number")
    )
    for infusion in infusions:
        participant = infusion.course.participant
        was = "was given" if infusion.state == InfusionState.GIVEN else "is planned"
        change.record(
            "LOT_CONCERNS",
            f"{participant}: infusion {infusion.number} {was} from lot {lot}, which is now "
            f"{to.label}.",
            subject=str(participant),
            site=participant.site,
            lot=lot.code,
        )


def correct_lot(  # noqa: PLR0913 - each fact may be wrong
    lot: ProductLot,
    *,
    reason: str,
    by: User,
    received_at: datetime | None = None,
    total_cells: Decimal | None = None,
    viability: Decimal | None = None,
    expires_on: date | None = None,
    now: datetime | None = None,
) -> ProductLot:
    """Correct what was entered about a lot; None leaves a fact as it is.

    Refuses a blank reason, a correction of nothing, fewer cells than were given from it
    (`lot_used_up`) and a receipt after an infusion from it. Infusions given after a corrected
    expiry become deviations.
    """
    check_role(by, lot.study, _PHARMACY)
    if not reason.strip():
        raise Refused("reason_needed", "Say why the entry was wrong.")
    entered = {
        "received_at": received_at,
        "total_cells": total_cells,
        "viability": viability,
        "expires_on": expires_on,
    }
    with study_change(lot.study, by=by, reason=reason, now=now) as change:
        lot = lock_lot(lot) or lot
        new = {k: v for k, v in entered.items() if v is not None and v != getattr(lot, k)}
        if not new:
            raise Refused("nothing_changed", "This is what is entered already.")
        words = "; ".join(
            f"{name.replace('_', ' ')}: {getattr(lot, name)} → {value}"
            for name, value in new.items()
        )
        for name, value in new.items():
            setattr(lot, name, value)
        _check_label(change, lot)
        _check_given_from(lot)
        lot.save(update_fields=list(new))
        _record(change, lot, "LOT_CORRECTED", f"corrected ({words}): {reason}", detail=reason)
        if "expires_on" in new:
            _note_expired(change, lot)
    return lot


def _check_given_from(lot: ProductLot) -> None:
    used = cells_used(lot)
    if used > lot.viable_cells:
        raise Refused(
            "lot_used_up",
            f"{name_cells(used)} viable cells were given from lot {lot}: it held no fewer.",
        )
    early = Infusion.objects.filter(lot=lot, given_at__lt=lot.received_at).first()
    if early is not None:
        raise Refused("impossible_order", "An infusion was given from it before that.")


def _note_expired(change: Change, lot: ProductLot) -> None:
    given = Infusion.objects.filter(lot=lot, state=InfusionState.GIVEN)
    for infusion in given.select_related("course__participant__site").order_by("id"):
        participant = infusion.course.participant
        assert infusion.given_at is not None
        day = infusion.given_at.astimezone(ZoneInfo(participant.site.timezone)).date()
        if day > lot.expires_on:
            note_deviation(
                change,
                participant,
                kind="GIVEN_LOT_UNEXPIRED",
                sentence=f"infusion {infusion.number} was given on {day:%d-%b-%Y} from lot {lot}, "
                f"whose expiry is corrected to {lot.expires_on:%d-%b-%Y}.",
                occurred_at=infusion.given_at,
            )


def _move(change: Change, lot: ProductLot, *, to: LotState, by: User, reason: str) -> None:
    """The only writer of a lot's state."""
    PRODUCT_LOT.check(lot.state, to)
    lot.state = to
    lot.save(update_fields=["state"])
    LotMove.objects.create(lot=lot, to=to, at=change.now, by=by, reason=reason)


def _record(change: Change, lot: ProductLot, kind: str, what: str, *, detail: str = "") -> None:
    change.record(
        kind, f"Lot {lot}: {what}", subject=f"lot {lot}", site=None, lot=lot.code, detail=detail
    )
