"""A trial with at least one row in every clinical table, for tests about all tables."""

from __future__ import annotations

from cohorts.actions import add_consent_form, note_deviation, place_hold
from ntrust.change import study_change
from safety.management.conduct import Conduct
from tests.factories import make_trial, open_level, report_dlt_of, run_cohort


def build_everything() -> Conduct:
    """A new table gets its row here."""
    trial = make_trial()
    add_consent_form(
        trial.study,
        label="1.0",
        effective_on=trial.now.date(),
        version=trial.study.protocol_versions.get(),
        by=trial.manager,
        now=trial.tick(),
    )
    open_level(trial)
    people = run_cohort(trial, 1, "TNU")
    trial.adjudicate(people[0].adverse_events.get().dlt_reports.get())
    report_dlt_of(trial, people[0])
    place_hold(trial.study, scope="STUDY", reason="a signal", by=trial.monitor, now=trial.tick())
    with study_change(trial.study, by=trial.manager, now=trial.tick()) as change:
        note_deviation(change, people[0], kind="VISIT_MISSED", sentence="visit 2 was missed")
    return trial
