"""Two infusions at once from a lot with cells for one: one has them, the other hears why not."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection

from cohorts.models import Deviation
from dosing.actions import give_infusion
from dosing.actions import infusions as infusion_actions
from dosing.models import Infusion, ProductLot
from dosing.policies import cells_used, check_given
from ntrust.errors import Refused
from ntrust.models import Study
from safety.management.conduct import Conduct
from tests.committed import CommittedDb
from tests.factories import make_trial, open_level, seat
from tests.faults.test_races import give_revisions_twice, race, winners, without_the_lock


def one_dose_left() -> tuple[Conduct, ProductLot, list[Infusion]]:
    """Three conditioned, and a lot that holds one dose and a half."""
    trial = open_level(make_trial())
    people = seat(trial, 1, 3)
    trial.condition(people, day_0=trial.now + timedelta(days=5))
    lot = trial.stock(
        "A12", total_cells=Decimal(2), viability=Decimal("0.75"), lasts=timedelta(days=90)
    )
    trial.now += timedelta(days=5)
    return trial, lot, list(Infusion.objects.order_by("id"))


def attempts(trial: Conduct, lot: ProductLot, infusions: list[Infusion]) -> list[Callable[[], Any]]:
    now = trial.tick()
    return [
        lambda infusion=infusion: give_infusion(
            infusion,
            given_at=now,
            given_cells=Decimal(1),
            lot=lot,
            by=trial.crews[0].investigator,
            now=now,
        )
        for infusion in infusions
    ]


def test_lot_with_one_dose_is_given_once(committed_db: CommittedDb) -> None:
    trial, lot, infusions = one_dose_left()

    results = race(attempts(trial, lot, infusions))

    refusals = [result for result in results if isinstance(result, Refused)]
    assert len(winners(results)) == 1
    assert [refusal.code for refusal in refusals] == ["lot_used_up", "lot_used_up"]
    assert all("0.5 viable cells left" in refusal.sentence for refusal in refusals)
    assert cells_used(lot) == Decimal(1)
    assert Infusion.objects.filter(state="PLANNED", lot=None).count() == 2
    assert not Deviation.objects.exists()


def lined_up_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No study lock, no revision, and all have looked at the lot before one writes."""
    without_the_lock(monkeypatch)
    monkeypatch.setattr(Study, "save", lambda self, **named: None)
    together = threading.Barrier(3)

    def check_together(*args: Any, **named: Any) -> None:
        check_given(*args, **named)
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(5)

    monkeypatch.setattr(infusion_actions, "check_given", check_together)


def test_with_nothing_that_lines_them_up_only_the_database_holds(
    committed_db: CommittedDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial, lot, infusions = one_dose_left()
    lined_up_by_nothing(monkeypatch)

    results = race(attempts(trial, lot, infusions))

    collided = [result for result in results if isinstance(result, IntegrityError)]
    assert len(winners(results)) == 1
    assert ["lot A12 is used up" in str(error) for error in collided] == [True, True]
    assert cells_used(lot) == Decimal(1)


def test_without_the_trigger_too_the_lot_is_overdrawn(
    committed_db: CommittedDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the race is real."""
    trial, lot, infusions = one_dose_left()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = 'dosing_infusion'::regclass"
            " AND tgname LIKE 'pgtrigger_lot_holds_enough%%'"
        )
        ((name,),) = cursor.fetchall()
        cursor.execute(f"ALTER TABLE dosing_infusion DISABLE TRIGGER {name}")
    give_revisions_twice()
    lined_up_by_nothing(monkeypatch)

    results = race(attempts(trial, lot, infusions))

    assert len(winners(results)) == 3
    assert cells_used(lot) == Decimal(3) > lot.viable_cells
