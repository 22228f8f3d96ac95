"""A death counts as a DLT until the committee has ruled it unrelated."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from safety.actions import (
    adjudicate_dlt,
    clear_dlt,
    readjudicate_dlt,
    rule_superseding,
    supersede_dlt,
)
from safety.management.conduct import Conduct
from safety.models import DltReport
from tests.factories import (
    PASSWORD,
    letters_at,
    make_trial,
    open_level,
    refused,
    run_cohort,
    shared_trial,
)

pytestmark = pytest.mark.django_db
MINUTES = "minutes 4"


def build() -> Conduct:
    """Two in the window at level 1; the first has died, which is reported as a DLT."""
    trial = open_level(make_trial())
    person, _ = run_cohort(trial, 1, "PP")
    trial.report(person, criterion="NOW", term="Sudden death", grade=5)
    return trial


_built, trial = shared_trial(build)


def report_in_force() -> DltReport:
    return DltReport.objects.get(superseded_by__isnull=True)


def signing(trial: Conduct) -> dict[str, Any]:
    return {"by": trial.monitor, "password": PASSWORD, "now": trial.tick(), "reason": "it was read"}


def refute(trial: Conduct, **more: Any) -> object:
    return adjudicate_dlt(report_in_force(), is_confirmed=False, **signing(trial), **more)


def refute_again(trial: Conduct, **more: Any) -> object:
    if report_in_force().state == "REPORTED":
        trial.adjudicate(report_in_force())
    return readjudicate_dlt(report_in_force(), **signing(trial), **more)


def take_away(trial: Conduct, **more: Any) -> object:
    report = report_in_force()
    waiting = report.supersedings.filter(state="WAITING").first() or supersede_dlt(
        report,
        kind="WITHDRAWN",
        reason="entered in error",
        by=trial.investigator_of(report.event.participant),
        now=trial.tick(),
    )
    return rule_superseding(waiting, is_accepted=True, **signing(trial), **more)


@pytest.mark.parametrize("take", [refute, refute_again, take_away])
def test_death_is_taken_away_by_the_committee_alone(
    trial: Conduct, take: Callable[..., object]
) -> None:
    if take is refute_again:
        trial.adjudicate(report_in_force())
    if take is take_away:
        report = report_in_force()
        by = trial.investigator_of(report.event.participant)
        supersede_dlt(report, kind="WITHDRAWN", reason="in error", by=by, now=trial.tick())

    with refused("committee_needed"):
        take(trial)
    assert letters_at(trial, 1) == "TP"

    take(trial, committee_reference=MINUTES)

    assert letters_at(trial, 1) == "PP"
    assert report_in_force().adjudication.committee_reference == MINUTES


def test_death_does_not_resolve(trial: Conduct) -> None:
    other = trial.study.participants.latest("id")
    report = trial.report(other, criterion="IN72H", term="Shock", grade=5)
    assert report.state == "PROVISIONAL"

    with refused("not_resolved"):
        clear_dlt(
            report,
            resolved_at=report.event.onset_at + timedelta(minutes=1),
            by=trial.investigator_of(other),
            password=PASSWORD,
            now=trial.tick(),
        )
