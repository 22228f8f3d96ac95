"""Measurements over time: a line a participant, the reference range behind them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import altair as alt

from dosing.queries import Trend
from ntrust.charts import (
    CARD,
    INK,
    LINE,
    MUTED,
    SETTLED,
    SETTLED_PAPER,
    Chart,
    Table,
    finish,
    make_chart,
    rows_of,
    sign,
)

_WIDTH, _HEIGHT, _LINE = 420, 130, 13
_MOST_MARKS = 200
"""With more values only the lines are drawn, so that the drawing stays small."""
Row = Mapping[str, Any]
_BAND = (sign("bar", "reference range", fill=SETTLED_PAPER, stroke=SETTLED),)


@dataclass(frozen=True)
class SketchPoint:
    """One value of a participant, on a day from infusion 1."""

    series: str
    level: str
    day: int
    value: Decimal
    shown: str


@dataclass(frozen=True)
class TrendSketch:
    """What a trend is drawn from; points in order of time, `reference` in words."""

    key: str
    name: str
    unit: str
    low: Decimal | None
    high: Decimal | None
    reference: str
    levels: tuple[str, ...]
    points: tuple[SketchPoint, ...]


def draw_trend(trend: Trend, *, by_level: bool = False) -> Chart:
    """The chart of a measurement as one viewer may see it.

    `by_level`: one row of the chart a dose level, a line a participant with their number.
    """
    return chart_trend(sketch_trend(trend), by_level=by_level)


def sketch_trend(trend: Trend) -> TrendSketch:
    """The plain facts of a trend: what has a day, in the unit of the axis."""
    return TrendSketch(
        key=trend.key,
        name=trend.name,
        unit=trend.unit,
        low=trend.reference_low,
        high=trend.reference_high,
        reference=trend.reference,
        levels=trend.levels,
        points=tuple(
            SketchPoint(point.series, point.level, point.day, point.value, point.shown)
            for point in trend.drawn
            if point.day is not None
        ),
    )


def chart_trend(
    trend: TrendSketch, *, by_level: bool = False, nothing: str = "No values yet."
) -> Chart:
    """The chart with its words and its table; nothing drawn without a value."""
    return make_chart(
        f"trend-{trend.key}",
        title=f"{trend.name} over time",
        description=describe_trend(trend),
        spec=trend_chart(trend, by_level=by_level) if trend.points else None,
        table=Table(
            ("who", "level", "day", "value"),
            tuple((p.series, p.level, str(p.day), p.shown) for p in trend.points),
        ),
        legend=_BAND if trend.reference else (),
        nothing=nothing,
    )


def describe_trend(trend: TrendSketch) -> str:
    """The chart in words: each participant's first and last value."""
    series: dict[str, list[SketchPoint]] = {}
    for point in trend.points:
        series.setdefault(point.series, []).append(point)
    said = []
    for name, points in series.items():
        first, last = points[0], points[-1]
        one = f"{name}: {first.shown} on day {first.day}"
        said.append(one if first is last else f"{one}, {last.shown} on day {last.day}")
    reference = f" Reference range: {trend.reference}." if trend.reference else ""
    return f"{trend.name} by days since infusion 1. {'. '.join(said)}.{reference}"


def trend_chart(trend: TrendSketch, *, by_level: bool = False) -> dict[str, Any]:
    """The Vega-Lite specification; all rows share their axes."""
    rows: list[str | None] = [*trend.levels] if by_level else [None]
    parts = [_panel(trend, level, is_last=level == rows[-1]) for level in rows]
    chart = parts[0] if len(parts) == 1 else alt.vconcat(*parts, spacing=8)
    return finish(chart)


def _panel(trend: TrendSketch, level: str | None, *, is_last: bool) -> Any:
    """One row: the reference range behind, a line a participant, the number at its end."""
    points = [point for point in trend.points if level is None or point.level == level]
    values = [
        {"day": point.day, "value": float(point.value), "series": point.series} for point in points
    ]
    x = alt.X(
        "day:Q",
        scale=alt.Scale(domain=_days(trend), nice=True),
        axis=alt.Axis(title="days since infusion 1" if is_last else None, format="d"),
    )
    y = alt.Y(
        "value:Q",
        scale=alt.Scale(domain=_values(trend), nice=True),
        axis=alt.Axis(title=trend.unit, grid=True, tickCount=4),
    )
    height = max(_HEIGHT, (len({row["series"] for row in values}) + 1) * _LINE)
    chart = rows_of(values)
    line = chart.mark_line(stroke=MUTED, strokeWidth=1.5).encode(x=x, y=y, detail="series:N")
    layers = [*_reference(trend), line]
    marked = _marked(trend, values)
    if marked:
        mark = rows_of(marked).mark_point(
            shape="circle", size=45, opacity=1, fill=CARD, stroke=INK, strokeWidth=1.5
        )
        layers.append(mark.encode(x=x, y=y))
    if level is not None:
        layers += _names(trend, values, height, x, y)
    layered = alt.layer(*layers).properties(width=_WIDTH, height=height)
    return layered.properties(title=level) if level is not None else layered


def _marked(trend: TrendSketch, values: Sequence[Row]) -> Sequence[Row]:
    """The values that have a mark of their own: all, or where there are many those that no line
    would show."""
    if len(trend.points) <= _MOST_MARKS:
        return values
    count = Counter(row["series"] for row in values)
    return [row for row in values if count[row["series"]] == 1]


def _names(
    trend: TrendSketch, values: Sequence[Row], height: int, x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    """Each participant's number right of their last value, moved apart where they would touch."""
    last = {row["series"]: row for row in values}
    bottom, top = _values(trend)
    apart = (top - bottom) * _LINE / height
    right = _days(trend)[1]
    ends = sorted(last.values(), key=lambda one: (one["value"], one["series"]))
    named: list[dict[str, Any]] = []
    for row in ends:
        lowest = named[-1]["at"] + apart if named else bottom
        named.append({**row, "to": right + 1, "at": max(row["value"], lowest)})
    highest = top
    for name in reversed(named):
        name["at"] = min(name["at"], highest)
        highest = name["at"] - apart
    names = rows_of(named)
    lead = names.mark_rule(stroke=LINE).encode(x=x, x2="to:Q", y=y, y2="at:Q")
    text = names.mark_text(align="left", dx=3, fontSize=11, color=INK)
    return [lead, text.encode(x=alt.X("to:Q"), y=alt.Y("at:Q"), text="series:N")]


def _reference(trend: TrendSketch) -> list[alt.Chart]:
    low, high = trend.low, trend.high
    if low is None and high is None:
        return []
    bottom, top = _values(trend)
    band = {
        "low": max(bottom, float(low)) if low is not None else bottom,
        "high": min(top, float(high)) if high is not None else top,
    }
    if band["low"] >= band["high"]:
        return []
    chart = rows_of([band])
    limits = [{"at": float(one)} for one in (low, high) if one is not None and one <= top]
    return [
        chart.mark_rect(fill=SETTLED_PAPER, opacity=1).encode(y=alt.Y("low:Q"), y2="high:Q"),
        rows_of(limits)
        .mark_rule(stroke=SETTLED, strokeWidth=1, strokeDash=[4, 3])
        .encode(y=alt.Y("at:Q")),
    ]


def _days(trend: TrendSketch) -> list[int]:
    days = [point.day for point in trend.points]
    return [min(0, *days), max(7, *days)]


def _values(trend: TrendSketch) -> list[float]:
    """From nought, or the lowest, to a little over the highest."""
    values = [float(point.value) for point in trend.points]
    top = max(values) or 1.0
    return [min(0.0, *values), top * 1.05]
