"""Product lots, safety checks, infusions entered late or wrongly, rulings."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from dosing.models import Infusion, ProductLot
from safety.management.conduct import Conduct
from tests.safety.rights.scene import INVESTIGATOR, MANAGER, MONITOR, C, D, Rights

PHARMACY = frozenset({"manager", "pharmacist", "pharmacist elsewhere"})
HAPPENED = "Given at night; the ward entered it on the next morning."


def stock(trial: Conduct) -> None:
    """A released lot and one in quarantine."""
    lasts = timedelta(days=300)
    trial.stock("A12", total_cells=Decimal(9), viability=Decimal(1), lasts=lasts)
    receive(trial, "A13", by=trial.manager, now=trial.tick())


def receive(trial: Conduct, code: str, **who: Any) -> ProductLot:
    return D.receive_lot(
        trial.study,
        code=code,
        received_at=trial.now,
        total_cells=Decimal(9),
        viability=Decimal(1),
        expires_on=(trial.now + timedelta(days=300)).date(),
        **who,
    )


def lot(code: str) -> ProductLot:
    return ProductLot.objects.get(code=code)


def given() -> Infusion:
    return Infusion.objects.get(state="GIVEN", course__participant__state="TREATED")


def second(state: str = "CONDITIONING") -> Infusion:
    return Infusion.objects.filter(number=2, course__participant__state=state).earliest("id")


def miss_for_toxicity(trial: Conduct) -> None:
    by = trial.crews[0].investigator
    D.miss_infusion(
        second("TREATED"), reason="fever", is_for_toxicity=True, by=by, now=trial.tick()
    )


def rule_out(trial: Conduct) -> None:
    person = second("TREATED").course.participant
    C.confirm_not_evaluable(person, reason="weak", by=trial.monitor, now=trial.tick())


PREPARE = stock
FIRST = {
    "cohorts.adjudicate_missed_infusion": miss_for_toxicity,
    "cohorts.withdraw_ruling": rule_out,
}

RIGHTS: Rights = {
    "cohorts.adjudicate_missed_infusion": (
        MONITOR,
        lambda s: C.adjudicate_missed_infusion(s.participant("TREATED"), reason="mild", **s.who),
    ),
    "cohorts.withdraw_ruling": (
        MONITOR,
        lambda s: C.withdraw_ruling(s.participant("TREATED"), reason="it was enough", **s.who),
    ),
    "dosing.record_given_infusion": (
        INVESTIGATOR,
        lambda s: D.record_given_infusion(
            Infusion.objects.get(number=1, course__ended_at=None, course__cycle=1),
            given_at=s.trial.now,
            given_cells=Decimal(1),
            because=HAPPENED,
            **s.who,
        ),
    ),
    "dosing.correct_infusion": (
        INVESTIGATOR,
        lambda s: D.correct_infusion(
            given(), given_cells=Decimal("0.9"), reason="a wrong label", **s.who
        ),
    ),
    "dosing.mark_not_given": (
        INVESTIGATOR,
        lambda s: D.mark_not_given(given(), reason="another participant", **s.who),
    ),
    "dosing.reschedule_infusion": (
        INVESTIGATOR | MONITOR,
        lambda s: D.reschedule_infusion(
            s.infusion,
            planned_date=s.trial.now.date() + timedelta(days=3),
            moves_later=True,
            reason="a storm",
            **s.who,
        ),
    ),
    "dosing.enter_safety_check": (
        INVESTIGATOR,
        lambda s: D.enter_safety_check(
            second(), checked_at=s.trial.now, answers={"fever": True}, **s.who
        ),
    ),
    "dosing.assign_lot": (
        frozenset({"pharmacist"}),
        lambda s: D.assign_lot(s.infusion, lot=lot("A12"), **s.who),
    ),
    "dosing.receive_lot": (PHARMACY, lambda s: receive(s.trial, "A14", **s.who)),
    "dosing.release_lot": (MANAGER, lambda s: D.release_lot(lot("A13"), **s.who)),
    "dosing.quarantine_lot": (
        PHARMACY | MONITOR,
        lambda s: D.quarantine_lot(lot("A12"), reason="a warm box", **s.who),
    ),
    "dosing.discard_lot": (
        PHARMACY,
        lambda s: D.discard_lot(lot("A12"), reason="a warm box", **s.who),
    ),
    "dosing.correct_lot": (
        PHARMACY,
        lambda s: D.correct_lot(
            lot("A12"), viability=Decimal("0.9"), reason="read wrongly", **s.who
        ),
    ),
}
