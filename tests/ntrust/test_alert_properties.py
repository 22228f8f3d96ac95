"""Whatever happens, in any order: nothing urgent ends unsent, and no deputy is told too soon."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from smtplib import SMTPServerDisconnected

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cohorts.actions import place_hold
from cohorts.models import Hold
from ntrust.actions import acknowledge, set_preferences
from ntrust.errors import Refused
from ntrust.models import Delivery, Membership, Notification
from ntrust.notifications import MOST_ATTEMPTS, deliver_due, delivering, make_digests
from ntrust.states import AcknowledgedWhere, DeliveryState
from safety.actions import pass_time_everywhere
from safety.management.conduct import Conduct
from tests.factories import EVERYBODY, NOTIFICATIONS, PASSWORD, make_trial, shared_trial
from tests.lifting import lift_hold

pytestmark = pytest.mark.django_db

MINUTES = 30
ASKED = {"minutes": MINUTES, "then": ["STUDY_MANAGER", "MEDICAL_MONITOR"]}
TOLD = {
    **NOTIFICATIONS,
    "HOLD_PLACED": {"roles": ["INVESTIGATOR"], "urgent": True, "acknowledge": ASKED},
    "HOLD_LIFTED": {"roles": EVERYBODY, "urgent": True},
    "LIFT_PROPOSED": {"roles": EVERYBODY, "when": "digest"},
}


def build() -> Conduct:
    return make_trial(sites=2, conduct={"notifications": TOLD})


_built, trial = shared_trial(build)


@dataclass
class World:
    """The trial, its clock, and a mail server of moods."""

    trial: Conduct
    now: datetime
    mood: str = "well"
    refused: str = ""
    """An address that the server will never take, while its mood is "refuses"."""
    mailbox: list[str] = field(default_factory=list)

    def mail(self, line: object, row: Delivery) -> None:
        """In place of the mail server: CHANNELS leads here."""
        told = row.notification.recipient.email if row.notification else ""
        if self.mood == "gone":
            raise ConnectionRefusedError("gone")
        if self.mood == "refuses" and told == self.refused:
            raise delivering.Undeliverable("no such address")
        self.mailbox.append(str(row.key))
        if self.mood == "drops":
            raise SMTPServerDisconnected("before the answer")

    def change(self) -> None:
        """Lift the hold that is in force, or place one."""
        held = Hold.objects.filter(study=self.trial.study, state="PLACED").first()
        by = self.trial.monitor
        if held is None:
            place_hold(self.trial.study, scope="STUDY", reason="news", by=by, now=self.now)
        else:
            lift_hold(held, by=by, password=PASSWORD, reason="read", now=self.now)

    def wait(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    def work(self) -> None:
        """What beat asks for."""
        pass_time_everywhere(now=self.now)
        make_digests(now=self.now)
        deliver_due(now=self.now, most=40)

    def end(self) -> None:
        """The mail server is well again, but for an address it refuses; time passes until nothing
        is left to do."""
        self.mood = "refuses" if self.mood == "refuses" else "well"
        for _ in range(4 * MOST_ATTEMPTS):
            self.wait(120)
            before = Notification.objects.count()
            self.work()
            is_open = Delivery.objects.filter(state__in=["PLANNED", "SENDING"]).exists()
            if not is_open and Notification.objects.count() == before:
                return

    def acknowledge(self, number: int) -> None:
        """Somebody who was told says that they know; whether that is still wanted is not asked."""
        rows = list(Notification.objects.order_by("pk"))
        if not rows:
            return
        row = rows[number % len(rows)]
        try:
            acknowledge(row, by=row.recipient, where=AcknowledgedWhere.INBOX, now=self.now)
        except Refused:
            return

    def prefer(self, number: int) -> None:
        """Somebody chooses how they are told."""
        members = Membership.objects.filter(study=self.trial.study).order_by("pk")
        user = members[number % members.count()].user
        set_preferences(
            user, digest_hour=number % 24, mails_at_once=number % 2 == 0, by=user, now=self.now
        )

    def lose(self, number: int) -> None:
        """One address is refused from now on, for good."""
        members = Membership.objects.filter(study=self.trial.study).order_by("pk")
        self.mood, self.refused = "refuses", members[number % members.count()].user.email


def step(name: str, *values: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[str, int]]:
    return st.tuples(st.just(name), *(values or (st.just(0),)))


STEPS = st.lists(
    st.one_of(
        step("change"),
        step("change"),
        step("wait", st.sampled_from([1, MINUTES - 1, MINUTES, 24 * 60])),
        step("work"),
        step("work"),
        step("acknowledge", st.integers(0, 40)),
        step("prefer", st.integers(0, 50)),
        step("lose", st.integers(0, 10)),
        step("well"),
        step("gone"),
        step("drops"),
    ),
    min_size=4,
    max_size=14,
)


@given(steps=STEPS)
@settings(
    max_examples=80 if os.environ.get("NTRUST_FULL") else 10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_nothing_urgent_ends_unsent_and_no_deputy_is_told_too_soon(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, int]]
) -> None:
    with undone():
        world = play(trial, monkeypatch, steps)
        world.end()

        check_sent(world)
        check_deputies()


def test_deputies_are_told_in_such_a_world(trial: Conduct, monkeypatch: pytest.MonkeyPatch) -> None:
    """The control: without an answer somebody is told in another's place."""
    play(trial, monkeypatch, [("change", 0), ("work", 0), ("wait", MINUTES - 1), ("work", 0)])
    later = Notification.objects.filter(step__gt=0)
    assert not later.exists()

    play(trial, monkeypatch, [("wait", MINUTES), ("work", 0)])

    assert later.exists()
    check_deputies()


def play(trial: Conduct, monkeypatch: pytest.MonkeyPatch, steps: list[tuple[str, int]]) -> World:
    """What happens, one after the other."""
    world = World(trial, trial.now + timedelta(days=1))
    monkeypatch.setattr(delivering, "CHANNELS", {"MAIL": world.mail})
    for name, number in steps:
        if name in ("well", "gone", "drops"):
            world.mood = name
        elif name in ("change", "work"):
            getattr(world, name)()
        else:
            getattr(world, name)(number)
    return world


@contextmanager
def undone() -> Iterator[None]:
    """What happens inside is rolled back; changes inside begin as they do in a test."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]
    with block:
        yield
        transaction.set_rollback(True)


def check_sent(world: World) -> None:
    """Each urgent notification has a mail of its own at once, which was sent or given up on."""
    sent = Counter(world.mailbox)
    for told in Notification.objects.filter(is_urgent=True).prefetch_related("deliveries"):
        (mail,) = (row for row in told.deliveries.all() if row.channel == "MAIL")
        assert told.waits_for_digest is False
        assert mail.is_urgent
        assert mail.planned_at == told.planned_at
        assert mail.state in (DeliveryState.SENT, DeliveryState.FAILED), mail.state
        if mail.state == DeliveryState.SENT:
            assert sent[str(mail.key)] >= 1
        else:
            assert mail.failure, "a list says why"
            assert mail.attempts == MOST_ATTEMPTS or "no such address" in mail.failure
    keys = {str(key) for key in Delivery.objects.values_list("key", flat=True)}
    assert set(sent) <= keys, "nothing else was sent"


def check_deputies() -> None:
    """Whoever was told in another's place was told at the deadline or after a definite failure."""
    later = Notification.objects.filter(step__gt=0).select_related("in_place_of")
    for deputy in later:
        first = deputy.in_place_of
        assert first is not None
        is_late = first.acknowledge_by is not None and first.acknowledge_by <= deputy.planned_at
        is_lost = not first.deliveries.exclude(state=DeliveryState.FAILED).exists()
        assert is_late or is_lost
        assert first.acknowledged_at is None or first.acknowledged_at >= deputy.planned_at
