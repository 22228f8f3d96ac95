"""The one way to change a study: lock, time, revision, moments passed, rules, events."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cohorts.actions import place_hold
from cohorts.models import Hold, Outcome
from cohorts.states import HoldScope
from dosing.models import DltWindow
from ntrust import change as change_module
from ntrust import clock
from ntrust.change import study_change
from ntrust.errors import Refused
from ntrust.models import Event, Notification
from safety.management.conduct import Conduct
from tests.factories import (
    answer_of,
    fingerprint,
    kinds_since,
    make_trial,
    open_level,
    refused,
    report_dlt_of,
    revision_of,
    run_cohort,
    seat,
    shared_trial,
    treat,
)

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    trial = open_level(make_trial())
    run_cohort(trial, 1, "PP")
    return trial


_built, trial = shared_trial(build)


def test_change_locks_the_study_first_and_once(trial: Conduct) -> None:
    with (
        CaptureQueriesContext(connection) as queries,
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
        study_change(trial.study, by=trial.monitor, reason="by hand", now=trial.tick()),
    ):
        pass

    statements = [q["sql"] for q in queries if not q["sql"].startswith("SAVEPOINT")]
    assert "ntrust_study" in statements[0]
    assert statements[0].endswith("FOR NO KEY UPDATE")
    assert sum("FOR NO KEY UPDATE" in statement for statement in statements) == 1


def test_change_reads_the_time_after_the_lock(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(clock, "now", lambda: order.append("time") or trial.now)
    real = connection.execute_wrapper

    def watch(execute: Any, sql: str, *rest: Any) -> Any:
        if "FOR NO KEY UPDATE" in sql:
            order.append("lock")
        return execute(sql, *rest)

    with real(watch), study_change(trial.study, by=trial.manager, reason="by hand") as change:
        assert change.now == trial.now

    assert order == ["lock", "time"]


def test_change_gives_one_revision_to_the_outermost(trial: Conduct) -> None:
    before = revision_of(trial)

    with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()) as outer:
        with study_change(
            trial.study, by=trial.monitor, reason="by hand", now=trial.tick()
        ) as inner:
            inner.record("NOTE", "Inner.")
        outer.record("NOTE", "Outer.")
        assert inner is outer

    assert revision_of(trial) == before + 1
    assert outer.study.revision == before + 1
    notes = Event.objects.filter(kind="NOTE").values_list("sentence", "revision")
    assert list(notes) == [("Inner.", before + 1), ("Outer.", before + 1)]


def test_change_of_a_second_study_inside_is_refused(trial: Conduct) -> None:
    other = make_trial(key="other")

    with (
        refused("one_study_a_change"),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
        study_change(other.study, by=other.manager, reason="by hand", now=trial.tick()),
    ):
        pass


def test_change_after_a_refused_one_starts_afresh(trial: Conduct) -> None:
    other = make_trial(key="other")
    with (
        pytest.raises(Refused),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()),
    ):
        raise Refused("no", "No.")

    with study_change(other.study, by=other.manager, reason="by hand", now=trial.tick()) as change:
        assert change.study == other.study


@pytest.mark.parametrize("part", ["ntrust.change.write_events", "ntrust.events.plan_notifications"])
def test_change_is_undone_when_its_event_or_notifications_fail(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def fail(*args: Any, **named: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(part, fail)
    before = fingerprint()

    with pytest.raises(RuntimeError, match="disk is full"):
        place_hold(
            trial.study,
            scope=HoldScope.STUDY,
            reason="a signal in another trial",
            by=trial.monitor,
            now=trial.tick(),
        )

    assert fingerprint() == before
    assert not Hold.objects.filter(rule="PERSON").exists()


def test_change_commits_events_and_notifications_with_the_rows(trial: Conduct) -> None:
    before = revision_of(trial)

    hold = place_hold(
        trial.study,
        scope=HoldScope.STUDY,
        reason="a signal in another trial",
        by=trial.monitor,
        now=trial.tick(),
    )

    event = Event.objects.get(revision=before + 1, kind="HOLD_PLACED")
    told = Notification.objects.filter(event=event).values_list("recipient__username", "is_urgent")
    assert hold.placed_at == event.at == trial.now
    assert sorted(told) == [
        ("investigator-trial-1", True),
        ("manager-trial", True),
        ("monitor-trial", True),
        ("pharmacist-trial-1", True),
    ]


def test_rules_run_once_at_the_end(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    monkeypatch.setattr(
        change_module, "_functions", lambda names: [lambda change: runs.append(len(names))]
    )

    with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()):
        with study_change(trial.study, by=trial.manager, reason="by hand", now=trial.tick()):
            pass
        assert len(runs) == 1, "moments that have passed, and no rules yet"

    assert len(runs) == 2


def test_moments_that_passed_are_applied_before_anything_else(trial: Conduct) -> None:
    window = DltWindow.objects.filter(participant__study=trial.study).first()
    assert window is not None
    assert window.closes_at is not None
    assert window.state == "OPEN"

    with study_change(
        trial.study, by=trial.manager, reason="by hand", now=window.closes_at + timedelta(hours=1)
    ):
        states = set(DltWindow.objects.values_list("state", flat=True))
        is_over = set(Outcome.objects.values_list("is_window_over", flat=True))

    assert states == {"AWAITING_STATEMENT"}
    assert is_over == {True}


def test_moment_is_not_applied_a_minute_early_and_is_at_the_moment(trial: Conduct) -> None:
    window = DltWindow.objects.filter(participant__study=trial.study).first()
    assert window is not None
    assert window.closes_at is not None

    for moment, expected in (
        (window.closes_at - timedelta(minutes=1), "OPEN"),
        (window.closes_at, "AWAITING_STATEMENT"),
    ):
        with study_change(trial.study, by=None, reason="by hand", now=moment):
            pass
        window.refresh_from_db()
        assert window.state == expected


def test_refused_action_undoes_the_moments_it_applied(trial: Conduct) -> None:
    trial.now += timedelta(days=40)

    with (
        refused("nothing"),
        study_change(trial.study, by=trial.manager, reason="by hand", now=trial.now),
    ):
        raise Refused("nothing", "Nothing to do.")

    assert set(DltWindow.objects.values_list("state", flat=True)) == {"OPEN"}


def test_change_by_the_service_names_nobody(trial: Conduct) -> None:
    before = revision_of(trial)
    trial.now += timedelta(days=40)

    with study_change(trial.study, by=None, reason="a moment has passed", now=trial.now):
        pass

    assert kinds_since(trial, before) == ["STATEMENT_DUE", "STATEMENT_DUE"]
    assert set(Event.objects.filter(revision__gt=before).values_list("by", flat=True)) == {None}


def test_intermediate_answers_are_told_to_nobody(trial: Conduct) -> None:
    """Two DLTs in one change: the answer after the first is never stored."""
    people = seat(trial, 1)
    treat(trial, people)
    before = revision_of(trial)
    verdicts = trial.study.recommendations.count()

    later = trial.now + timedelta(minutes=10)
    with study_change(trial.study, by=trial.crews[0].investigator, reason="by hand", now=later):
        for outcome in Outcome.objects.filter(study=trial.study)[:2]:
            report_dlt_of(trial, outcome.participant)

    assert trial.study.recommendations.count() == verdicts + 1
    assert revision_of(trial) == before + 1
    assert answer_of(trial) == ("STOP", None)
