"""Charts of people and events: every event has its mark, and the table says what is drawn."""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from cohorts.charts import draw_turns
from cohorts.engine.basis import make_basis
from cohorts.engine.design import Design, ExpandOn, SecondDlt
from cohorts.queries.turns import MOST_TURNS, turns_from
from ntrust.charts import COLOURS, Chart
from safety.actions import convene_review, report_event
from safety.charts import draw_grades, draw_swimmers, draw_timeline, packet_charts
from safety.charts.swimmer import DLT, MOST_LANES, OTHER, POSSIBLE, SERIOUS, kind_of
from safety.management.conduct import Conduct
from safety.queries.grades import GradeRow, count_grades
from safety.queries.lanes import Lane, LaneEvent, LaneInfusion, LdBar
from safety.states import Causality
from tests.factories import make_trial, open_level, run_cohort, shared_trial

KEYS = ["ladder", "path", "swimmer", "dlt-timeline", "ae-by-grade", "lookahead"]
BOTH = ("fludarabine", "cyclophosphamide")
DESIGN = Design(
    doses=3,
    min_n_at_mtd=6,
    allow_deescalation=True,
    confirm_top_dose=True,
    second_dlt=SecondDlt.STOP_NOW,
    level_minus_one=False,
    expand_on_first_dlt=ExpandOn.AT_THREE,
    escalate_with_pending=False,
)


def build() -> Conduct:
    """1NTP, an event that goes on with each of two, and one that was mild."""
    trial = open_level(make_trial())
    people = run_cohort(trial, 1, "NTP")
    for person, grade in ((people[2], 1), (people[2], 3), (people[0], 2)):
        report_event(
            person,
            term="rash <b>",
            onset_at=trial.now,
            grade=grade,
            grading_system="CTCAE v5.0",
            causality=Causality.POSSIBLE,
            is_serious=grade == 3,
            by=trial.investigator_of(person),
            now=trial.tick(),
        )
    return trial


_built, trial = shared_trial(build)


def event(number: int, **facts: Any) -> LaneEvent:
    """Grade 2, on Day 6 alone."""
    given = {"first": 6, "last": 6, "is_ongoing": False, "is_serious": False, "dlt": ""} | facts
    return LaneEvent(id=number, term="rash", grade=given.pop("grade", 2), **given)


def lane(number: int = 1, events: tuple[LaneEvent, ...] = (), **facts: Any) -> Lane:
    """Treated with Flu/Cy, Day 20 today."""
    whole = Lane(
        subject=f"P-{number:03}",
        level=1,
        part=1,
        letter="P",
        day_0="given",
        today=20,
        courses=(LdBar(1, "Flu/Cy", BOTH, -5, -3),),
        infusions=tuple(LaneInfusion(1, n, 7 * n - 7) for n in (1, 2, 3)),
        window=(0, 28),
        events=events,
        left=None,
    )
    return replace(whole, **facts)


def draw(*lanes: Lane) -> Chart:
    (chart,) = draw_swimmers(lanes, of="TEST-001")
    return chart


def marks(svg: str, name: str) -> int:
    """How many marks a named layer has."""
    found = re.search(rf'<g class="[^"]*\b{name}_marks"[^>]*>(.*?)</g>', svg)
    return found[1].count("<path") if found else 0


def event_marks(svg: str) -> dict[str, int]:
    counts = {kind: marks(svg, f"event_{kind}") for kind in (DLT, POSSIBLE, SERIOUS, OTHER)}
    return {kind: count for kind, count in counts.items() if count}


def places(svg: str, name: str) -> list[str]:
    found = re.search(rf'<g class="[^"]*\b{name}_marks"[^>]*>(.*?)</g>', svg)
    return re.findall(r'transform="translate\(([^)]*)\)"', found[1]) if found else []


def test_every_event_has_its_mark_and_none_covers_another() -> None:
    events = (
        *(event(n) for n in range(9)),
        event(20, dlt="REPORTED", grade=4),
        event(21, dlt="CONFIRMED", is_serious=True),
        event(22, dlt="PROVISIONAL"),
        event(23, dlt="REFUTED"),
        event(24, is_serious=True, is_ongoing=True, last=None),
        event(25, is_serious=None, first=7, last=9),
    )

    chart = draw(lane(events=events))

    assert event_marks(chart.svg) == {DLT: 2, POSSIBLE: 1, SERIOUS: 1, OTHER: 11}
    assert sum(event_marks(chart.svg).values()) == len(events)
    assert marks(chart.svg, "ongoing") == 1
    spots = [spot for kind in event_marks(chart.svg) for spot in places(chart.svg, f"event_{kind}")]
    assert len(set(spots)) == len(events)


def test_table_has_a_row_for_everything_that_is_drawn() -> None:
    going = event(2, is_ongoing=True, last=None, is_serious=True, grade=3, dlt="REPORTED")

    chart = draw(lane(events=(event(1), going), left=("withdrawn", 12)))

    assert chart.table.rows == (
        ("P-001", "DL1", "lymphodepletion 1", "-5", "-3", "fludarabine, cyclophosphamide"),
        ("P-001", "DL1", "infusion 1", "0", "0", ""),
        ("P-001", "DL1", "infusion 2", "7", "7", ""),
        ("P-001", "DL1", "infusion 3", "14", "14", ""),
        ("P-001", "DL1", "DLT window", "0", "28", ""),
        ("P-001", "DL1", "rash, grade 2", "6", "6", ""),
        ("P-001", "DL1", "rash, grade 3", "6", "goes on", "DLT reported; serious"),
        ("P-001", "DL1", "withdrawn", "12", "", ""),
    )
    assert ">withdrawn</text>" in chart.svg
    assert "1 DLT (P-001); 0 that may become DLTs; 0 serious events; 1 other event" in (
        chart.description
    )
    assert "1 went on at the data cut." in chart.description


def test_one_agent_is_told_apart_without_colour() -> None:
    alone = lane(courses=(LdBar(1, "Cy", ("cyclophosphamide",), -3, -3),))

    both, one = draw(lane()), draw(alone)

    assert one.svg.count("<path") > both.svg.count("<path")
    assert one.table.rows[0][-1] == "cyclophosphamide"


def test_who_is_not_dosed_yet_stands_on_planned_days() -> None:
    waiting = lane(
        day_0="planned",
        today=-3,
        infusions=(),
        window=None,
        courses=(LdBar(1, "Flu/Cy", BOTH, -5, None),),
    )

    chart = draw(waiting)

    assert chart.table.rows == (
        ("P-001", "DL1", "lymphodepletion 1", "-5", "goes on", "fludarabine, cyclophosphamide"),
    )
    assert ">P-001</text>" in chart.svg


def test_event_without_a_day_is_in_the_words_and_the_table() -> None:
    early = lane(2, (event(1, first=None, last=None),), day_0="", today=None, courses=())

    chart = draw(lane(), early)

    assert event_marks(chart.svg) == {}
    assert "1 without a day stand in the table alone" in chart.description
    assert ("P-002", "DL1", "rash, grade 2", "before any day is known", "", "") in [
        row[:6] for row in chart.table.rows
    ]


def test_forty_eight_stay_legible_and_small() -> None:
    many = [
        lane(n, tuple(event(10 * n + k, first=k * 3, last=k * 3 + 4) for k in range(8)))
        for n in range(1, 49)
    ]
    began = time.perf_counter()

    charts = draw_swimmers(many, of="TEST-001")

    assert time.perf_counter() - began < 20
    assert [chart.key for chart in charts] == ["swimmer", "swimmer-2"]
    assert charts[1].title == "Each participant of TEST-001, day by day (2 of 2)"
    assert sum(sum(event_marks(chart.svg).values()) for chart in charts) == 48 * 8
    assert max(len(chart.svg) for chart in charts) < 150_000
    assert [chart.svg.count(">P-") for chart in charts] == [MOST_LANES, MOST_LANES]


def test_nobody_in_treatment_is_a_sentence() -> None:
    empty = [draw(), draw_grades((), of="X"), draw_timeline((), of="X"), draw_turns((), of="X")]

    assert [chart.svg for chart in empty] == [""] * 4
    assert all(chart.nothing == chart.description != "" for chart in empty)


def test_refuted_report_is_no_dlt() -> None:
    states = ["REFUTED", "CLEARED", "PROVISIONAL", "REPORTED", "CONFIRMED"]

    kinds = [kind_of(event(1, dlt=state)) for state in states]

    assert kinds == [OTHER, OTHER, POSSIBLE, DLT, DLT]


def test_grades_have_a_box_a_participant() -> None:
    rows = (GradeRow(1, 1, (1, 0, 2, 0, 1, 0), (0, 3, 4, 0, 1, 0), 2),)

    chart = draw_grades(rows, of="TEST-001")

    boxes = Counter(re.findall(r">([1-5–])</text>", chart.svg))
    assert boxes == {"–": 1, "2": 2, "4": 1}
    assert chart.table.rows == (
        ("DL1", "participants by worst grade", "1", "0", "2", "0", "1", "0", ""),
        ("DL1", "events", "", "3", "4", "0", "1", "0", "2"),
    )
    assert "DL1: 1 grade 4, 2 grade 2, 1 no event among 4." in chart.description


def test_timeline_shows_each_step_of_a_report() -> None:
    row = {
        "id": 1,
        "subject": "P-002",
        "level": 2,
        "criterion": "D7",
        "term": "fever",
        "state": "REFUTED",
        "onset": 10,
        "reported": 11,
        "counts": None,
        "ruled": 20,
    }
    clock = {**row, "state": "PROVISIONAL", "ruled": None, "counts": 13, "criterion": ""}

    chart = draw_timeline([row, clock], of="TEST-001")

    assert chart.table.rows == (
        ("P-002", "DL2", "D7", "fever", "10", "11", "20", "refuted"),
        ("P-002", "DL2", "not stated", "fever", "10", "11", "", "provisional, counts from day 13"),
    )
    assert ">refuted</text>" in chart.svg
    assert "P-002 at DL2: began on day 10, reported on day 11, refuted on day 20" in (
        chart.description
    )


def basis(*cohorts: str) -> dict[str, Any]:
    """Levels from the first, with their letters."""
    rows = [
        {"subject": f"P-{level}{n}", "level": level, "letter": letter}
        for level, letters in enumerate(cohorts, start=1)
        for n, letter in enumerate(letters)
    ]
    return make_basis(DESIGN, current=len(cohorts), outcomes=rows)


def test_tree_resolves_the_pending_and_then_seats_a_cohort() -> None:
    turns = turns_from(basis("NNP"))

    chart = draw_turns(turns, of="TEST-001")

    assert chart.description == (
        "Now WAIT at DL1. none of 1 with a DLT at DL1: ESCALATE to DL2. "
        "1 of 1 with a DLT at DL1: EXPAND THE COHORT at DL1."
    )
    assert chart.table.rows[:3] == (
        ("", "now", "WAIT at DL1"),
        ("now", "none of 1 with a DLT at DL1", "ESCALATE to DL2"),
        ("now", "1 of 1 with a DLT at DL1", "EXPAND THE COHORT at DL1"),
    )
    assert len(chart.table.rows) == len(turns) == 11
    assert chart.svg.count("with a DLT at DL") - chart.description.count("with a DLT at DL") == 10


def test_tree_counts_what_it_does_not_show() -> None:
    turns = turns_from(basis("NNP", "PPP"))
    shown = {turn.parent for turn in turns}

    assert len(turns) <= MOST_TURNS
    assert all(turn.more == 0 or turn.id not in shown for turn in turns)
    assert any(turn.more for turn in turns)
    assert "more turns follow" in str(draw_turns(turns, of="X").table)


@pytest.mark.django_db
def test_charts_of_a_packet_come_from_its_content_alone(
    trial: Conduct, django_assert_num_queries: Any
) -> None:
    content = convene_review(trial.study, by=trial.manager, now=trial.tick()).packet.content

    with django_assert_num_queries(0):
        charts = packet_charts(content)
        again = packet_charts(content)

    assert charts == again
    assert [chart.key for chart in charts] == KEYS
    swimmer = charts[2]
    assert event_marks(swimmer.svg) == {DLT: 1, SERIOUS: 1, OTHER: 2}
    assert all(chart.svg and chart.description and chart.table.rows for chart in charts)
    drawn = "".join(chart.svg for chart in charts)
    assert "<b>" not in drawn
    assert "style=" not in drawn
    assert "url(" not in drawn
    used = set(re.findall(r'(?:fill|stroke)="([^"]*)"', drawn))
    assert used - {"none", "transparent"} <= set(COLOURS)


@pytest.mark.django_db
def test_packet_of_the_format_before_has_its_ladder(trial: Conduct) -> None:
    content = convene_review(trial.study, by=trial.manager, now=trial.tick()).packet.content
    earlier = {name: part for name, part in content.items() if name != "charts"}

    (ladder,) = packet_charts(earlier)

    assert ladder.table.rows[-1] == (
        "DL1",
        "1 1e9 cells",
        "1 DLT in 2 evaluable, 1 pending",
        "P-001",
        "P-002",
        "P-003",
        "",
    )


def test_worst_grade_of_a_lane_is_counted_from_its_marks() -> None:
    lanes = [lane(1, (event(1, grade=3), event(2, grade=1))), lane(2)]

    assert count_grades(lanes)[0].worst == (1, 0, 0, 1, 0, 0)
