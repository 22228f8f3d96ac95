"""A locked study keeps no alert waiting: real locks, several connections, and nobody sleeps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from cohorts.models import Participant
from ntrust.change import study_change, waiting_at_most
from ntrust.errors import Refused
from ntrust.models import Study
from safety.actions import pass_time_everywhere, raise_alert, report_event
from safety.actions.inbox import Received
from safety.management.conduct import Conduct
from safety.models import AdverseEvent, DltReport, InboxAlert, InboxResult
from tests.committed import CommittedDb
from tests.factories import answer_of, letters_at, make_trial, open_level, run_cohort

LIMIT = timedelta(milliseconds=50)


def treated() -> Conduct:
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "PPP")
    return trial


def people_of(trial: Conduct) -> list[Participant]:
    return list(trial.study.participants.order_by("id"))


def entry(trial: Conduct, person: Participant) -> dict[str, Any]:
    return {
        "term": "Cytokine release",
        "onset_at": trial.now,
        "grade": 4,
        "grading_system": "CTCAE v5.0",
        "causality": "POSSIBLE",
        "criterion": "NOW",
        "by": trial.investigator_of(person),
        "now": trial.now,
    }


@contextmanager
def study_held(trial: Conduct) -> Iterator[Callable[[], None]]:
    """Another connection changes the study until it is told to end; what is given ends it."""
    begun, end = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with study_change(trial.study, by=trial.manager, now=trial.now):
                begun.set()
                assert end.wait(60)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert begun.wait(60)

    def release() -> None:
        end.set()
        thread.join(60)
        assert not thread.is_alive()

    try:
        yield release
    finally:
        release()


def in_thread(do: Callable[[], Any]) -> Any:
    """Run on a connection of its own; the result, or the exception."""
    found: list[Any] = []

    def run() -> None:
        try:
            found.append(do())
        except Exception as error:
            found.append(error)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    return found[0]


def test_without_the_inbox_the_alert_is_lost(committed_db: CommittedDb) -> None:
    """The positive control."""
    trial = treated()
    person = people_of(trial)[0]

    with study_held(trial), waiting_at_most(LIMIT), pytest.raises(Refused) as caught:
        report_event(person, **entry(trial, person))

    assert caught.value.code == "study_busy"
    assert pass_time_everywhere(now=trial.now) == 0
    assert not AdverseEvent.objects.exists()


def test_alert_is_kept_beside_the_lock_and_applied_by_the_next_change(
    committed_db: CommittedDb,
) -> None:
    trial = treated()
    person = people_of(trial)[0]

    with study_held(trial) as release:
        received = raise_alert("EVENT", person, limit=LIMIT, **entry(trial, person))
        assert isinstance(received.kept, InboxAlert)
        assert not AdverseEvent.objects.exists()
        release()

    assert not AdverseEvent.objects.exists()
    trial.screen(disease="lupus nephritis")
    assert letters_at(trial, 1) == "TPP"
    assert InboxResult.objects.get().result == "APPLIED"
    answer_of(trial)


def test_many_alerts_under_one_lock_are_each_applied_once(committed_db: CommittedDb) -> None:
    trial = treated()
    people = people_of(trial)

    with study_held(trial):
        received = [
            in_thread(lambda one=one: raise_alert("EVENT", one, limit=LIMIT, **entry(trial, one)))
            for one in people
        ]
        assert all(isinstance(each, Received) and each.kept for each in received)
    revision = Study.objects.get().revision
    at_once = [threading.Thread(target=in_thread, args=[_beat(trial)]) for _ in range(4)]
    for thread in at_once:
        thread.start()
    for thread in at_once:
        thread.join(60)

    assert letters_at(trial, 1) == "TTT"
    assert DltReport.objects.count() == 3
    assert InboxResult.objects.filter(result="APPLIED").count() == 3
    assert Study.objects.get().revision > revision
    answer_of(trial)


def _beat(trial: Conduct) -> Callable[[], int]:
    return lambda: pass_time_everywhere(now=trial.now)


def test_clocks_do_not_wait_for_a_study_that_stays_locked(committed_db: CommittedDb) -> None:
    trial = treated()
    person = people_of(trial)[0]
    other = make_trial(key="other")
    crew = other.crews[0].investigator
    waits = other.consent(disease="lupus nephritis")

    with study_held(trial):
        raise_alert("EVENT", person, limit=LIMIT, **entry(trial, person))
        InboxAlert.objects.create(
            study=other.study,
            kind="EVENT",
            content={},
            content_hash="",
            trouble="something",
            received_at=other.now,
            received_by=crew,
        )
        assert pass_time_everywhere(now=trial.now, limit=LIMIT) == 1

    assert InboxResult.objects.get().alert.study == other.study
    assert waits.study == other.study
    assert pass_time_everywhere(now=trial.now) == 1
    assert letters_at(trial, 1) == "TPP"
