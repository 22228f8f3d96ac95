"""A hold lands while an infusion is being given: it is given and not asked about, or asked about
and not given."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from cohorts.actions import place_hold
from cohorts.models import Hold
from dosing.actions import give_infusion
from dosing.actions import inflight as inflight_actions
from dosing.actions import infusions as infusion_actions
from dosing.models import InFlight, Infusion
from dosing.policies import check_given, planned_infusions
from ntrust.errors import Refused
from ntrust.models import Study
from safety.management.conduct import Conduct
from tests.committed import CommittedDb
from tests.factories import make_trial, open_level, seat
from tests.faults.test_races import give_revisions_twice, race, winners, without_the_lock


def ready() -> Conduct:
    """One conditioned, whose infusion 1 is due now."""
    trial = open_level(make_trial())
    trial.condition(seat(trial, 1), day_0=trial.now + timedelta(days=5))
    trial.now += timedelta(days=5)
    return trial


def attempts(trial: Conduct) -> list[Callable[[], Any]]:
    infusion, now = Infusion.objects.get(), trial.tick()
    level = trial.level(1)
    return [
        lambda: give_infusion(
            infusion,
            given_at=now,
            given_cells=Decimal(1),
            by=trial.crews[0].investigator,
            now=now,
        ),
        lambda: place_hold(
            trial.study, scope="LEVEL", level=level, reason="a signal", by=trial.monitor, now=now
        ),
    ]


def found() -> tuple[str, list[str]]:
    """State of the infusion, and of what is asked about it."""
    return Infusion.objects.get().state, [row.state for row in InFlight.objects.all()]


@pytest.mark.parametrize("attempt", range(3))
def test_infusion_is_given_or_asked_about(committed_db: CommittedDb, attempt: int) -> None:
    trial = ready()
    tries = attempts(trial)
    if attempt == 1:
        tries.reverse()

    results = race(tries)

    assert Hold.objects.get().state == "PLACED"
    refusals = [result for result in results if isinstance(result, Refused)]
    if refusals:
        assert [refusal.code for refusal in refusals] == ["no_infusion"]
        assert found() == ("PLANNED", ["OPEN"])
    else:
        assert found() == ("GIVEN", [])


def test_without_the_lock_it_is_given_and_asked_about(
    committed_db: CommittedDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: both have looked before either writes."""
    trial = ready()
    tries = attempts(trial)
    without_the_lock(monkeypatch)
    give_revisions_twice()
    monkeypatch.setattr(Study, "save", lambda self, **named: None)
    together = threading.Barrier(2)

    def wait() -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(10)

    def check_and_wait(*args: Any, **named: Any) -> None:
        check_given(*args, **named)
        wait()

    def list_and_wait(study: Study) -> list[Infusion]:
        rows = list(planned_infusions(study))
        wait()
        return rows

    monkeypatch.setattr(infusion_actions, "check_given", check_and_wait)
    monkeypatch.setattr(inflight_actions, "planned_infusions", list_and_wait)

    results = race(tries)

    assert len(winners(results)) == 2
    state, asked = found()
    assert (state, len(asked)) == ("GIVEN", 1)
