"""Two words at once, and a word at the instant the next one would be told: real commits."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection

from ntrust.actions import acknowledge
from ntrust.actions import acknowledging as words
from ntrust.actions import escalating as silence
from ntrust.errors import Refused
from ntrust.models import Delivery, Event, Notification
from ntrust.notifications.chains import lock_rows_of
from ntrust.states import AcknowledgedWhere
from safety.actions import pass_time_everywhere
from safety.management.conduct import Conduct
from tests.awaiting import build_awaiting, hold_site, person, said, told, told_to
from tests.committed import CommittedDb
from tests.factories import fingerprint

PATIENCE = 20.0
LIMIT = 1.0
"""How long one waits for another who may not come: then that one waits at the lock."""


def say(row: Notification, trial: Conduct, where: AcknowledgedWhere) -> Notification:
    return acknowledge(row, by=row.recipient, where=where, now=trial.now)


def at_once(*does: Callable[[], Any]) -> list[Any]:
    """Run each on a connection of its own, all begun together; results, or what they refused."""
    start, found = threading.Barrier(len(does)), [None] * len(does)

    def run(n: int, do: Callable[[], Any]) -> None:
        try:
            start.wait(PATIENCE)
            found[n] = do()
        except Exception as error:
            found[n] = error  # type: ignore[call-overload]
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(does)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return found


def meet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has checked a word waits until the other one has too, or cannot."""
    both, check = threading.Barrier(2), words.check_acknowledge

    def check_and_wait(*given: Any, **named: Any) -> None:
        check(*given, **named)
        try:
            both.wait(LIMIT)
        except threading.BrokenBarrierError:
            return

    monkeypatch.setattr(words, "check_acknowledge", check_and_wait)


def two_words(trial: Conduct) -> tuple[Event, list[Any]]:
    """The two investigators of a site, by inbox and by link."""
    event = hold_site(trial)
    rows = [told_to(event, person("sub-1")), told_to(event, trial.crews[0].investigator)]
    ways = [AcknowledgedWhere.INBOX, AcknowledgedWhere.MAIL]
    does = [lambda r=row, w=way: say(r, trial, w) for row, way in zip(rows, ways, strict=True)]
    return event, at_once(*does)


def given(event: Event) -> list[Notification]:
    return list(Notification.objects.filter(event=event, acknowledged_at__isnull=False))


def test_without_the_lock_nobody_hears_that_the_word_was_given(
    committed_db: CommittedDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The positive control: two words, or one and a deadlock."""
    trial = build_awaiting()
    monkeypatch.setattr(words, "lock_rows_of", lambda events: None)
    meet(monkeypatch)

    event, found = two_words(trial)

    assert not [one for one in found if isinstance(one, Refused)]
    assert len(given(event)) == 2 or [one for one in found if isinstance(one, OperationalError)]


def test_of_two_words_at_once_one_is_that_of_the_group(
    committed_db: CommittedDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = build_awaiting()
    meet(monkeypatch)

    event, found = two_words(trial)

    (refused,) = [one for one in found if isinstance(one, Refused)]
    (row,) = given(event)
    assert refused.code == "already_acknowledged"
    group = Notification.objects.filter(event=event, role="INVESTIGATOR")
    assert {one.answer_id for one in group} == {row.pk}


def test_one_person_twice_at_once_is_one_word(
    committed_db: CommittedDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = build_awaiting()
    row = told_to(hold_site(trial), trial.crews[0].investigator)
    meet(monkeypatch)

    ways = (AcknowledgedWhere.MAIL, AcknowledgedWhere.INBOX)
    found = at_once(*(lambda w=way: say(row, trial, w) for way in ways))

    codes = [one.code for one in found if isinstance(one, Refused)]
    assert codes == ["already_acknowledged"]
    (done,) = [one for one in found if isinstance(one, Notification)]
    row.refresh_from_db()
    assert row.acknowledged_where == done.acknowledged_where
    words_kept = row.row_history.filter(acknowledged_at__isnull=False)
    assert set(words_kept.values_list("acknowledged_where", flat=True)) == {row.acknowledged_where}


def silent(trial: Conduct) -> Event:
    """A hold of which the investigators' word alone is awaited, and its time is over."""
    event = hold_site(trial)
    say(told_to(event, trial.crews[0].pharmacist), trial, AcknowledgedWhere.INBOX)
    trial.now = told_to(event, person("sub-1")).acknowledge_by
    return event


def race(trial: Conduct, event: Event) -> Any:
    """The word and the job at the same instant; what became of the word."""
    row = told_to(event, trial.crews[0].investigator)
    word, job = at_once(
        lambda: say(row, trial, AcknowledgedWhere.MAIL),
        lambda: pass_time_everywhere(now=trial.now),
    )
    assert isinstance(job, int)
    return word


def test_nobody_else_is_told_once_the_word_is_under_way(
    committed_db: CommittedDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = build_awaiting()
    event = silent(trial)
    arrived, check = threading.Event(), words.check_acknowledge

    def check_late(*given: Any, **named: Any) -> None:
        check(*given, **named)
        assert arrived.wait(PATIENCE)

    monkeypatch.setattr(words, "check_acknowledge", check_late)
    locked = threading.Event()

    def lock_first(events: Any) -> None:
        lock_rows_of(events)
        locked.set()

    def lock_second(events: Any) -> None:
        assert locked.wait(PATIENCE)
        arrived.set()
        lock_rows_of(events)

    monkeypatch.setattr(words, "lock_rows_of", lock_first)
    monkeypatch.setattr(silence, "lock_rows_of", lock_second)
    mails = Delivery.objects.count()

    word = race(trial, event)

    assert isinstance(word, Notification)
    assert (told(event, step=1), said("ALERT_ESCALATED")) == ([], [])
    assert Delivery.objects.count() == mails
    assert not Notification.objects.filter(event=event, seen_to_at__isnull=True).exists()


def test_whoever_was_told_first_is_answered_for_by_the_word(
    committed_db: CommittedDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = build_awaiting()
    event = silent(trial)
    arrived, locked = threading.Event(), threading.Event()

    def lock_first(events: Any) -> None:
        lock_rows_of(events)
        locked.set()
        assert arrived.wait(PATIENCE)

    def lock_second(events: Any) -> None:
        assert locked.wait(PATIENCE)
        arrived.set()
        lock_rows_of(events)

    monkeypatch.setattr(silence, "lock_rows_of", lock_first)
    monkeypatch.setattr(words, "lock_rows_of", lock_second)

    word = race(trial, event)

    assert isinstance(word, Notification)
    assert told(event, step=1) == ["monitor-2", "monitor-trial"]
    assert len(said("ALERT_ESCALATED")) == 1
    chain = Notification.objects.filter(event=event).exclude(role="PHARMACIST")
    assert {row.answer_id for row in chain} == {word.pk}
    after = fingerprint()
    pass_time_everywhere(now=trial.now)
    assert fingerprint() == after, "nobody is told twice"


def test_in_whatever_order_they_come_all_of_one_outcome_is_there(
    committed_db: CommittedDb,
) -> None:
    trial = build_awaiting()
    event = silent(trial)

    word = race(trial, event)

    assert isinstance(word, Notification)
    deputies = Notification.objects.filter(event=event, step=1)
    assert len(said("ALERT_ESCALATED")) == (1 if deputies else 0)
    assert Delivery.objects.filter(notification__in=deputies).count() == len(deputies)
    assert {row.answer_id for row in deputies} <= {word.pk}
