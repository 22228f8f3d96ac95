"""Fifty at once for the last seat: one has it, forty-nine hear why not, nothing is half-written."""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection
from django.db.models import QuerySet

from cohorts.actions import (
    Conclusion,
    acknowledge_decision,
    confirm_slot,
    request_slot,
    reserve_slot,
    sign_decision,
)
from cohorts.actions import (
    slots as slot_actions,
)
from cohorts.engine.design import Verdict
from cohorts.models import Circulation, Cohort, Decision, Outcome, Slot
from cohorts.policies import Opening, check_seat
from cohorts.states import TAKEN_SLOTS
from ntrust.errors import Refused
from ntrust.models import Event, Signature, Study
from safety.actions import pass_time_everywhere
from safety.management.conduct import Conduct
from tests.committed import CommittedDb
from tests.factories import DISEASE, PASSWORD, make_trial, open_level, reserve, seat

RUNNERS = 50
AT_ONCE = 10
"""Connections at a time: the server is shared with other tests."""
PATIENCE = 900.0
"""Seconds until somebody counts as waiting for ever; how fast it goes is for the benchmark."""


def race(attempts: list[Callable[[], Any]], *, at_once: int = AT_ONCE) -> list[Any]:
    """Run all, `at_once` at a time from one start; each one's result or exception."""
    results: list[Any] = [None] * len(attempts)
    gate = threading.Semaphore(at_once)
    start = threading.Event()

    def run(index: int) -> None:
        start.wait()
        with gate:
            try:
                results[index] = attempts[index]()
            except (Refused, DatabaseError) as error:
                results[index] = error
            finally:
                connection.close()

    threads = [threading.Thread(target=run, args=[index]) for index in range(len(attempts))]
    for thread in threads:
        thread.start()
    start.set()
    for thread in threads:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    return results


def one_seat_left() -> tuple[Conduct, list[Any]]:
    """Level 1 with one free seat and fifty eligible for it."""
    trial = open_level(make_trial())
    seat(trial, 1, 2)
    people = [trial.screen(disease=DISEASE) for _ in range(RUNNERS)]
    return trial, people


def winners(results: list[Any]) -> list[Any]:
    return [result for result in results if not isinstance(result, Exception)]


def test_last_seat_has_one_winner(committed_db: CommittedDb) -> None:
    trial, people = one_seat_left()
    level, now = trial.level(1), trial.tick()
    revision = Study.objects.get().revision

    results = race(
        [
            lambda person=person: reserve_slot(person, level=level, by=trial.manager, now=now)
            for person in people
        ]
    )

    (won,) = winners(results)
    refusals = [result for result in results if isinstance(result, Refused)]
    assert len(refusals) == RUNNERS - 1
    for refusal in refusals:
        assert refusal.code == "no_seat"
        assert [gate.rule for gate in refusal.gates if not gate.is_clear] == ["seat_free"]
    taken = Slot.objects.filter(state__in=TAKEN_SLOTS)
    assert sorted(taken.values_list("seat", flat=True)) == [1, 2, 3]
    assert won.seat == 3
    assert Study.objects.get().revision == revision + 1
    told = Event.objects.filter(revision__gt=revision).order_by("id")
    assert [event.kind for event in told] == ["SLOT_RESERVED", "COHORT_FULL"]
    assert Cohort.objects.get().state == "FULL"


def test_fifty_in_the_queue_get_one_seat_and_the_first_has_it(committed_db: CommittedDb) -> None:
    """All ask at once, then the last seat is tried for everybody at once."""
    trial, people = one_seat_left()
    level, now = trial.level(1), trial.tick()
    by = trial.crews[0].investigator

    asked = race([lambda one=one: request_slot(one, by=by, now=now) for one in people])
    twice = race([lambda one=one: request_slot(one, by=by, now=now) for one in people[:10]])
    first = Slot.objects.filter(state="REQUESTED").earliest("id").participant
    revision = Study.objects.get().revision
    results = race(
        [
            lambda one=one: reserve_slot(one, level=level, by=trial.manager, now=now)
            for one in people
        ]
    )

    assert len(winners(asked)) == RUNNERS
    assert {result.code for result in twice} == {"already_requested"}
    (won,) = winners(results)
    refusals = [result for result in results if isinstance(result, Refused)]
    assert won.participant_id == first.pk
    assert Counter(refusal.code for refusal in refusals) == {"no_seat": RUNNERS - 1}
    for refusal in refusals:
        shut = {gate.rule for gate in refusal.gates if not gate.is_clear}
        assert shut in ({"next_in_queue"}, {"seat_free"}, {"seat_free", "next_in_queue"})
    assert Slot.objects.filter(state__in=TAKEN_SLOTS).count() == 3
    assert Slot.objects.filter(state="REQUESTED").count() == RUNNERS - 1
    assert Study.objects.get().revision == revision + 1


@pytest.mark.parametrize("attempt", range(3))
def test_reservation_ends_confirmed_or_expired_never_both(
    committed_db: CommittedDb, attempt: int
) -> None:
    """Confirmed in its last minute while beat expires it and another wants the seat."""
    trial = open_level(make_trial())
    seat(trial, 1, 2)
    slot = reserve(trial, trial.screen(disease=DISEASE), 1)
    other = trial.screen(disease=DISEASE)
    ends_at = slot.expires_at
    assert ends_at is not None
    last_minute = ends_at - timedelta(minutes=1)

    results = race(
        [
            lambda: confirm_slot(slot, by=trial.manager, now=last_minute),
            lambda: pass_time_everywhere(now=ends_at),
            lambda: reserve_slot(other, level=trial.level(1), by=trial.manager, now=ends_at),
        ]
        * 3
    )

    slot.refresh_from_db()
    codes = Counter(result.code for result in results if isinstance(result, Refused))
    assert not [result for result in results if isinstance(result, DatabaseError)]
    taken = Slot.objects.filter(state__in=TAKEN_SLOTS)
    assert sorted(taken.values_list("seat", flat=True)) == [1, 2, 3]
    if slot.state == "CONFIRMED":
        assert codes == {"illegal_move": 2, "no_seat": 3}
        assert not Event.objects.filter(kind="SLOT_EXPIRED").exists()
        assert Outcome.objects.count() == 3
    else:
        assert slot.state == "EXPIRED"
        assert codes == {"reservation_expired": 3, "has_seat": 2}
        assert Event.objects.filter(kind="SLOT_EXPIRED").count() == 1
        assert Outcome.objects.count() == 2


def test_reservations_are_confirmed_no_further_than_the_cap(committed_db: CommittedDb) -> None:
    """Each of three reserved seats confirmed by several people at once counts once."""
    trial = open_level(make_trial())
    slots = [reserve(trial, trial.screen(disease=DISEASE), 1) for _ in range(3)]
    now = trial.tick()

    results = race(
        [
            lambda slot=slot: confirm_slot(slot, by=trial.manager, now=now)
            for slot in slots
            for _ in range(5)
        ]
    )

    assert len(winners(results)) == 3
    assert Counter(r.code for r in results if isinstance(r, Refused)) == {"illegal_move": 12}
    assert Outcome.objects.count() == 3
    assert trial.advice().counts["1"]["pending"] == 3
    revisions = Event.objects.filter(kind="SLOT_CONFIRMED").values_list("revision", flat=True)
    assert len(set(revisions)) == 3, "one change a revision"


def test_decision_is_signed_and_acknowledged_once_each(committed_db: CommittedDb) -> None:
    trial = make_trial(sites=2)
    advice = trial.advice()
    assert advice.level == 1
    decision = trial.propose(Conclusion(Verdict.ENROL, trial.level(1), "agrees"))
    now = trial.tick()

    signed = race(
        [
            lambda by=by: sign_decision(decision, by=by, password=PASSWORD, now=now)
            for by in (trial.manager, trial.monitor)
            for _ in range(4)
        ]
    )
    read = race(
        [
            lambda crew=crew, by=by: acknowledge_decision(decision, site=crew.site, by=by, now=now)
            for crew in trial.crews
            for by in (crew.investigator, crew.pharmacist)
            for _ in range(3)
        ]
    )

    assert len(winners(signed)) == 2
    assert len(winners(read)) == 4
    assert Decision.objects.get().state == "CIRCULATED"
    assert Signature.objects.filter(content_hash=decision.content_hash).count() == 2
    assert Circulation.objects.filter(acknowledged_at__isnull=False).count() == 4
    assert Cohort.objects.count() == 1


def without_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(QuerySet, "select_for_update", lambda self, *args, **named: self.all())


def give_revisions_twice() -> None:
    """Take away the last thing that stops two changes of one revision: each stores an answer."""
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE cohorts_recommendation DROP CONSTRAINT one_recommendation_a_revision"
        )


def test_without_the_lock_the_revision_still_lines_them_up(
    committed_db: CommittedDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing the revision before anything is read holds the row too; but it can be given twice."""
    trial, people = one_seat_left()
    level, now = trial.level(1), trial.tick()
    without_the_lock(monkeypatch)

    results = race(
        [
            lambda person=person: reserve_slot(person, level=level, by=trial.manager, now=now)
            for person in people
        ]
    )

    assert len(winners(results)) == 1
    assert Slot.objects.filter(state__in=TAKEN_SLOTS).count() == 3


def test_with_nothing_that_lines_them_up_only_the_constraint_holds(
    committed_db: CommittedDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: the race is real. Several see the same free seat; the database stops them."""
    trial, people = one_seat_left()
    level, now = trial.level(1), trial.tick()
    without_the_lock(monkeypatch)
    monkeypatch.setattr(Study, "save", lambda self, **named: None)
    together = threading.Barrier(AT_ONCE)

    def check_together(*args: Any, **named: Any) -> Opening:
        opening = check_seat(*args, **named)
        with contextlib.suppress(threading.BrokenBarrierError):
            together.wait(5)
        return opening

    monkeypatch.setattr(slot_actions, "check_seat", check_together)

    results = race(
        [
            lambda person=person: reserve_slot(person, level=level, by=trial.manager, now=now)
            for person in people[:AT_ONCE]
        ]
    )

    collided = [result for result in results if isinstance(result, IntegrityError)]
    assert len(winners(results)) == 1
    assert len(collided) == AT_ONCE - 1
    assert all("one_taker_a_seat" in str(error) for error in collided)
    assert Slot.objects.filter(state__in=TAKEN_SLOTS).count() == 3
