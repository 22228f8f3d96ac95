"""Whether somebody stands in for the queue, what pages say of it, and the jobs beat forgot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery import current_app
from django.core import mail
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from cohorts.actions import place_hold
from ntrust import sweeper as sweeping
from ntrust.jobs import periodic_names
from ntrust.models import Delivery, JobRun, Notification, Seal, Watch
from ntrust.notifications.nudging import DELIVER_TASK
from ntrust.standing import KEPT, NEWS_LAST, read_news, read_outbox
from ntrust.sweeper import GRACE, Sweeper, note_watch
from safety.management.conduct import Conduct
from tests.factories import make_trial, shared_trial

pytestmark = pytest.mark.django_db

SEAL = "ntrust.tasks.seal_history"
NOW = datetime(2026, 11, 23, 14, 2, tzinfo=UTC)


_built, trial = shared_trial(make_trial)


def hold(trial: Conduct) -> datetime:
    """Four are told, urgently."""
    placed = place_hold(
        trial.study, scope="STUDY", reason="a signal", by=trial.monitor, now=trial.tick()
    )
    return placed.placed_at


def test_news_name_the_trouble_and_since_when(trial: Conduct) -> None:
    note_watch("DOWN", now=NOW)
    note_watch("DOWN", now=NOW + timedelta(minutes=3))

    news = read_news(now=NOW + timedelta(minutes=3, seconds=10))

    assert news is not None
    assert not news.is_grave
    assert news.sentence == (
        "The queue is down since 14:02 UTC: alerts go out through the database, up to 5 s later."
    )


def test_news_of_yesterday_say_the_day(trial: Conduct) -> None:
    note_watch("IDLE", now=NOW)
    later = NOW + timedelta(days=1)
    note_watch("IDLE", now=later)

    news = read_news(now=later)

    assert news is not None
    assert news.sentence.startswith("Nothing works on the queue since 23-Nov-2026 14:02 UTC: ")


def test_news_end_with_the_trouble_and_with_whoever_watches(trial: Conduct) -> None:
    note_watch("DOWN", now=NOW)
    assert read_news(now=NOW + NEWS_LAST) is None

    note_watch("", now=NOW)
    assert read_news(now=NOW) is None
    note_watch("DOWN", now=NOW + timedelta(hours=1))
    watch = Watch.objects.get()
    assert watch.standing_in_since == NOW + timedelta(hours=1)


def test_news_are_grave_when_nobody_sends(trial: Conduct) -> None:
    at = hold(trial)

    assert read_news(now=at + timedelta(seconds=59)) is None
    news = read_news(now=at + timedelta(seconds=60))

    assert news is not None
    assert news.is_grave
    assert news.sentence == (
        f"Alerts are not going out: urgent messages wait since {at:%H:%M} UTC. "
        "Telephone those who must know."
    )
    Delivery.objects.update(attempts=1)
    assert read_news(now=at + timedelta(seconds=60)) is None, "somebody has tried"


@pytest.fixture
def fresh_news(settings: Settings) -> Iterator[None]:
    """Pages read the queue's news anew each time."""
    settings.QUEUE_NEWS_SECONDS = 0
    KEPT.until = 0
    yield
    KEPT.news, KEPT.until = None, float("inf")


def test_every_page_says_it_while_it_is_true(
    trial: Conduct, client: Client, fresh_news: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ntrust.clock.now", lambda: NOW)
    client.force_login(trial.manager)
    said = "The queue is down since 14:02 UTC"
    note_watch("DOWN", now=NOW)

    assert said in client.get(f"/studies/{trial.study.key}/").content.decode()
    assert said in client.get(f"/manage/{trial.study.key}/").content.decode()
    note_watch("", now=NOW)
    assert "The queue" not in client.get(f"/studies/{trial.study.key}/").content.decode()
    note_watch("DOWN", now=NOW)
    live = f"/live/{trial.study.key}"
    assert client.get(f"{live}/revision/").json()["news"].startswith(said)
    assert '<div data-part="queue">' in client.get(f"{live}/parts/holds/").content.decode()
    note_watch("", now=NOW)
    assert "news" not in client.get(f"{live}/revision/").json()
    assert "queue" not in client.get(f"{live}/parts/holds/").content.decode()
    client.logout()
    note_watch("DOWN", now=NOW)
    assert said not in client.get("/accounts/login/").content.decode()


def test_worker_has_what_is_due_to_itself_for_a_moment(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = hold(trial)
    sweeper = Sweeper()

    monkeypatch.setattr("ntrust.clock.now", lambda: at + GRACE - timedelta(seconds=1))
    assert sweeper.sweep("") == 0
    monkeypatch.setattr("ntrust.clock.now", lambda: at + GRACE)
    assert sweeper.sweep("") == 4

    assert len(mail.outbox) == 4


def test_nothing_is_left_to_a_queue_in_trouble(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = hold(trial)
    monkeypatch.setattr("ntrust.clock.now", lambda: at)

    assert Sweeper().sweep("DOWN") == 4


def test_queue_that_nobody_works_on_is_found_out(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeper = Sweeper()
    later = sweeper.began + timedelta(seconds=91)
    monkeypatch.setattr(sweeping, "broker_answers", lambda: True)

    assert sweeper.look(now=sweeper.began + timedelta(seconds=90)) == ""
    assert sweeper.look(now=later) == "IDLE"
    JobRun.objects.create(name=DELIVER_TASK, queued_at=later)
    assert sweeper.look(now=later) == ""
    monkeypatch.setattr(sweeping, "broker_answers", lambda: False)
    assert sweeper.look(now=later) == "DOWN"


def test_broker_that_is_away_does_not_answer(settings: Settings) -> None:
    assert sweeping.broker_answers()
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert not sweeping.broker_answers()


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The periodic jobs, each replaced by a note that it ran."""
    current_app.loader.import_default_modules()
    names: list[str] = []
    for name in periodic_names():
        task = current_app.tasks[name]
        monkeypatch.setattr(task, "run", lambda name=name: names.append(name))
    return names


def test_jobs_that_beat_forgot_are_done_at_their_pace(
    trial: Conduct, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeper = Sweeper()
    minutes = [sweeper.began + timedelta(minutes=n) for n in range(12)]

    for now in minutes:
        monkeypatch.setattr("ntrust.clock.now", lambda now=now: now)
        sweeper.do_silent_jobs(now=now)

    assert ran.count("safety.tasks.pass_time") == 9, "from the third minute on, each minute"
    assert ran.count(SEAL) == 1, "five minutes' work: missed twice, then done"
    assert DELIVER_TASK not in ran


def test_jobs_that_beat_asks_for_are_left_to_the_worker(trial: Conduct, ran: list[str]) -> None:
    sweeper = Sweeper()
    now = sweeper.began + timedelta(hours=1)
    for name in periodic_names():
        JobRun.objects.create(name=name, queued_at=now - timedelta(seconds=20))

    assert sweeper.do_silent_jobs(now=now) == []
    assert ran == []


def test_job_that_fails_stops_no_other(
    trial: Conduct, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ValueError("on purpose")

    monkeypatch.setattr(current_app.tasks["safety.tasks.pass_time"], "run", fail)
    sweeper = Sweeper()

    sweeper.do_silent_jobs(now=sweeper.began + timedelta(days=1))

    assert sorted(ran) == sorted(periodic_names() - {DELIVER_TASK, "safety.tasks.pass_time"})


def test_job_is_noted_when_it_has_run(trial: Conduct, ran: list[str]) -> None:
    current_app.tasks[SEAL]()

    assert ran == [SEAL]
    note = JobRun.objects.get(name=SEAL)
    assert note.ran_at is not None
    assert note.queued_at is None, "the queue did not ask for it"


def test_missed_hours_are_caught_up(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beat was away for two days: one run of each job does all that fell due meanwhile."""
    hold(trial)
    waiting = Notification.objects.filter(is_urgent=True).earliest("id")
    Notification.objects.filter(pk=waiting.pk).update(is_urgent=False, waits_for_digest=True)
    later = trial.now + timedelta(days=2)
    sweeper = Sweeper()
    sweeper.began = trial.now
    monkeypatch.setattr("ntrust.clock.now", lambda: later)
    current_app.loader.import_default_modules()

    assert set(sweeper.do_silent_jobs(now=later)) == periodic_names() - {DELIVER_TASK}

    waiting.refresh_from_db()
    assert waiting.digest is not None
    assert Seal.objects.exists()
    assert set(JobRun.objects.values_list("ran_at", flat=True)) == {later}
    assert sweeper.do_silent_jobs(now=later) == [], "it has just been done"


def test_figures_of_the_outbox(trial: Conduct, capsys: Any) -> None:
    at = hold(trial)
    Delivery.objects.filter(pk=Delivery.objects.earliest("id").pk).update(attempts=2)

    figures = read_outbox(now=at + timedelta(seconds=30))

    assert (figures.waiting, figures.urgent, figures.oldest_seconds) == (4, 4, 30)
    assert (figures.retried, figures.failed, figures.trouble) == (1, 0, "UNWATCHED")
    call_command("alerts")
    said = capsys.readouterr().out
    assert "4  messages not sent yet" in said
    assert "Alerts are not going out" in said
