"""Product lots: what was received, and what became of it."""

from __future__ import annotations

from decimal import Decimal

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, Q, UniqueConstraint

from dosing.states import PRODUCT_LOT, LotState
from ntrust.history import append_only, clinical
from ntrust.models import Study, User, paired

_GIVEN_WITHIN = """
    IF NEW.total_cells * NEW.viability < (
        SELECT COALESCE(sum(given_cells), 0) FROM dosing_infusion
        WHERE lot_id = NEW.id AND state = 'GIVEN')
    THEN RAISE EXCEPTION 'lot % is used up: more was given from it', NEW.code
        USING ERRCODE = 'check_violation'; END IF;
    RETURN NULL;
"""


@clinical
class ProductLot(models.Model):
    """A lot of the product, shared between the sites of a study.

    `total_cells` are in the ladder's unit; the viable ones are total x viability. What was used is
    the sum of the infusions given from it, and never more than it held.
    """

    study = models.ForeignKey(Study, on_delete=models.PROTECT, related_name="lots")
    code = models.CharField(max_length=20)
    received_at = models.DateTimeField()
    received_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    total_cells = models.DecimalField(max_digits=20, decimal_places=4)
    viability = models.DecimalField(max_digits=5, decimal_places=4)
    expires_on = models.DateField()
    state = models.CharField(max_length=12, choices=LotState.choices, default=LotState.QUARANTINED)

    class Meta:
        ordering = ["code"]
        constraints = [
            UniqueConstraint(fields=["study", "code"], name="one_code_a_lot"),
            CheckConstraint(condition=~Q(code=""), name="lot_has_a_code"),
            CheckConstraint(condition=Q(total_cells__gt=0), name="lot_cells_positive"),
            CheckConstraint(
                condition=Q(viability__gt=0, viability__lte=1), name="viability_is_a_share"
            ),
            paired("received_at", "received_by"),
        ]
        triggers = [
            PRODUCT_LOT.guard(),
            pgtrigger.Trigger(
                name="given_within",
                operation=pgtrigger.Update,
                when=pgtrigger.After,
                func=_GIVEN_WITHIN,
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def viable_cells(self) -> Decimal:
        """What it held when it was received, in the ladder's unit."""
        return self.total_cells * self.viability


@append_only
class LotMove(models.Model):
    """A lot came into a state: when, by whom, why. Tells what it was at any moment."""

    lot = models.ForeignKey(ProductLot, on_delete=models.PROTECT, related_name="moves")
    to = models.CharField(max_length=12, choices=LotState.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)

    class Meta:
        ordering = ["id"]
