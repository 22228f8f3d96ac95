"""Reminders: at their moment, once, of what is still true, to the site it concerns."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cohorts.actions import place_hold
from cohorts.engine.design import Verdict
from cohorts.models import Participant
from cohorts.policies import Conclusion
from dosing.actions import correct_infusion, miss_infusion, reschedule_infusion
from dosing.models import DltWindow, Infusion
from ntrust.models import Event, Notification
from safety.actions import clear_dlt, pass_time_everywhere
from safety.management.conduct import Conduct
from tests.factories import (
    EVERYBODY,
    PASSWORD,
    make_trial,
    open_level,
    report_dlt_of,
    reserve,
    seat,
    shared_trial,
    treat,
)

pytestmark = pytest.mark.django_db

REMINDERS: dict[str, int] = {
    "hour": 7,
    "slot_expiring_hours": 24,
    "window_closing_days": 3,
    "statement_overdue_days": 2,
    "infusion_due_days": 1,
    "infusion_overdue_days": 1,
    "lot_expiring_days": 14,
    "dlt_clock_hours": 12,
    "in_flight_hours": 1,
    "call_hours": 4,
    "decision_unsigned_days": 2,
}
KINDS = [
    "WINDOW_CLOSING",
    "STATEMENT_OVERDUE",
    "SLOT_EXPIRING",
    "INFUSION_DUE",
    "INFUSION_OVERDUE",
    "LOT_EXPIRING",
    "DLT_CLOCK_ENDING",
    "IN_FLIGHT_DUE",
    "CALL_DUE",
    "CALL_OVERDUE",
    "DECISION_UNSIGNED",
    "STAGGER_CLEARED",
]
SECTIONS: dict[str, Any] = {
    "reminders": REMINDERS,
    "notifications": {kind: {"roles": EVERYBODY, "scope": "site"} for kind in KINDS},
}
MINUTE = timedelta(minutes=1)


def make(key: str = "trial", **named: Any) -> Conduct:
    """Two sites in Berlin; at the first, one participant whose three infusions lie ahead."""
    options = {"sites": 2, "zone": "Europe/Berlin", "conduct": SECTIONS, **named}
    trial = open_level(make_trial(key=key, infusion_days=(0, 7, 14), **options))
    seat(trial, 1)
    return trial


_built, trial = shared_trial(make)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def pass_at(trial: Conduct, moment: datetime) -> None:
    trial.now = max(trial.now, moment)
    pass_time_everywhere(now=moment)


def told(kind: str) -> list[str]:
    return list(Event.objects.filter(kind=kind).order_by("id").values_list("sentence", flat=True))


def person_of(trial: Conduct) -> Participant:
    return trial.study.participants.earliest("id")


def begin(trial: Conduct) -> date:
    """Lymphodepletion; answers the day of infusion 1. The trial's sites are an hour ahead."""
    day_0 = trial.now + timedelta(days=5)
    trial.condition([person_of(trial)], day_0=day_0)
    return Infusion.objects.earliest("number").planned_date


def infuse(trial: Conduct) -> datetime:
    """Infusion 1 alone; when the window closes."""
    treat(trial, [person_of(trial)])
    closes_at = DltWindow.objects.get().closes_at
    assert closes_at is not None
    return closes_at


def only_at(trial: Conduct, kind: str, moment: datetime) -> str:
    """A minute early nothing, at the moment once, and not again; what was told."""
    pass_at(trial, moment - MINUTE)
    assert told(kind) == []
    pass_at(trial, moment)
    pass_at(trial, moment)
    pass_at(trial, moment + MINUTE)
    (sentence,) = told(kind)
    return sentence


def test_window_that_closes_is_told_at_the_hour_of_the_site_days_before(trial: Conduct) -> None:
    assert infuse(trial) == at("2026-02-07T23:00")

    sentence = only_at(trial, "WINDOW_CLOSING", at("2026-02-04T06:00"))

    assert sentence == "The DLT window closes soon: P-001 at 07-Feb-2026 23:00 UTC."
    event = Event.objects.get(kind="WINDOW_CLOSING")
    assert (event.by, event.subject, event.at) == (None, "", at("2026-02-04T06:00"))


def test_only_the_own_site_and_the_central_people_are_told(trial: Conduct) -> None:
    infuse(trial)

    pass_at(trial, at("2026-02-04T06:00"))

    rows = Notification.objects.filter(event__kind="WINDOW_CLOSING")
    assert set(rows.values_list("recipient__username", flat=True)) == {
        "manager-trial",
        "monitor-trial",
        "investigator-trial-1",
        "pharmacist-trial-1",
    }


def test_hour_is_that_of_the_site_when_its_clocks_change(trial: Conduct) -> None:
    trial.now = at("2026-02-25T10:00")
    assert infuse(trial) == at("2026-03-30T22:00")

    only_at(trial, "WINDOW_CLOSING", at("2026-03-27T06:00"))
    pass_at(trial, at("2026-03-30T22:00"))
    only_at(trial, "STATEMENT_OVERDUE", at("2026-04-01T05:00"))


def test_corrected_infusion_moves_the_reminder_and_no_moment_is_told_twice(trial: Conduct) -> None:
    infuse(trial)
    given = Infusion.objects.get(number=1)
    first = given.given_at
    assert first is not None
    pass_at(trial, at("2026-02-04T06:00"))
    entered: dict[str, Any] = {"by": trial.crews[0].investigator, "reason": "misread"}

    def correct(to: datetime) -> None:
        correct_infusion(given, given_at=to, now=trial.tick(), **entered)

    correct(first - timedelta(days=1))
    correct(first)
    correct(first - timedelta(days=1))

    assert told("WINDOW_CLOSING") == [
        "The DLT window closes soon: P-001 at 07-Feb-2026 23:00 UTC.",
        "The DLT window closes soon: P-001 at 06-Feb-2026 23:00 UTC.",
    ]


def test_what_was_missed_is_told_in_one_sentence_a_site_while_it_is_true(trial: Conduct) -> None:
    seat(trial, 1)
    treat(trial, trial.study.participants.all())

    pass_at(trial, at("2026-02-06T12:00"))

    (sentence,) = told("WINDOW_CLOSING")
    assert sentence.count("07-Feb-2026 23:00 UTC") == 2
    assert "P-001" in sentence
    assert "P-002" in sentence
    (overdue,) = told("INFUSION_OVERDUE")
    assert overdue.count("infusion 2 for 17-Jan-2026") == 2
    assert Notification.objects.filter(event__kind="WINDOW_CLOSING").count() == 4
    assert told("INFUSION_DUE") == []


def test_what_is_over_is_not_told_late(trial: Conduct) -> None:
    infuse(trial)

    pass_at(trial, at("2026-02-07T23:00"))

    assert told("WINDOW_CLOSING") == []
    assert len(told("STATEMENT_DUE")) == 1


def test_planned_infusion_is_told_the_day_before_and_a_day_without_entry_after(
    trial: Conduct,
) -> None:
    assert begin(trial) == date(2026, 1, 10)

    sentence = only_at(trial, "INFUSION_DUE", at("2026-01-09T06:00"))
    overdue = only_at(trial, "INFUSION_OVERDUE", at("2026-01-11T06:00"))

    assert sentence == "An infusion is planned: P-001, infusion 1 on 10-Jan-2026."
    assert overdue == (
        "An infusion was planned and nothing is entered: P-001, infusion 1 for 10-Jan-2026."
    )


@pytest.mark.parametrize("is_given_up", [True, False])
def test_infusion_put_off_or_missed_is_not_asked_for(trial: Conduct, is_given_up: bool) -> None:
    begin(trial)
    first = Infusion.objects.get(number=1)
    word: dict[str, Any] = {"reason": "fever", "by": trial.crews[0].investigator}
    if is_given_up:
        miss_infusion(first, is_for_toxicity=False, now=trial.tick(), **word)
    else:
        to = {"planned_date": date(2026, 1, 12), "moves_later": True}
        reschedule_infusion(first, now=trial.tick(), **to, **word)

    pass_at(trial, at("2026-01-11T05:59"))

    assert [told(kind) for kind in ("INFUSION_DUE", "INFUSION_OVERDUE")] == [[], []]
    pass_at(trial, at("2026-01-11T06:00"))
    assert len(told("INFUSION_DUE")) == (0 if is_given_up else 1)


def test_what_the_change_itself_settles_is_not_told(trial: Conduct) -> None:
    begin(trial)
    trial.now = at("2026-01-11T12:00")

    miss_infusion(
        Infusion.objects.get(number=1),
        reason="fever",
        is_for_toxicity=False,
        by=trial.crews[0].investigator,
        now=trial.now,
    )

    assert told("INFUSION_OVERDUE") == []


def test_reservation_that_expires_is_told_unless_it_was_shorter_anyway(trial: Conduct) -> None:
    person = trial.screen(disease="lupus nephritis")
    slot = reserve(trial, person, 1)
    assert slot.expires_at is not None
    assert slot.reserved_at is not None
    assert slot.expires_at - slot.reserved_at == timedelta(hours=72)

    sentence = only_at(trial, "SLOT_EXPIRING", slot.expires_at - timedelta(hours=24))

    assert sentence.startswith(f"A reservation expires soon: {person} at ")


def test_lot_that_expires_is_told_two_weeks_before(trial: Conduct) -> None:
    lot = {"total_cells": Decimal(8), "viability": Decimal(1)}
    trial.stock("A12", lasts=timedelta(days=30), **lot)

    sentence = only_at(trial, "LOT_EXPIRING", at("2026-01-21T07:00"))

    assert sentence == "A product lot expires soon: A12, last day 04-Feb-2026."


@pytest.mark.parametrize("is_cleared", [True, False])
def test_clock_of_a_provisional_dlt_is_told_before_it_ends(
    trial: Conduct, is_cleared: bool
) -> None:
    infuse(trial)
    report = report_dlt_of(trial, person_of(trial), "IN72H")
    assert report.counts_at is not None
    moment = report.counts_at - timedelta(hours=12)
    if not is_cleared:
        only_at(trial, "DLT_CLOCK_ENDING", moment)
        return
    trial.now += timedelta(hours=2)
    clear_dlt(
        report,
        resolved_at=trial.now,
        grade=0,
        by=trial.crews[0].investigator,
        password=PASSWORD,
        now=trial.tick(),
    )

    pass_at(trial, moment)

    assert told("DLT_CLOCK_ENDING") == []


def test_answers_owed_after_a_hold_are_told_before_they_are_due(trial: Conduct) -> None:
    begin(trial)
    hold = place_hold(
        trial.study, scope="STUDY", reason="a signal", by=trial.monitor, now=trial.tick()
    )

    sentence = only_at(trial, "IN_FLIGHT_DUE", hold.placed_at + timedelta(hours=3))
    only_at(trial, "CALL_DUE", hold.placed_at + timedelta(hours=20))
    only_at(trial, "CALL_OVERDUE", hold.placed_at + timedelta(hours=24))

    assert sentence.count("P-001, infusion") == 3


def test_who_waits_for_the_stagger_alone_is_told_when_it_has_cleared() -> None:
    rules = {**SECTIONS, "reminders": {**REMINDERS, "stagger_cleared": True}}
    trial = make("staggered", conduct={**rules, "stagger": {"days": 14}})
    seat(trial, 1)
    infuse(trial)
    given = Infusion.objects.get(number=1).given_at
    assert given is not None

    sentence = only_at(trial, "STAGGER_CLEARED", given + timedelta(days=14 - 5))

    assert sentence == "The stagger has cleared: P-002 for lymphodepletion at level 1."


def test_decision_that_waits_for_its_signatures_is_told_days_after() -> None:
    trial = make_trial(key="unsigned", conduct=SECTIONS)
    trial.propose(Conclusion(Verdict.ENROL, trial.level(1), committee_verdict="agrees"))

    sentence = only_at(trial, "DECISION_UNSIGNED", at("2026-01-07T07:00"))

    assert sentence.startswith("A decision waits for its signatures: #1, proposed 05-Jan-2026")


def test_replayed_trial_reminds_nobody() -> None:
    trial = make("replayed", is_replay=True)
    infuse(trial)

    pass_at(trial, at("2026-02-06T12:00"))

    assert not Event.objects.filter(kind__in=KINDS).exists()


def test_looking_for_what_is_due_costs_the_same_for_any_number(trial: Conduct) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert pass_time_everywhere(now=trial.now) == 0
        return len(queries)

    pass_at(trial, trial.now)
    one = cost()
    seat(trial, 1)
    treat(trial, trial.study.participants.all())
    pass_at(trial, trial.now)

    assert cost() == one
