"""A trial with two sites whose protocol measures, and speaks of medicines."""

from __future__ import annotations

from typing import Any

from cohorts.actions import add_protocol_version
from cohorts.models import Participant
from safety.management.conduct import Conduct
from tests.factories import approve, make_document, make_trial, open_level, seat, treat

RECORDS: dict[str, Any] = {
    "visits": [
        {"key": "baseline", "name": "Baseline", "day": -6},
        {"key": "day_7", "name": "Day 7", "day": 7},
    ],
    "measurements": [
        {
            "key": "upcr",
            "name": "UPCR",
            "unit": "g/g",
            "highest": "50",
            "reference_high": "0.2",
            "accepts": {"mg/g": "0.001"},
        },
        {
            "key": "c3",
            "name": "Complement C3",
            "unit": "mg/dL",
            "decimals": 0,
            "lowest": "1",
            "highest": "400",
            "reference_low": "90",
            "reference_high": "180",
        },
        {"key": "copies", "name": "Copies", "unit": "copies/ug DNA", "highest": "1000"},
    ],
    "medications": [
        {"key": "il6", "name": "IL-6", "kind": "anticytokine", "names": ["tocilizumab"]},
        {
            "key": "steroids",
            "name": "Systemic steroids",
            "kind": "steroid",
            "names": ["prednis"],
            "systemic_only": True,
        },
        {"key": "cd20", "name": "CD20", "kind": "prohibited", "names": ["rituximab"]},
        {"key": "vaccine", "name": "Vaccines", "kind": "prohibited", "names": ["live vaccine"]},
    ],
}


def make_measured_trial() -> Conduct:
    """Two sites, one active level, the protocol with RECORDS."""
    trial = make_trial(sites=2)
    document = {**make_document(version="B"), **RECORDS}
    version = add_protocol_version(
        trial.study, document=document, by=trial.manager, now=trial.tick()
    )
    approve(version, by=trial.manager, now=trial.tick())
    return open_level(trial)


def treated() -> Conduct:
    """S-001 at the first site and S-002 at the second, infused on Day 0, three days ago."""
    trial = make_measured_trial()
    here = seat(trial, 1)
    there = [trial.seat(1, disease="lupus nephritis", crew=1)]
    treat(trial, here)
    treat(trial, there)
    return trial


def person(number: str = "S-001") -> Participant:
    return Participant.objects.get(screening_number=number)
