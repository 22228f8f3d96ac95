"""A trial whose protocol asks for lots, safety checks and visit windows."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from cohorts.models import Deviation, Participant
from dosing.actions import enter_safety_check, give_infusion, receive_lot, record_given_infusion
from dosing.models import Infusion, ProductLot
from safety.management.conduct import Conduct
from tests.dosing.test_actions import begin, complete
from tests.factories import make_trial, open_level, seat

ASKED = [{"id": "fever", "text": "No fever"}, {"id": "icans", "text": "No ICANS"}]
BECAUSE = "The ward gave it at nine; the computer was down until now."
YES = {"fever": True, "icans": True}
SECTION: dict[str, Any] = {
    "windows": [{"early": 0, "late": 2}, {"early": 1, "late": 2}, {"early": 1, "late": 2}],
    "lot_required": True,
    "safety_check": ASKED,
    "implausible_factor": "100",
}


def build(**document: Any) -> Conduct:
    """Three seated at level 1, and lot A12 released with six doses."""
    trial = open_level(make_trial(infusion_days=(0, 7, 14), infusions=SECTION, **document))
    seat(trial, 1, 3)
    trial.stock("A12", total_cells=Decimal(8), viability=Decimal("0.75"), lasts=timedelta(days=90))
    return trial


def person_of(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


def conditioned(trial: Conduct, person: Participant) -> list[Infusion]:
    """Lymphodepletion given, and Day 0 has come; answers the planned infusions."""
    course = complete(trial, begin(trial, person))
    infusions = list(course.infusions.all())
    trial.now = on_day(infusions[0].planned_date)
    return infusions


def on_day(day: date, hour: int = 12) -> datetime:
    """That hour of a day, UTC."""
    return datetime.fromisoformat(f"{day}T{hour:02}:00:00+00:00")


def lot(code: str = "A12") -> ProductLot:
    return ProductLot.objects.get(code=code)


def receive(trial: Conduct, code: str, **named: Any) -> ProductLot:
    label: dict[str, Any] = {
        "received_at": trial.now,
        "total_cells": Decimal(8),
        "viability": Decimal(1),
        "expires_on": (trial.now + timedelta(days=90)).date(),
        "by": trial.crews[0].pharmacist,
        **named,
    }
    return receive_lot(trial.study, code=code, now=trial.tick(), **label)


def check(trial: Conduct, infusion: Infusion, **named: Any) -> None:
    named = {"checked_at": trial.now, "answers": YES, **named}
    enter_safety_check(infusion, by=trial.crews[0].investigator, now=trial.tick(), **named)


def give(trial: Conduct, infusion: Infusion, **named: Any) -> Infusion:
    """Given now, in full, from lot A12."""
    named = {
        "given_at": trial.now,
        "given_cells": infusion.assigned_cells,
        "lot": lot(),
        **named,
    }
    return give_infusion(infusion, by=trial.crews[0].investigator, now=trial.tick(), **named)


def give_on_day(trial: Conduct, infusion: Infusion, day: date, **named: Any) -> Infusion:
    """Checked and given on that day."""
    trial.now = on_day(day)
    if infusion.number > 1:
        check(trial, infusion)
    return give(trial, infusion, **named)


def record(trial: Conduct, infusion: Infusion, **named: Any) -> Infusion:
    """Given now in full from lot A12, though something is in the way."""
    named = {
        "given_at": trial.now,
        "given_cells": infusion.assigned_cells,
        "lot": lot(),
        "because": BECAUSE,
        **named,
    }
    return record_given_infusion(
        infusion, by=trial.crews[0].investigator, now=trial.tick(), **named
    )


def deviations() -> list[str]:
    """Kinds noted, in order."""
    return list(Deviation.objects.order_by("id").values_list("kind", flat=True))
