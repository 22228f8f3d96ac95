"""A trial with at least one row in every clinical table, for tests about all tables."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from cohorts.actions import add_consent_form, enter_results, note_deviation, place_hold
from cohorts.models import Participant
from cohorts.policies import Entry
from dosing.actions import (
    Prescription,
    Reading,
    enter_safety_check,
    record_measurement,
    record_medication,
)
from dosing.models import Infusion
from ntrust.change import study_change
from safety.actions import stage_take_over, withdraw_take_over
from safety.management.conduct import Conduct
from safety.takeover import SHEETS, Line
from tests.factories import ASKED, DISEASE, make_trial, open_level, report_dlt_of, run_cohort


def build_everything() -> Conduct:
    """A new table gets its row here."""
    asked = [{"id": "fever", "text": "No fever"}]
    trial = make_trial(infusion_days=(0, 7), infusions={"safety_check": asked}, eligibility=ASKED)
    add_consent_form(
        trial.study,
        label="1.0",
        effective_on=trial.now.date(),
        version=trial.study.protocol_versions.get(),
        by=trial.manager,
        now=trial.tick(),
    )
    add_take_over(trial)
    open_level(trial)
    lasts = timedelta(days=90)
    trial.stock("A12", total_cells=Decimal(9), viability=Decimal("0.9"), lasts=lasts)
    people = run_cohort(trial, 1, "TNU")
    enter_safety_check(
        Infusion.objects.get(course__participant=people[1], number=2),
        checked_at=trial.now,
        answers={"fever": True},
        by=trial.investigator_of(people[1]),
        now=trial.tick(),
    )
    trial.adjudicate(people[0].adverse_events.get().dlt_reports.get())
    report_dlt_of(trial, people[0])
    trial.regimen = "in_mg"
    trial.condition(people[2:], day_0=trial.now + timedelta(days=5))
    place_hold(trial.study, scope="STUDY", reason="a signal", by=trial.monitor, now=trial.tick())
    with study_change(trial.study, by=trial.manager, now=trial.tick()) as change:
        note_deviation(change, people[0], kind="VISIT_MISSED", sentence="visit 2 was missed")
    candidate = trial.consent(disease=DISEASE)
    enter_results(
        candidate,
        entries=[Entry("smokes", "no")],
        by=trial.investigator_of(candidate),
        now=trial.tick(),
    )
    add_records(trial, people[1])
    return trial


def add_take_over(trial: Conduct) -> None:
    """One staged before anybody was there, and withdrawn."""
    decision = {
        "number": "1",
        "decided_on": str(trial.now.date()),
        "verdict": "ENROL",
        "level": "1",
        "seats": "3",
        "reference": "minutes 1",
    }
    book = {**{name: [] for name in SHEETS}, "decisions": [Line(2, decision)]}
    take_over = stage_take_over(trial.study, book=book, by=trial.manager, now=trial.tick())
    withdraw_take_over(take_over, reason="by mistake", by=trial.manager, now=trial.tick())


def add_records(trial: Conduct, person: Participant) -> None:
    """A measurement and a medicine."""
    who: dict[str, Any] = {"by": trial.investigator_of(person), "now": trial.tick()}
    day = trial.now.date()
    reading = Reading(Decimal(1), "g/g", measured_on=day)
    record_measurement(person, measurement="upcr", reading=reading, **who)
    prescription = Prescription("Ibuprofen", route="ORAL", indication="pain", started_on=day)
    record_medication(person, prescription=prescription, **who)
