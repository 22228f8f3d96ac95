"""What was given in an infusion: the facts of it, and whether they can be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from cohorts.policies import document_of
from dosing.models import Infusion, ProductLot
from dosing.policies.lots import cells_left, name_cells
from ntrust.errors import Refused


class More(TypedDict, total=False):
    """What else is known of a given infusion; every name is that of its column."""

    lot: ProductLot | None
    stopped_at: datetime | None
    interrupted_minutes: int
    interrupted_because: str
    reduced_because: str


class Entered(More):
    """What has to be known: the start, and the viable cells in the ladder's unit."""

    given_at: datetime
    given_cells: Decimal


class Corrected(More, total=False):
    """Any of it."""

    given_at: datetime
    given_cells: Decimal


@dataclass(frozen=True, kw_only=True)
class Given:
    """An infusion as it was given, each fact by the name of its column."""

    given_at: datetime
    given_cells: Decimal
    lot: ProductLot | None = None
    stopped_at: datetime | None = None
    interrupted_minutes: int = 0
    interrupted_because: str = ""
    reduced_because: str = ""


def check_given(infusion: Infusion, given: Given, *, now: datetime) -> None:
    """Refuse what cannot be, whatever the gates say.

    Times in the future or out of order with what is recorded (`future_date`, `impossible_order`),
    no cells or implausibly many or few, a lot of another study or without so many cells left
    (`lot_used_up`), an interruption or a reduction without its reason.
    """
    _check_moments(infusion, given, now=now)
    _check_neighbours(infusion, given)
    _check_cells(infusion, given)
    _check_reasons(infusion, given)
    if given.lot is not None:
        _check_lot(infusion, given, given.lot)


def _check_moments(infusion: Infusion, given: Given, *, now: datetime) -> None:
    if given.given_at > now or (given.stopped_at is not None and given.stopped_at > now):
        raise Refused("future_date", "This time lies in the future.")
    if given.stopped_at is not None and given.stopped_at < given.given_at:
        raise Refused("impossible_order", "An infusion cannot stop before it started.")
    course = infusion.course
    if course.ended_at is not None and given.given_at < course.ended_at:
        raise Refused("impossible_order", "An infusion cannot precede the lymphodepletion's end.")
    if given.given_at < course.started_at:
        raise Refused("impossible_order", "An infusion cannot precede the lymphodepletion.")


def _check_neighbours(infusion: Infusion, given: Given) -> None:
    others = infusion.course.infusions.filter(given_at__isnull=False)
    earlier = others.filter(number__lt=infusion.number, given_at__gte=given.given_at).first()
    if earlier is not None:
        raise Refused("impossible_order", f"Infusion {earlier.number} was given later than that.")
    later = others.filter(number__gt=infusion.number, given_at__lte=given.given_at).first()
    if later is not None:
        raise Refused("impossible_order", f"Infusion {later.number} was given before that.")


def _check_cells(infusion: Infusion, given: Given) -> None:
    if given.given_cells <= 0:
        raise Refused("no_cells", "Enter the viable cells given; zero is a missed infusion.")
    factor = document_of(infusion.course.participant.protocol_version).infusions.implausible_factor
    assigned = infusion.assigned_cells
    if factor and not assigned / factor <= given.given_cells <= assigned * factor:
        raise Refused(
            "implausible_cells",
            f"{name_cells(given.given_cells)} viable cells were entered where "
            f"{name_cells(assigned)} are assigned: more than {name_cells(factor)} times off. "
            "Check the number and its unit.",
        )


def _check_reasons(infusion: Infusion, given: Given) -> None:
    if given.interrupted_minutes < 0:
        raise Refused("impossible_order", "An interruption does not last less than nothing.")
    if bool(given.interrupted_minutes) != bool(given.interrupted_because.strip()):
        raise Refused("reason_needed", "An interruption has its minutes and its reason.")
    if given.stopped_at is not None:
        lasted = (given.stopped_at - given.given_at).total_seconds() / 60
        if given.interrupted_minutes > lasted:
            raise Refused("impossible_order", "It was interrupted for longer than it lasted.")
    least = document_of(infusion.course.participant.protocol_version).evaluability.minimum_fraction
    if given.given_cells < infusion.assigned_cells * least and not given.reduced_because.strip():
        raise Refused(
            "reason_needed",
            f"{name_cells(given.given_cells)} is less than {name_cells(least * 100)}% of the "
            f"{name_cells(infusion.assigned_cells)} assigned: say why the dose was reduced.",
        )


def _check_lot(infusion: Infusion, given: Given, lot: ProductLot) -> None:
    if lot.study_id != infusion.course.participant.study_id:
        raise Refused("not_found", "There is no such lot in this study.")
    if given.given_at < lot.received_at:
        raise Refused(
            "impossible_order",
            f"Lot {lot} was received {lot.received_at:%d-%b-%Y %H:%M} UTC, later than that.",
        )
    left = cells_left(lot, without=infusion)
    if given.given_cells > left:
        raise Refused(
            "lot_used_up",
            f"Lot {lot} has {name_cells(left)} viable cells left; "
            f"{name_cells(given.given_cells)} were entered.",
        )
