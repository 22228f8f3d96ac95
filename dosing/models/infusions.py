"""The planned doses of a course."""

from __future__ import annotations

import pgtrigger
from django.db import models
from django.db.models import CheckConstraint, F, Q, UniqueConstraint

from dosing.models.courses import Course
from dosing.models.lots import ProductLot
from dosing.states import INFUSION, InfusionState
from ntrust.history import clinical

_LOT_HOLDS_ENOUGH = """
    IF NEW.state = 'GIVEN' AND NEW.lot_id IS NOT NULL THEN
        SELECT * INTO _lot FROM dosing_productlot WHERE id = NEW.lot_id FOR NO KEY UPDATE;
        SELECT sum(given_cells) INTO _given FROM dosing_infusion
            WHERE lot_id = NEW.lot_id AND state = 'GIVEN';
        IF _given > _lot.total_cells * _lot.viability THEN
            RAISE EXCEPTION 'lot % is used up: more was given from it', _lot.code
                USING ERRCODE = 'check_violation';
        END IF;
    END IF;
    RETURN NULL;
"""


@clinical
class Infusion(models.Model):
    """One planned NKX019 dose. `assigned_cells` and `given_cells` are viable cells.

    `lot`: set aside for it while planned, the one it was given from once given. `given_at` is its
    start. `is_legacy`: what became of it was taken over from paper.
    """

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="infusions")
    number = models.PositiveSmallIntegerField()
    state = models.CharField(
        max_length=10, choices=InfusionState.choices, default=InfusionState.PLANNED
    )
    planned_date = models.DateField()
    assigned_cells = models.DecimalField(max_digits=20, decimal_places=4)
    given_cells = models.DecimalField(max_digits=20, decimal_places=4, null=True)
    given_at = models.DateTimeField(null=True)
    stopped_at = models.DateTimeField(null=True)
    lot = models.ForeignKey(
        ProductLot, on_delete=models.PROTECT, null=True, related_name="infusions"
    )
    interrupted_minutes = models.PositiveSmallIntegerField(default=0)
    interrupted_because = models.TextField(blank=True)
    reduced_because = models.TextField(blank=True)
    not_given_because = models.TextField(blank=True)
    is_missed_for_toxicity = models.BooleanField(default=False)
    is_legacy = models.BooleanField(default=False)

    class Meta:
        ordering = ["number"]
        constraints = [
            UniqueConstraint(fields=["course", "number"], name="one_infusion_a_number"),
            CheckConstraint(condition=Q(assigned_cells__gt=0), name="assigned_cells_positive"),
            CheckConstraint(
                condition=Q(
                    state=InfusionState.GIVEN,
                    given_at__isnull=False,
                    given_cells__isnull=False,
                    given_cells__gt=0,
                )
                | (
                    ~Q(state=InfusionState.GIVEN)
                    & Q(given_at__isnull=True, given_cells__isnull=True)
                ),
                name="given_has_time_and_cells",
            ),
            CheckConstraint(
                condition=~Q(state__in=[InfusionState.HELD, InfusionState.MISSED])
                | ~Q(not_given_because=""),
                name="not_given_has_a_reason",
            ),
            CheckConstraint(
                condition=Q(stopped_at__isnull=True)
                | Q(given_at__isnull=False, stopped_at__gte=F("given_at")),
                name="infusion_stops_after_it_starts",
            ),
            CheckConstraint(
                condition=Q(interrupted_minutes=0, interrupted_because="")
                | (Q(interrupted_minutes__gt=0) & ~Q(interrupted_because="")),
                name="interruption_has_a_reason",
            ),
        ]
        triggers = [
            INFUSION.guard(),
            pgtrigger.Trigger(
                name="lot_holds_enough",
                operation=pgtrigger.Insert | pgtrigger.Update,
                when=pgtrigger.After,
                declare=[("_lot", "dosing_productlot%ROWTYPE"), ("_given", "numeric")],
                func=_LOT_HOLDS_ENOUGH,
            ),
        ]
