"""Trends as charts: the thresholds, names that do not cover one another, and a bounded size."""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise

from dosing.charts import SketchPoint, TrendSketch, chart_trend


def sketch(people: int, values: int, *, same: bool = False) -> TrendSketch:
    points = tuple(
        SketchPoint(f"P-{n:03}", "DL1", day * 7, Decimal(2 if same else n + day), "2 g/g")
        for n in range(people)
        for day in range(values)
    )
    high = Decimal("0.2")
    return TrendSketch("upcr", "UPCR", "g/g", None, high, "0.2 g/g or less", ("DL1",), points)


def test_names_at_the_same_value_stand_apart() -> None:
    for people in (3, 20):
        chart = chart_trend(sketch(people, 2, same=True), by_level=True)

        heights = re.findall(r'translate\([\d.]+,([-\d.]+)\)"[^>]*>P-0\d\d</text>', chart.svg)
        assert len(heights) == people
        gaps = sorted(float(height) for height in heights)
        assert min(b - a for a, b in pairwise(gaps)) > 10
        assert gaps[0] >= -1


def test_threshold_is_a_line_of_its_own() -> None:
    chart = chart_trend(sketch(2, 2))

    assert 'stroke-dasharray="4,3"' in chart.svg
    assert [line.words for line in chart.legend] == ["reference range"]


def test_many_values_stay_small_and_are_all_in_the_table() -> None:
    chart = chart_trend(sketch(48, 9), by_level=True)

    assert len(chart.svg) < 150_000
    assert len(chart.table.rows) == 48 * 9
    assert chart.svg.count(">P-0") == 48
