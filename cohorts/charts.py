"""The escalation path as one chart specification, drawn as SVG for pages and documents.

The drawing carries the colours of the light screen as plain attributes and no style of its own, so
it passes the content security policy, prints, and goes into a PDF as it is; in pages the stylesheet
maps the same attributes to the colours of the dark screen.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any, Final

import altair as alt
import vl_convert

from cohorts.queries.path import Path, PathPerson

INK, MUTED, LINE, CARD = "#14202b", "#5b6b7a", "#dde3ea", "#ffffff"
_KINDS: Final[Mapping[str, tuple[str, str, str]]] = {
    # letter: shape, line, fill
    "N": ("circle", "#1d7a4c", "#e7f5ec"),
    "T": ("square", "#b3261e", "#fdebea"),
    "P": ("circle", "#8a5a00", "#fff4dc"),
    "X": ("circle", MUTED, CARD),
}
_FONT = "Inter, system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_STEP, _ROW = 34, 62
_SHORTEST = 8


def draw_path(path: Path) -> str:
    """The chart as an `<svg>` element with title and description; nothing when nobody is seated."""
    if not path.people:
        return ""
    svg: str = vl_convert.vegalite_to_svg(path_chart(path))
    title = f"Escalation path of {path.study.protocol_number or path.study.key}"
    named = f"<title>{escape(title)}</title><desc>{escape(describe_path(path))}</desc>"
    head, _, rest = svg.partition(">")
    head = head.replace('class="marks"', 'class="chart path-chart" role="img"', 1)
    return f'{head}>{named}<g aria-hidden="true">{rest.removesuffix("</svg>")}</g></svg>'


def describe_path(path: Path) -> str:
    """The path in words: levels in the order they were dosed, with what was seen."""
    runs: list[list[PathPerson]] = []
    for one in path.people:
        if runs and runs[-1][0].person.level == one.person.level:
            runs[-1].append(one)
        else:
            runs.append([one])
    parts = [
        f"{run[0].level_name}: {', '.join(one.person.mark.text for one in run)}" for run in runs
    ]
    return "Participants in order of first infusion. " + ". ".join(parts) + "."


def path_chart(path: Path) -> dict[str, Any]:
    """The Vega-Lite specification: one mark a participant, the line of levels, the decisions."""
    across = max(len(path.people), _SHORTEST)
    x = alt.X(
        "order:Q",
        scale=alt.Scale(domain=[0.3, across + 0.7], nice=False),
        axis=alt.Axis(
            title="participants in order of first infusion",
            values=list(range(1, across + 1)),
            grid=False,
            format="d",
            ticks=False,
            domain=False,
        ),
    )
    y = alt.Y(
        "level:O",
        sort=[level.name for level in path.levels],
        scale=alt.Scale(domain=[level.name for level in path.levels], padding=0.4),
        axis=alt.Axis(title=None, grid=True, ticks=False, domain=False, labelPadding=12),
    )
    layers = [*_decision_layers(path, x), *_people_layers(path, x, y)]
    chart = alt.layer(*layers).properties(
        width=across * _STEP,
        height=len(path.levels) * _ROW,
        background="transparent",
        padding=4,
    )
    configured = (
        chart.configure_view(stroke=None)
        .configure_axis(
            labelColor=INK,
            titleColor=MUTED,
            gridColor=LINE,
            labelFont=_FONT,
            titleFont=_FONT,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            titlePadding=8,
        )
        .configure_text(font=_FONT)
    )
    return dict(configured.to_dict())


def _people_layers(path: Path, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    rows = [
        {
            "order": one.order,
            "level": one.level_name,
            "letter": one.person.letter,
            "label": one.person.short if one.person.is_seen else "",
        }
        for one in path.people
    ]
    chart = alt.Chart(alt.Data(values=rows))
    # The line runs along the order of participants, whatever the axes suggest to the library.
    line = chart.mark_line(
        orient="vertical", interpolate="step", stroke=MUTED, strokeWidth=1.5
    ).encode(x=x, y=y, order="order:Q")
    marks = [
        chart.transform_filter(alt.datum.letter == letter)
        .mark_point(
            shape=shape,
            size=620,
            opacity=1,
            fill=fill,
            stroke=edge,
            strokeWidth=2,
            strokeDash=[4, 3] if letter == "P" else [1, 0],
        )
        .encode(x=x, y=y)
        for letter, (shape, edge, fill) in _KINDS.items()
    ]
    struck = (
        chart.transform_filter(alt.datum.letter == "X")
        .mark_point(shape="stroke", size=620, opacity=1, stroke=MUTED, strokeWidth=2)
        .encode(x=x, y=y)
    )
    numbers = [
        chart.transform_filter(alt.datum.letter == letter)
        .mark_text(fontSize=11, fontWeight="bold", color=edge)
        .encode(x=x, y=y, text="label:N")
        for letter, (_, edge, _) in _KINDS.items()
    ]
    return [line, *marks, *numbers, struck]


def _decision_layers(path: Path, x: alt.X) -> list[alt.Chart]:
    """A thin line where decisions were signed, their numbers above; an override has a star."""
    labels: dict[float, list[str]] = {}
    for step in path.decisions:
        if step.decision is not None:
            star = "*" if step.decision.is_override else ""
            labels.setdefault(step.after + 0.5, []).append(f"#{step.decision.number}{star}")
    if not labels:
        return []
    rows = [{"order": order, "label": "\n".join(found)} for order, found in labels.items()]
    chart = alt.Chart(alt.Data(values=rows))
    rule = chart.mark_rule(stroke=LINE, strokeWidth=1.5, strokeDash=[3, 3]).encode(x=x)
    number = chart.mark_text(
        fontSize=11, color=MUTED, baseline="line-bottom", dy=-3, lineBreak="\n"
    ).encode(x=x, y=alt.value(0), text="label:N")
    return [rule, number]
