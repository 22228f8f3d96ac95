"""The outbox: planned with the change, claimed, sent, marked; one bad row stops no other."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends import locmem

from cohorts.actions import place_hold
from ntrust.models import Delivery, Event, Notification, Study, User
from ntrust.notifications import (
    FIRST_RETRY,
    MOST_ATTEMPTS,
    compose,
    deliver_due,
)
from ntrust.notifications.delivering import ORPHAN_AFTER
from ntrust.policies import roles_of
from safety.actions import pass_time_everywhere
from safety.management.conduct import Conduct
from tests.factories import (
    PASSWORD,
    make_trial,
    open_level,
    report_dlt_of,
    run_cohort,
    shared_trial,
)
from tests.lifting import lift_hold

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "PP")
    return trial


_built, trial = shared_trial(build)


@pytest.fixture(autouse=True)
def _sent_before(trial: Conduct) -> None:
    """What the set-up planned is out of the way."""
    deliver_due(now=trial.now)
    mail.outbox.clear()


def hold(trial: Conduct, reason: str = "a signal elsewhere") -> list[Notification]:
    """Four are told, urgently: central people and both sites' crews."""
    placed = place_hold(
        trial.study, scope="STUDY", reason=reason, by=trial.monitor, now=trial.tick()
    )
    rows = Notification.objects.filter(event__kind="HOLD_PLACED", planned_at=placed.placed_at)
    return list(rows.order_by("id"))


def fail_with(monkeypatch: pytest.MonkeyPatch, error: Exception | None) -> None:
    def send(self: Any, messages: Any) -> int:
        if error is not None:
            raise error
        mail.outbox.extend(messages)
        return len(messages)

    monkeypatch.setattr(locmem.EmailBackend, "send_messages", send)


def delivery(row: Notification) -> Delivery:
    return Delivery.objects.get(notification=row)


def test_urgent_event_that_concerns_nobody_is_told_to_manager_and_monitor(trial: Conduct) -> None:
    rules = {"HOLD_PLACED": {"roles": ["PHARMACIST"], "urgent": True}}
    Study.objects.filter(pk=trial.study.pk).update(notification_rules=rules)
    User.objects.filter(memberships__role="PHARMACIST").update(is_active=False)

    told = hold(trial)

    assert {row.recipient for row in told} == {trial.manager, trial.monitor}
    assert all(row.is_urgent for row in told)


def test_sent_once_to_each_with_its_marks(trial: Conduct, settings: Any) -> None:
    settings.NTRUST_MODE = "training"
    rows = hold(trial)

    sent = deliver_due(now=trial.now)

    assert (sent, deliver_due(now=trial.now)) == (6, 0)
    assert sorted(message.to[0] for message in mail.outbox) == sorted(
        row.recipient.email for row in rows
    )
    message = mail.outbox[0]
    assert message.subject == "[TRAINING] [URGENT] TEST-001: Hold on the study."
    assert message.extra_headers["X-Ntrust-Notification"] == str(rows[0].pk)
    row = delivery(rows[0])
    assert (row.state, row.sent_at, row.attempts) == ("SENT", trial.now, 1)


def test_production_has_no_training_mark(trial: Conduct, settings: Any) -> None:
    settings.NTRUST_MODE = "production"

    assert compose(hold(trial)[0]).subject.startswith("[URGENT] TEST-001")


def test_urgent_goes_first(trial: Conduct) -> None:
    trial.now += timedelta(days=40)
    pass_time_everywhere(now=trial.now)
    hold(trial)

    deliver_due(now=trial.now, most=6)

    assert len(mail.outbox) == 6
    assert all("URGENT" in message.subject for message in mail.outbox)


def test_site_scope_tells_that_site_only(trial: Conduct) -> None:
    trial.now += timedelta(days=40)
    pass_time_everywhere(now=trial.now)

    told = Notification.objects.filter(event__kind="STATEMENT_DUE")
    names = set(told.values_list("recipient__username", flat=True))
    assert names == {"manager-trial", "investigator-trial-1"}


def test_closed_account_and_ended_role_are_not_told(trial: Conduct) -> None:
    User.objects.filter(pk=trial.crews[0].pharmacist.pk).update(is_active=False)
    trial.crews[1].pharmacist.memberships.update(revoked_at=trial.now, revoked_by=trial.manager)
    assert not roles_of(trial.crews[1].pharmacist, trial.study)

    rows = hold(trial)

    names = {row.recipient.username for row in rows}
    assert len(names) == 4
    assert not any(name.startswith("pharmacist") for name in names)


def test_replayed_trial_tells_nobody() -> None:
    trial = make_trial(key="replayed", is_replay=True)

    assert hold(trial) == []


def test_details_stay_out_of_the_mail(trial: Conduct) -> None:
    report = report_dlt_of(trial, trial.study.participants.earliest("id"))
    trial.adjudicate(report, reason="ICANS grade 3 on Day 18")
    reason = "neurotoxicity seen in the sister trial"
    hold(trial, reason)
    placed = trial.study.holds.get(rule="PERSON")
    lift_hold(placed, by=trial.monitor, password=PASSWORD, reason="fits seized", now=trial.tick())

    words = [
        word.lower()
        for row in Notification.objects.filter(deliveries__state="PLANNED")
        for part in (compose(row).subject, str(compose(row).body))
        for word in part.split()
    ]

    assert Event.objects.filter(sentence__contains="ICANS").exists()
    assert {"p-001:", "confirmed."} <= set(words)
    assert not {"icans", "neurotoxicity", "fits", "seized", "cytokine", "grade"} & set(words)


# --- When sending fails ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [ConnectionRefusedError(111, "refused"), ValueError("a header with a newline")]
)
def test_failed_row_is_tried_again_later_and_later(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    row = hold(trial)[0]
    fail_with(monkeypatch, error)
    tries: list[datetime] = []
    now = trial.now
    while delivery(row).state == "PLANNED":
        tries.append(now)
        assert deliver_due(now=now, most=20) == 0
        assert deliver_due(now=now + FIRST_RETRY, most=20) == 0, "not before its time"
        now = delivery(row).next_try_at

    sent = delivery(row)
    waits = [(later - before) / FIRST_RETRY for before, later in pairwise(tries)]
    doubling = [2.0**n for n in range(1, MOST_ATTEMPTS)]
    assert all(n <= wait < 1.25 * n for n, wait in zip(doubling, waits, strict=True))
    assert len({wait / n for n, wait in zip(doubling, waits, strict=True)}) > 1, "by chance"
    assert (sent.state, sent.attempts) == ("FAILED", MOST_ATTEMPTS)
    assert type(error).__name__ in sent.failure
    assert deliver_due(now=now + timedelta(days=9)) == 0


def test_row_that_failed_is_sent_when_the_server_is_back(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = hold(trial)[0]
    fail_with(monkeypatch, ConnectionRefusedError(111, "refused"))
    deliver_due(now=trial.now, most=20)
    fail_with(monkeypatch, None)

    sent = deliver_due(now=trial.now + 4 * FIRST_RETRY)

    last = delivery(row)
    assert (sent, last.state, last.attempts, last.failure) == (6, "SENT", 2, "")


def test_one_bad_row_stops_no_other(trial: Conduct) -> None:
    User.objects.filter(pk=trial.manager.pk).update(email="manager@example.org\nBcc: all@x.org")
    rows = hold(trial)

    sent = deliver_due(now=trial.now)

    states = {row.recipient_id: delivery(row).state for row in rows}
    assert sent == 5
    assert states.pop(trial.manager.pk) == "PLANNED"
    assert set(states.values()) == {"SENT"}


def test_reason_of_two_lines_is_sent(trial: Conduct) -> None:
    hold(trial, "first line\nsecond line")

    assert deliver_due(now=trial.now) == 6


def test_account_without_an_address_is_never_marked_as_told(trial: Conduct) -> None:
    User.objects.filter(pk=trial.manager.pk).update(email="")
    rows = hold(trial)

    deliver_due(now=trial.now)

    row = next(delivery(row) for row in rows if row.recipient_id == trial.manager.pk)
    assert (row.state, row.attempts) == ("FAILED", 1), "no use in trying again"
    assert row.failure == "Undeliverable: the account has no address"


def test_claim_of_a_dead_sender_is_taken_back(trial: Conduct) -> None:
    row = hold(trial)[0]
    Delivery.objects.filter(notification=row).update(
        state="SENDING", claimed_at=trial.now, attempts=1
    )

    assert deliver_due(now=trial.now + ORPHAN_AFTER - timedelta(seconds=1)) == 5
    assert deliver_due(now=trial.now + ORPHAN_AFTER) == 1

    assert (delivery(row).state, delivery(row).attempts) == ("SENT", 2)


def test_one_notification_a_person_and_event(trial: Conduct) -> None:
    rows = hold(trial)

    assert len({(row.event_id, row.recipient_id) for row in rows}) == len(rows) == 6


def test_holds_reach_each_person_in_their_order(trial: Conduct) -> None:
    """The lifting waits behind a hold that could not be sent yet, for that person alone."""
    rules = {**trial.study.notification_rules, "HOLD_LIFTED": {"roles": ["STUDY_MANAGER"]}}
    Study.objects.filter(pk=trial.study.pk).update(notification_rules=rules)
    hold(trial)
    placed = trial.study.holds.get(rule="PERSON")
    User.objects.filter(pk=trial.manager.pk).update(email="manager@example.org\nBcc: all@x.org")
    deliver_due(now=trial.now)
    lift_hold(placed, by=trial.monitor, password=PASSWORD, reason="no signal", now=trial.tick())
    mail.outbox.clear()

    deliver_due(now=trial.now)

    lifted = Delivery.objects.get(notification__event__kind="HOLD_LIFTED")
    assert (lifted.state, lifted.attempts) == ("PLANNED", 0)
    User.objects.filter(pk=trial.manager.pk).update(email="manager@example.org")
    deliver_due(now=trial.now + timedelta(hours=1))
    subjects = [message.subject for message in mail.outbox if message.to == ["manager@example.org"]]
    assert subjects == [
        "[URGENT] TEST-001: Hold on the study.",
        "TEST-001: Hold lifted.",
    ]
