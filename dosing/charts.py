"""Measurements over time as one chart specification, drawn as SVG.

As in cohorts/charts.py the drawing carries the colours of the light screen as plain attributes; in
pages the stylesheet maps them to the colours in force. Every chart has its values as a table.
"""

from __future__ import annotations

from html import escape
from typing import Any, Final

import altair as alt
import vl_convert

from dosing.queries import Trend
from dosing.queries.measurements import TrendPoint

INK, MUTED, LINE, CARD = "#14202b", "#5b6b7a", "#dde3ea", "#ffffff"
REFERENCE: Final = "#e7f5ec"
_FONT: Final = "Inter, system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_WIDTH, _HEIGHT = 420, 130


def draw_trend(trend: Trend, *, by_level: bool = False) -> str:
    """The chart as an `<svg>` element with title and description; empty when nothing can be drawn.

    `by_level`: one row of the chart a dose level, a line a participant with their number.
    """
    if not trend.drawn:
        return ""
    svg: str = vl_convert.vegalite_to_svg(trend_chart(trend, by_level=by_level))
    title, said = escape(f"{trend.name} over time"), escape(describe_trend(trend))
    head, _, rest = svg.partition(">")
    head = head.replace('class="marks"', 'class="chart path-chart trend-chart" role="img"', 1)
    named = f"<title>{title}</title><desc>{said}</desc>"
    return f'{head}>{named}<g aria-hidden="true">{rest.removesuffix("</svg>")}</g></svg>'


def describe_trend(trend: Trend) -> str:
    """The chart in words: each participant's first and last value."""
    series: dict[str, list[TrendPoint]] = {}
    for point in trend.drawn:
        series.setdefault(point.series, []).append(point)
    said = []
    for name, points in series.items():
        first, last = points[0], points[-1]
        one = f"{name}: {first.shown} on day {first.day}"
        said.append(one if first is last else f"{one}, {last.shown} on day {last.day}")
    reference = f" Reference range: {trend.reference}." if trend.reference else ""
    return f"{trend.name} by days since infusion 1. {'. '.join(said)}.{reference}"


def trend_chart(trend: Trend, *, by_level: bool = False) -> dict[str, Any]:
    """The Vega-Lite specification; all rows share their axes."""
    rows: list[str | None] = [*trend.levels] if by_level else [None]
    parts = [_panel(trend, level, is_last=level == rows[-1]) for level in rows]
    chart = parts[0] if len(parts) == 1 else alt.vconcat(*parts, spacing=8)
    configured = (
        chart.properties(background="transparent", padding=4)
        .configure_view(stroke=LINE)
        .configure_axis(
            labelColor=INK,
            titleColor=MUTED,
            gridColor=LINE,
            labelFont=_FONT,
            titleFont=_FONT,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            domain=False,
            tickColor=LINE,
        )
        .configure_title(font=_FONT, fontSize=12, color=INK, anchor="start")
        .configure_text(font=_FONT)
    )
    return dict(configured.to_dict())


def _panel(trend: Trend, level: str | None, *, is_last: bool) -> Any:
    """One row: the reference range behind, a line a participant, the number at its end."""
    points = [point for point in trend.drawn if level is None or point.level == level]
    values = [
        {"day": point.day, "value": float(point.value), "series": point.series} for point in points
    ]
    ends = {row["series"]: row for row in values}
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
    chart = alt.Chart(alt.Data(values=values))
    line = chart.mark_line(stroke=MUTED, strokeWidth=1.5).encode(x=x, y=y, detail="series:N")
    marks = chart.mark_point(
        shape="circle", size=45, opacity=1, fill=CARD, stroke=INK, strokeWidth=1.5
    ).encode(x=x, y=y)
    layers = [*_reference(trend), line, marks]
    if level is not None:
        names = alt.Chart(alt.Data(values=list(ends.values())))
        layers.append(
            names.mark_text(align="left", dx=7, fontSize=11, color=INK).encode(
                x=x, y=y, text="series:N"
            )
        )
    layered = alt.layer(*layers).properties(width=_WIDTH, height=_HEIGHT)
    return layered.properties(title=level) if level is not None else layered


def _reference(trend: Trend) -> list[alt.Chart]:
    low, high = trend.reference_low, trend.reference_high
    if low is None and high is None:
        return []
    bottom, top = _values(trend)
    band = {
        "low": max(bottom, float(low)) if low is not None else bottom,
        "high": min(top, float(high)) if high is not None else top,
    }
    if band["low"] >= band["high"]:
        return []
    chart = alt.Chart(alt.Data(values=[band]))
    return [chart.mark_rect(fill=REFERENCE, opacity=1).encode(y=alt.Y("low:Q"), y2="high:Q")]


def _days(trend: Trend) -> list[int]:
    days = [point.day for point in trend.drawn if point.day is not None]
    return [min(0, *days), max(7, *days)]


def _values(trend: Trend) -> list[float]:
    """From nought, or the lowest, to a little over the highest."""
    values = [float(point.value) for point in trend.drawn]
    top = max(values) or 1.0
    return [min(0.0, *values), top * 1.05]
