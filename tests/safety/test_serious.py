"""Serious adverse events: who hears, and until when the site and the sponsor have to speak."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ntrust.models import Event, Notification
from safety.actions import EventDetails, complete_event, pass_time_everywhere, report_event
from safety.management.conduct import Conduct
from safety.models import AdverseEvent
from tests.factories import EVERYBODY, make_trial, open_level, seat, shared_trial

pytestmark = pytest.mark.django_db

KINDS = ["SAE_REPORTED", "SAE_CLOCK_STARTED", "SAE_WORD_DUE", "SAE_WORD_OVERDUE", "SAE_REPORT_DUE"]
SECTIONS: dict[str, Any] = {
    "adverse_events": {"categories": [{"key": "crs", "name": "CRS"}]},
    "safety_reporting": {
        "to_sponsor": {"hours": 24},
        "severe_days": 7,
        "serious_days": 15,
        "expected": [{"category": "crs", "to_grade": 2}],
    },
    "reminders": {"hour": 7, "sae_word_hours": 6, "sae_report_days": 2},
    "notifications": {
        kind: {"roles": EVERYBODY, "scope": "site", "urgent": True} for kind in KINDS
    },
}
MINUTE = timedelta(minutes=1)


def build() -> Conduct:
    trial = open_level(make_trial(sites=2, conduct=SECTIONS))
    seat(trial, 1)
    trial.now = datetime(2026, 1, 9, 12, tzinfo=UTC)  # a Friday
    return trial


_built, trial = shared_trial(build)


def enter(trial: Conduct, *, grade: int = 3, **named: Any) -> AdverseEvent:
    """An event that the site learned of now, of which it says what is named."""
    said: dict[str, Any] = {"causality": "POSSIBLE", "aware_at": trial.now, **named}
    return report_event(
        trial.study.participants.earliest("id"),
        term="Pneumonia",
        onset_at=trial.now,
        grade=grade,
        grading_system="CTCAE v5.0",
        by=trial.crews[0].investigator,
        now=trial.tick(),
        **said,
    )


def complete(trial: Conduct, event: AdverseEvent, **said: Any) -> None:
    complete_event(
        event,
        details=EventDetails(**said),
        reason="the letter from the ward",
        by=trial.crews[0].investigator,
        now=trial.tick(),
    )


def told(kind: str) -> list[str]:
    return list(Event.objects.filter(kind=kind).order_by("id").values_list("sentence", flat=True))


def only_at(kind: str, moment: datetime) -> str:
    for now in (moment - MINUTE, moment, moment, moment + MINUTE):
        pass_time_everywhere(now=now)
        assert len(told(kind)) == (now >= moment)
    return told(kind)[0]


HOSPITAL = EventDetails(seriousness=("HOSPITALISATION",))


def test_serious_event_is_told_without_what_it_was(trial: Conduct) -> None:
    enter(trial, details=HOSPITAL)

    assert told("SAE_REPORTED") == ["P-001: a serious adverse event is reported."]
    assert told("SAE_CLOCK_STARTED") == [
        "P-001: the sponsor reports a serious adverse event to the regulator by 24-Jan-2026 "
        "24:00 UTC (15 calendar days)."
    ]
    told_people = Notification.objects.filter(event__kind="SAE_REPORTED")
    assert told_people.count() == 4
    assert not told_people.filter(recipient=trial.crews[1].investigator).exists()


def test_word_that_comes_later_than_it_was_due_says_so(trial: Conduct) -> None:
    enter(trial, details=HOSPITAL, aware_at=trial.now - timedelta(hours=30))

    assert told("SAE_REPORTED") == [
        "P-001: a serious adverse event is reported, 30 h after the site knew of it: later than "
        "the 24 h it had."
    ]


def test_seriousness_is_asked_for_until_it_is_said(trial: Conduct) -> None:
    known = trial.now
    event = enter(trial)

    only_at("SAE_WORD_DUE", known + timedelta(hours=18))
    only_at("SAE_WORD_OVERDUE", known + timedelta(hours=24))
    assert told("SAE_REPORTED") == []
    trial.now = known + timedelta(hours=25)
    complete(trial, event, aware_at=known - timedelta(hours=1), seriousness=())
    pass_time_everywhere(now=trial.now)

    assert len(told("SAE_WORD_OVERDUE")) == 1
    assert told("SAE_REPORTED") == []


def test_awareness_corrected_moves_the_clock(trial: Conduct) -> None:
    known = trial.now
    event = enter(trial)

    complete(trial, event, aware_at=known - timedelta(hours=2))

    only_at("SAE_WORD_DUE", known + timedelta(hours=16))


def test_severe_one_has_both_clocks_over_the_weekend(trial: Conduct) -> None:
    enter(trial, details=EventDetails(seriousness=("LIFE_THREATENING",)))

    assert told("SAE_CLOCK_STARTED") == [
        "P-001: the sponsor reports a serious adverse event to the regulator by 16-Jan-2026 "
        "24:00 UTC (7 calendar days) and 24-Jan-2026 24:00 UTC (15 calendar days)."
    ]
    sentence = only_at("SAE_REPORT_DUE", datetime(2026, 1, 14, 7, tzinfo=UTC))
    assert sentence == (
        "The sponsor's report to the regulator is due, unless it was sent: P-001 by 16-Jan-2026 "
        "24:00 UTC (7 calendar days)."
    )


def test_clock_starts_when_it_is_known_and_is_not_told_once_it_is_not_so(trial: Conduct) -> None:
    event = enter(trial, causality="UNRELATED", details=HOSPITAL)
    assert told("SAE_CLOCK_STARTED") == []
    trial.now += timedelta(days=1)
    complete(trial, event, causality="PROBABLE")
    assert "by 25-Jan-2026 24:00 UTC (15 calendar days)" in told("SAE_CLOCK_STARTED")[0]

    complete(trial, event, causality="UNLIKELY")
    pass_time_everywhere(now=datetime(2026, 1, 25, 12, tzinfo=UTC))

    assert told("SAE_REPORT_DUE") == []
    assert len(told("SAE_REPORTED")) == 1


@pytest.mark.parametrize(("grade", "clocks"), [(2, 0), (3, 1)])
def test_expected_events_start_no_clock_up_to_their_grade(
    trial: Conduct, grade: int, clocks: int
) -> None:
    details = EventDetails(seriousness=("HOSPITALISATION",), category="crs")

    enter(trial, grade=grade, details=details)

    assert len(told("SAE_CLOCK_STARTED")) == clocks
    assert len(told("SAE_REPORTED")) == 1


def test_what_is_not_known_yet_counts_as_suspected(trial: Conduct) -> None:
    enter(trial, causality="", details=HOSPITAL)

    assert len(told("SAE_CLOCK_STARTED")) == 1
