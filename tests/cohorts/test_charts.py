"""The boundary of Part 2 and the ladder as charts: what is drawn, and what the table says."""

from __future__ import annotations

import re

from cohorts.charts import BoundarySketch, Rung, chart_boundary, chart_ladder

BOUNDARY = {3: 3, 4: 4, 5: 4, 6: 4}


def sketch(*steps: tuple[int, int], pending: int = 0, provisional: int = 0) -> BoundarySketch:
    return BoundarySketch("LN & pMN", BOUNDARY, ((0, 0), *steps), pending, provisional)


def test_boundary_shows_the_way_here_and_the_next_stop() -> None:
    chart = chart_boundary(sketch((1, 0), (2, 1), (3, 2), (4, 2), pending=1))

    assert chart.key == "boundary-ln-pmn"
    assert chart.table.rows == (("3", "3", "2 of 3"), ("4 to 6", "4", "2 of 4 · now"))
    assert chart.description == (
        "2 DLTs among 4 evaluated, 1 pending. The boundary is not reached. "
        "It is next reached at 4 of 6."
    )
    assert chart.svg.count('stroke="#b3261e"') == 2


def test_crossed_boundary_has_no_next_stop() -> None:
    chart = chart_boundary(sketch((1, 1), (2, 2), (3, 3)))

    assert chart.description == "3 DLTs among 3 evaluated, 0 pending. The boundary is crossed."
    assert chart.table.rows[0] == ("3", "3", "3 of 3 · now")


def test_provisional_dlts_that_would_cross_are_said() -> None:
    chart = chart_boundary(sketch((1, 1), (2, 2), pending=1, provisional=1))

    assert "The boundary is crossed if the provisional DLTs count." in chart.description


def test_boundary_that_stops_nowhere_is_a_sentence() -> None:
    empty = BoundarySketch("all", {}, ((0, 0),), 0, 0)

    assert (chart_boundary(empty).svg, chart_boundary(empty).nothing) == (
        "",
        "The boundary stops at no number.",
    )


def test_ladder_has_a_mark_for_everybody() -> None:
    people = (
        ("N", "P-001", "01"),
        ("T", "P-002", "02"),
        ("P", "P-003", "03"),
        ("X", "P-004", "04"),
    )
    rungs = [Rung("DL2", "2 mg", "no DLT", ()), Rung("DL1", "1 mg", "1 DLT", people)]

    chart = chart_ladder(rungs, of="TEST-001")

    assert re.findall(r">(0\d)</text>", chart.svg) == ["01", "02", "03", "04"]
    assert chart.table.rows == (
        ("DL2", "2 mg", "no DLT", "", "", "", ""),
        ("DL1", "1 mg", "1 DLT", "P-001", "P-002", "P-003", "P-004"),
    )
    assert chart.description == "DL2, 2 mg: no DLT. DL1, 1 mg: 1 DLT."
    assert chart_ladder([Rung("DL1", "1 mg", "no DLT", ())], of="X").svg == ""
