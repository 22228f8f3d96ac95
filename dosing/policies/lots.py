"""May an infusion be given from this product lot, and if not, why."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import Sum

from dosing.models import Infusion, LotMove, ProductLot
from dosing.states import InfusionState, LotState
from ntrust.errors import Gate
from ntrust.models import Site


def name_cells(cells: Decimal) -> str:
    """A number of cells in a sentence: every digit, thousands apart, no zeros behind."""
    return format(cells.normalize(), ",f")


def cells_used(lot: ProductLot, *, without: Infusion | None = None) -> Decimal:
    """Viable cells given from a lot, `without` one infusion."""
    given = Infusion.objects.filter(lot=lot, state=InfusionState.GIVEN)
    if without is not None:
        given = given.exclude(pk=without.pk)
    return given.aggregate(cells=Sum("given_cells"))["cells"] or Decimal(0)


def cells_left(lot: ProductLot, *, without: Infusion | None = None) -> Decimal:
    """Viable cells still in a lot."""
    return lot.viable_cells - cells_used(lot, without=without)


def was_released(lot: ProductLot, at: datetime) -> bool:
    """Whether the lot was released at that moment."""
    last = LotMove.objects.filter(lot=lot, at__lte=at).last()
    return last is not None and last.to == LotState.RELEASED


def gates_for_lot(lot: ProductLot, *, at: datetime, site: Site) -> list[Gate]:
    """Released then and still, and unexpired on that day at the site."""
    return [_released(lot, at), _unexpired(lot, at, site)]


def _released(lot: ProductLot, at: datetime) -> Gate:
    rule, who = "lot_released", "study manager"
    if lot.state != LotState.RELEASED:
        sentence = f"Lot {lot} is {LotState(lot.state).label}."
        return Gate(rule, False, sentence, None, who)
    if not was_released(lot, at):
        sentence = f"Lot {lot} was not released at {at:%d-%b-%Y %H:%M} UTC."
        return Gate(rule, False, sentence, None, who)
    return Gate(rule, True, f"Lot {lot} is released.")


def _unexpired(lot: ProductLot, at: datetime, site: Site) -> Gate:
    day = at.astimezone(ZoneInfo(site.timezone)).date()
    expires = f"{lot.expires_on:%d-%b-%Y}"
    if day > lot.expires_on:
        return Gate("lot_unexpired", False, f"Lot {lot} expired: its last day is {expires}.")
    return Gate("lot_unexpired", True, f"Lot {lot} may be given up to {expires}.")
