"""DLT reports for tests: in every state, superseded and ruled on as people do it."""

from __future__ import annotations

from typing import Any

from cohorts.models import Participant
from safety.actions import (
    clear_dlt,
    readjudicate_dlt,
    rule_superseding,
    supersede_dlt,
)
from safety.management.conduct import Conduct
from safety.models import DltReport, Superseding
from tests.factories import (
    PASSWORD,
    make_trial,
    open_level,
    report_dlt_of,
    run_cohort,
)

RECLOCKED = [
    {"id": "NOW", "text": "At once"},
    {"id": "IN24H", "text": "Unless it resolves in 24 h", "clock_hours": 24},
    {"id": "IN72H", "text": "Unless it resolves in 72 h", "clock_hours": 72},
]


def build() -> Conduct:
    """Three treated at level 1, three days ago."""
    trial = open_level(make_trial(sites=2, conduct={"dlt_criteria": RECLOCKED}))
    run_cohort(trial, 1, "PPP")
    return trial


def supersede(trial: Conduct, report: DltReport, kind: str, **named: Any) -> Superseding:
    by = trial.investigator_of(report.event.participant)
    named = {"reason": f"because {kind}", "by": by, **named}
    return supersede_dlt(report, kind=kind, now=trial.tick(), **named)


def rule(
    trial: Conduct, proposed: Superseding, *, is_accepted: bool = True, **named: Any
) -> Superseding:
    named = {"reason": "looked at", "by": trial.monitor, "password": PASSWORD, **named}
    return rule_superseding(proposed, is_accepted=is_accepted, now=trial.tick(), **named)


def readjudicate(trial: Conduct, report: DltReport, **named: Any) -> DltReport:
    named = {"reason": "second look", "by": trial.monitor, "password": PASSWORD, **named}
    return readjudicate_dlt(report, now=trial.tick(), **named)


def in_force(trial: Conduct) -> list[str]:
    rows = DltReport.objects.filter(
        event__participant__study=trial.study, superseded_by__isnull=True
    )
    return list(rows.values_list("state", flat=True))


def report_in(trial: Conduct, person: Participant, state: str) -> DltReport:
    """A report in that state."""
    if state in ("PROVISIONAL", "CLEARED"):
        report = report_dlt_of(trial, person, "IN72H")
        if state == "CLEARED":
            clear_dlt(
                report,
                resolved_at=trial.now,
                by=trial.investigator_of(person),
                password=PASSWORD,
                now=trial.tick(),
            )
    else:
        report = report_dlt_of(trial, person)
        if state != "REPORTED":
            trial.adjudicate(report, is_confirmed=state == "CONFIRMED")
    report.refresh_from_db()
    assert report.state == state
    return report
