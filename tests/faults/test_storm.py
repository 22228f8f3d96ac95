"""Twenty investigators, three studies, five hundred alerts at once.

Nothing reported is lost, nobody waits for ever, and each study ends with the answer that its rows
give when they are read afresh.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import pytest

from cohorts.actions import place_hold
from cohorts.engine.basis import recommend_basis
from cohorts.models import Decision, Hold, Outcome, Participant, Recommendation
from cohorts.policies import active_protocol, current_basis
from dosing.models import DltWindow
from ntrust.change import study_change
from ntrust.errors import Refused
from ntrust.models import Event, Study
from safety.actions import (
    adjudicate_dlt,
    clear_dlt,
    pass_time_everywhere,
    report_event,
    sign_window_statement,
)
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, DltReport, WindowStatement
from safety.policies import is_of_window
from tests.committed import CommittedDb
from tests.factories import (
    DISEASE,
    PASSWORD,
    make_trial,
    open_level,
    run_cohort,
    treat,
)
from tests.faults.test_races import race
from tests.lifting import lift_hold

SITES = (7, 7, 6)
ALERTS = 500
AT_ONCE = 12
EXPECTED = {
    "already_entered",
    "already_held",
    "already_signed",
    "illegal_move",
    "lift_over",
    "no_statement",
    "not_held",
    "not_in_force",
    "not_resolved",
    "stale_lift",
    "too_late",
}
"""What people may hear when others were first; nothing else is refused."""


def build() -> list[Conduct]:
    """Three studies with level 1 clean, level 2 open and treated, all over their sites."""
    trials = []
    for number, sites in enumerate(SITES):
        trial = make_trial(key=f"storm-{number}", sites=sites)
        run_cohort(open_level(trial), 1, "NNN")
        open_level(trial, 2)
        people = [trial.seat(2, disease=DISEASE, crew=(number + step) % sites) for step in range(3)]
        treat(trial, people)
        trial.now += timedelta(days=2)
        trials.append(trial)
    return trials


class Storm:
    """What people at once may do in one study; each call is one attempt."""

    def __init__(self, trial: Conduct, chance: random.Random) -> None:
        self.trial = trial
        self.chance = chance
        self.people = list(Participant.objects.filter(study=trial.study).select_related("site"))
        self.seconds = count(1)

    def now(self) -> Any:
        return self.trial.now + timedelta(seconds=next(self.seconds))

    def attempts(self, alerts: int) -> list[Callable[[], Any]]:
        """The alerts, and among them what monitor, manager, clock and sites do meanwhile."""
        among = (self.adjudicate, self.clear, self.state, self.hold, self.lift, self.pass_time)
        todo: list[Callable[[], Any]] = [partial(self.alert, n) for n in range(alerts)]
        todo += [among[n % len(among)] for n in range(alerts // 5)]
        self.chance.shuffle(todo)
        return todo

    def alert(self, number: int) -> AdverseEvent:
        person = self.chance.choice(self.people)
        criterion = self.chance.choice([None, None, None, None, "", "NOW", "IN72H"])
        now = self.now()
        return report_event(
            person,
            term=f"Event {number}",
            onset_at=now - timedelta(hours=self.chance.choice([0, 30, 200, 2000])),
            grade=self.chance.randint(1, 4),
            grading_system="CTCAE v5.0",
            causality="POSSIBLE",
            is_serious=False,
            aware_at=now,
            by=self.trial.investigator_of(person),
            criterion=criterion,
            now=now,
        )

    def report_of(self, state: str) -> DltReport | None:
        reports = DltReport.objects.filter(event__participant__study=self.trial.study, state=state)
        found = list(reports.select_related("event__participant__site")[:5])
        return self.chance.choice(found) if found else None

    def adjudicate(self) -> object:
        report = self.report_of("REPORTED")
        return report and adjudicate_dlt(
            report,
            is_confirmed=self.chance.random() < 0.3,
            reason="looked at",
            by=self.trial.monitor,
            password=PASSWORD,
            now=self.now(),
        )

    def clear(self) -> object:
        report, now = self.report_of("PROVISIONAL"), self.now()
        return report and clear_dlt(
            report,
            resolved_at=report.event.onset_at,
            by=self.trial.investigator_of(report.event.participant),
            password=PASSWORD,
            now=now,
        )

    def state(self) -> WindowStatement:
        person = self.chance.choice(self.people)
        return sign_window_statement(
            person,
            has_dlt=self.chance.random() < 0.5,
            by=self.trial.investigator_of(person),
            password=PASSWORD,
            now=self.now(),
        )

    def hold(self) -> Hold:
        return place_hold(
            self.trial.study, scope="STUDY", reason="news", by=self.trial.manager, now=self.now()
        )

    def lift(self) -> object:
        hold = Hold.objects.filter(study=self.trial.study, state="PLACED", rule="PERSON").first()
        return hold and lift_hold(
            hold, by=self.trial.monitor, password=PASSWORD, reason="read", now=self.now()
        )

    def pass_time(self) -> int:
        return pass_time_everywhere(now=self.now())


def read_letter(outcome: Outcome) -> str:
    """What somebody counts as, read from events, reports, windows and statements alone."""
    person = outcome.participant
    window = DltWindow.objects.filter(participant=person).first()
    reports = DltReport.objects.filter(event__participant=person, superseded_by__isnull=True)
    states = {one.state for one in reports.select_related("event") if is_of_window(one, window)}
    if states & {"REPORTED", "CONFIRMED"}:
        return "T"
    if "PROVISIONAL" in states:
        return "P"
    signed = WindowStatement.objects.filter(participant=person, withdrawn_at__isnull=True)
    return "N" if signed.filter(has_dlt=False).exists() else "P"


def check_afresh(study: Study) -> None:
    """The stored answer is what the rows say, down to each participant."""
    outcomes = Outcome.objects.filter(study=study).select_related("participant")
    assert {str(it.participant): it.letter for it in outcomes} == {
        str(it.participant): read_letter(it) for it in outcomes
    }
    version = active_protocol(study)
    assert version is not None
    basis = current_basis(study, version)
    fresh, stored = recommend_basis(basis), Recommendation.objects.filter(study=study).latest("id")
    assert stored.basis == basis
    assert (stored.verdict, stored.level, stored.outcome, stored.mtd, stored.rule) == (
        fresh.verdict,
        fresh.level,
        fresh.outcome or "",
        fresh.mtd,
        fresh.rule,
    )
    late = {one.level.ordinal for one in Decision.objects.filter(study=study) if one.basis_change}
    for level in late:
        placed = Hold.objects.filter(study=study, level__ordinal=level, rule__contains="BASIS")
        assert placed.exists(), f"level {level} rests on a changed basis and was never held"


def test_storm_ends_with_the_answer_of_the_rows(committed_db: CommittedDb) -> None:
    trials = build()
    chance = random.Random(4)
    storms = [Storm(trial, chance) for trial in trials]
    share = {0: 170, 1: 170, 2: 160}
    attempts = [todo for n, storm in enumerate(storms) for todo in storm.attempts(share[n])]
    chance.shuffle(attempts)
    before = AdverseEvent.objects.count()

    results = race(attempts, at_once=AT_ONCE)

    refusals = Counter(one.code for one in results if isinstance(one, Refused))
    faults = [one for one in results if isinstance(one, Exception) and not isinstance(one, Refused)]
    assert faults == []
    assert set(refusals) <= EXPECTED, refusals
    alerts = [one for one in results if isinstance(one, AdverseEvent)]
    assert len(alerts) == ALERTS == sum(share.values())
    assert AdverseEvent.objects.count() == before + ALERTS
    for trial in trials:
        check_afresh(trial.study)
        revisions = Event.objects.filter(study=trial.study).values_list("revision", flat=True)
        assert list(revisions) == sorted(revisions), "events stand in the order of the changes"


def test_reading_afresh_finds_an_answer_that_no_row_gives(committed_db: CommittedDb) -> None:
    """The control: a DLT that went missing between the report and the counts is seen."""
    trial = make_trial(key="control")
    person, *_ = run_cohort(open_level(trial), 1, "TPP")
    check_afresh(trial.study)

    with study_change(trial.study, by=None, reason="a fault", now=trial.tick()):
        outcome = Outcome.objects.get(participant=person)
        outcome.letter = "P"
        outcome.save(update_fields=["letter"])

    with pytest.raises(AssertionError):
        check_afresh(trial.study)
