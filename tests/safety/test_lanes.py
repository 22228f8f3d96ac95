"""Everybody's course in days, as charts draw it and packets keep it."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cohorts.actions import leave_study
from cohorts.models import Participant
from cohorts.queries import viewer_of
from ntrust.models import User
from safety.actions import convene_review, report_event
from safety.management.conduct import Conduct
from safety.queries.grades import GradeRow, count_grades, grades_of
from safety.queries.lanes import Lane, LaneEvent, LdBar, lanes_of, read_lanes
from safety.queries.packet_changes import find_changes
from safety.queries.reviews import read_review
from safety.states import Causality
from tests.factories import make_trial, open_level, run_cohort, shared_trial

pytestmark = pytest.mark.django_db


def build() -> Conduct:
    """1NTP: the second with a DLT, the third still in the window; one infusion each."""
    trial = open_level(make_trial(sites=2))
    run_cohort(trial, 1, "NTP")
    return trial


_built, trial = shared_trial(build)


def person(number: str) -> Participant:
    return Participant.objects.select_related("site").get(subject_number=number)


def lanes(trial: Conduct, user: User | None = None) -> tuple[Lane, ...]:
    viewer = viewer_of(user, "trial") if user else None
    return read_lanes(trial.study, now=trial.now, viewer=viewer)


def fall_ill(trial: Conduct, number: str, *, grade: int = 2, days: int = 0, ended: int = 0) -> None:
    onset = trial.now + timedelta(days=days)
    who = person(number)
    report_event(
        who,
        term="rash",
        onset_at=onset,
        ended_at=onset + timedelta(days=ended) if ended else None,
        grade=grade,
        grading_system="CTCAE v5.0",
        causality=Causality.POSSIBLE,
        is_serious=False,
        by=trial.investigator_of(who),
        now=trial.tick(),
    )


def test_days_count_from_infusion_1(trial: Conduct) -> None:
    first, second, third = lanes(trial)

    assert [(one.subject, one.level, one.letter, one.day_0) for one in (first, second, third)] == [
        ("P-001", 1, "N", "given"),
        ("P-002", 1, "T", "given"),
        ("P-003", 1, "P", "given"),
    ]
    assert [infusion.day for infusion in first.infusions] == [0]
    assert first.window == (0, 28)
    assert first.courses[0].regimen == "Flu/Cy"
    assert first.courses[0].first <= first.courses[0].last <= 0
    assert [(one.dlt, one.is_dlt, one.grade) for one in second.events] == [("REPORTED", True, 4)]


def test_every_event_has_its_place_however_many_on_a_day(trial: Conduct) -> None:
    for ended in (0, 2, 0):
        fall_ill(trial, "P-003", days=-4, ended=ended)

    events = lanes(trial)[2].events

    assert len({one.id for one in events}) == 3
    assert len({one.first for one in events}) == 1
    assert sorted(one.is_ongoing for one in events) == [False, True, True]


def test_who_left_has_the_day_and_the_word(trial: Conduct) -> None:
    who = person("P-003")
    leave_study(
        who, to="WITHDRAWN", reason="moved away", by=trial.investigator_of(who), now=trial.tick()
    )

    lane = lanes(trial)[2]

    assert lane.left == ("withdrawn", lane.today)
    assert [one.left for one in lanes(trial)[:2]] == [None, None]


def test_site_sees_its_own_lanes_alone(trial: Conduct) -> None:
    here, elsewhere = (lanes(trial, crew.investigator) for crew in trial.crews)

    assert [one.subject for one in here] == ["P-001", "P-002", "P-003"]
    assert elsewhere == ()


def test_as_many_statements_for_one_as_for_three(trial: Conduct) -> None:
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as asked:
            lanes(trial)
        counts.append(len(asked))
        for number in ("P-001", "P-002", "P-003"):
            fall_ill(trial, number, days=-1)

    assert counts[0] == counts[1]


def test_worst_grade_counts_each_participant_once(trial: Conduct) -> None:
    fall_ill(trial, "P-002", grade=1)
    fall_ill(trial, "P-003", grade=1)
    fall_ill(trial, "P-003", grade=3)

    (row,) = count_grades(lanes(trial))

    assert row == GradeRow(1, 1, (1, 0, 0, 1, 1, 0), (0, 2, 0, 1, 1, 0), 0)


def test_event_before_lymphodepletion_stands_apart() -> None:
    bar = LdBar(1, "Flu/Cy", (), -5, -3)
    event = LaneEvent(1, "rash", 3, -6, -6, False, False, "")
    lane = Lane("P-001", 1, 1, "P", "given", 3, (bar,), (), None, (event,), None)

    (row,) = count_grades([lane])

    assert (row.worst[0], sum(row.events), row.earlier) == (1, 0, 1)
    (same_day,) = count_grades([replace(lane, events=(replace(event, first=-5),))])
    assert (same_day.worst[3], same_day.earlier) == (1, 0)


def test_packet_keeps_what_the_charts_are_drawn_from(trial: Conduct) -> None:
    fall_ill(trial, "P-003")
    review = convene_review(trial.study, by=trial.manager, now=trial.tick())

    kept = json.loads(json.dumps(review.packet.content["charts"]))

    assert lanes_of(kept["swimmer"]) == read_lanes(trial.study, now=review.packet.cut_at)
    assert grades_of(kept["ae_by_grade"]) == count_grades(lanes(trial))
    assert kept["levels"] == [1, 2, 3]
    assert [row["letter"] for row in kept["path"]["marks"]] == ["N", "T", "P"]
    assert (kept["path"]["treated"], kept["path"]["decisions"][0]["after"]) == (3, 0)
    (dlt,) = kept["timeline"]
    assert (dlt["subject"], dlt["level"], dlt["state"], dlt["ruled"]) == (
        "P-002",
        1,
        "REPORTED",
        None,
    )
    assert 0 <= dlt["onset"] <= dlt["reported"]
    assert (kept["lookahead"][0]["parent"], kept["lookahead"][0]["verdict"]) == (
        None,
        "WAIT",
    )
    assert (kept["labs"], kept["part_2"]) == ([], [])


def test_packet_of_the_format_before_still_shows(trial: Conduct) -> None:
    review = convene_review(trial.study, by=trial.manager, now=trial.tick())
    content = review.packet.content
    earlier = {name: part for name, part in content.items() if name != "charts"} | {"format": 2}

    changes = find_changes(content, earlier)

    assert changes is not None
    assert changes["people"] == []
    page = read_review(trial.study, review.number)
    assert page is not None
    assert page.packet is not None
    assert find_changes(content, earlier | {"format": 1}) is None


def test_lanes_come_back_from_plain_data(trial: Conduct) -> None:
    found = lanes(trial)

    assert lanes_of(json.loads(json.dumps([asdict(one) for one in found]))) == found
