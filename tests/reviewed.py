"""A Part 1 of twelve participants as a committee meets it: the packet of its third escalation."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from cohorts.engine.design import Verdict
from cohorts.models import Participant
from safety.actions import convene_review, report_event
from safety.management.conduct import Conduct
from safety.models import Review
from safety.states import Causality
from tests.factories import end_windows, make_trial, open_level, report_dlt_of, seat

_EVENTS: tuple[tuple[str, int, Causality, bool], ...] = (
    ("Fever", 1, Causality.POSSIBLE, False),
    ("Nausea", 2, Causality.UNLIKELY, False),
    ("Neutropenia", 3, Causality.PROBABLE, False),
    ("Pneumonia", 3, Causality.UNLIKELY, True),
    ("Fatigue", 1, Causality.UNRELATED, False),
)


def conduct_twelve(**document: Any) -> Conduct:
    """1NNN 2NTN 2NNN 3NTP at two sites; nothing convened since level 3 opened."""
    trial = open_level(make_trial(sites=2, infusion_days=(0, 7, 14), **document))
    _report(trial, _cohort(trial, 1, "NNN"))
    open_level(trial, 2)
    _report(trial, _cohort(trial, 2, "NTN"))
    trial.decide(Verdict.EXPAND_COHORT, 2)
    _cohort(trial, 2, "NNN")
    open_level(trial, 3)
    _report(trial, _cohort(trial, 3, "NTP"))
    return trial


def convene_twelve(trial: Conduct) -> Review:
    """The review of level 3."""
    return convene_review(trial.study, by=trial.manager, now=trial.tick())


def _cohort(trial: Conduct, level: int, letters: str) -> list[Participant]:
    """Seat and treat one participant a letter, all three infusions; P: treated, nothing said."""
    people = seat(trial, level, len(letters))
    day_0 = trial.now + timedelta(days=5)
    trial.condition(people, day_0=day_0)
    trial.infuse(people, day_0=day_0, days=(0, 7, 14))
    trial.now += timedelta(days=3)
    for person, letter in zip(people, letters, strict=True):
        if letter == "T":
            report_dlt_of(trial, person)
    end_windows(trial)
    for person, letter in zip(people, letters, strict=True):
        if letter == "N":
            trial.sign_no_dlt(person)
    return people


def _report(trial: Conduct, people: list[Participant]) -> None:
    """A few events that are no DLTs, one after the other; the serious one names who entered it."""
    for number, (term, grade, causality, is_serious) in enumerate(_EVENTS):
        person = people[number % len(people)]
        by = trial.investigator_of(person)
        told = f", told by {by.printed_name.upper()} ({by.username})" if is_serious else ""
        report_event(
            person,
            term=f"{term}{told}",
            onset_at=trial.now - timedelta(days=20 - number),
            grade=grade,
            grading_system="CTCAE v5.0",
            causality=causality,
            is_serious=is_serious,
            by=by,
            now=trial.tick(),
        )
