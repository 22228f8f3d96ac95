"""The frame of every chart: one specification, drawn once as SVG, with its words and its table.

The drawing carries the colours of the light screen as plain attributes and no style of its own, so
it passes the content security policy, prints, and goes into a PDF as it is; in pages charts.css
maps the same attributes to the colours in force. Every colour of a chart is one of `COLOURS`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any, Final

import altair as alt
import vl_convert
from django.utils.safestring import SafeString, mark_safe

INK, MUTED, LINE, CARD = "#14202b", "#5b6b7a", "#dde3ea", "#ffffff"
SETTLED, SETTLED_PAPER = "#1d7a4c", "#e7f5ec"
WAITING, WAITING_PAPER = "#8a5a00", "#fff4dc"
HARM, HARM_PAPER = "#b3261e", "#fdebea"
ACCENT, WINDOW, CONDITIONING = "#0b5c7a", "#cfe6ee", "#9fb1c1"
COLOURS: Final = (
    *(INK, MUTED, LINE, CARD, SETTLED, SETTLED_PAPER, WAITING, WAITING_PAPER),
    *(HARM, HARM_PAPER, ACCENT, WINDOW, CONDITIONING),
)
FONT: Final = "Inter, system-ui, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif"
_SHAPES: Final = {
    "circle": '<circle cx="8" cy="8" r="6.5" {look}/>',
    "dot": '<circle cx="8" cy="8" r="4" {look}/>',
    "square": '<rect x="2" y="2" width="12" height="12" {look}/>',
    "triangle": '<path d="M8,2L14.5,13.5H1.5Z" {look}/>',
    "diamond": '<path d="M8,2L13,8L8,14L3,8Z" {look}/>',
    "bar": '<rect x="0.5" y="5" width="15" height="7" {look}/>',
    "tick": '<path d="M8,2V14" {look}/>',
    "line": '<path d="M0,8H16" {look}/>',
    "arrow": '<path d="M1,8H14M10,4L14,8L10,12" {look}/>',
    "cross": '<path d="M3,3L13,13M3,13L13,3" {look}/>',
    "struck": '<g {look}><circle cx="8" cy="8" r="6.5"/><path d="M1.5,8H14.5"/></g>',
    "striped": '<g {look}><rect x="0.5" y="5" width="15" height="7"/>'
    '<path d="M4,5V12M8,5V12M12,5V12"/></g>',
}
_LOOK: Final = {
    "aria": False,
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": MUTED,
        "gridColor": LINE,
        "tickColor": LINE,
        "domain": False,
        "labelFont": FONT,
        "titleFont": FONT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "titlePadding": 8,
    },
    "title": {"font": FONT, "fontSize": 12, "color": INK, "anchor": "start"},
    "text": {"font": FONT},
}
_KEPT: Final = 256
"""Drawings kept by a process: the same specification is drawn once."""

Spec = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """The same data as a chart draws, row by row; its twin."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Sign:
    """One line of a legend: the mark, drawn small, and what it means."""

    svg: SafeString
    words: str


@dataclass(frozen=True)
class Chart:
    """A chart as pages and documents show it, unchanged.

    `description`: the chart in words. `svg` is empty where there is nothing to draw; then `nothing`
    says so in a sentence.
    """

    key: str
    title: str
    description: str
    svg: SafeString
    table: Table
    legend: tuple[Sign, ...] = ()
    nothing: str = ""


def make_chart(  # noqa: PLR0913 - the parts of a chart
    key: str,
    *,
    title: str,
    description: str,
    spec: Spec | None,
    table: Table,
    legend: Sequence[Sign] = (),
    nothing: str = "Nothing to draw yet.",
) -> Chart:
    """The chart of a specification; with none, a sentence and no drawing."""
    if spec is None:
        return Chart(key, title, nothing, SafeString(""), table, (), nothing)
    svg = draw(spec, title=title, description=description)
    return Chart(key, title, description, svg, table, tuple(legend))


def draw(spec: Spec, *, title: str, description: str) -> SafeString:
    """A Vega-Lite specification as one `<svg>` element with title and description."""
    svg = _drawn(json.dumps(spec, sort_keys=True))
    named = f"<title>{escape(title)}</title><desc>{escape(description)}</desc>"
    head, _, rest = svg.partition(">")
    head = head.replace('class="marks"', 'class="chart" role="img"', 1)
    whole = f'{head}>{named}<g aria-hidden="true">{rest.removesuffix("</svg>")}</g></svg>'
    return mark_safe(whole)  # nosec B308 # made by the chart library, which escapes


def sign(
    shape: str, words: str, *, stroke: str = "none", fill: str = "none", is_dashed: bool = False
) -> Sign:
    """A line of a legend; the shapes are those of `_SHAPES`."""
    dash = ' stroke-dasharray="3,2"' if is_dashed else ""
    look = f'fill="{fill}" stroke="{stroke}" stroke-width="1.5"{dash}'
    svg = (
        '<svg class="chart sign" xmlns="http://www.w3.org/2000/svg" width="16" height="16" '
        f'viewBox="0 0 16 16" aria-hidden="true">{_SHAPES[shape].format(look=look)}</svg>'
    )
    return Sign(mark_safe(svg), words)  # nosec B308 # nothing in it was typed by anybody


@lru_cache(maxsize=_KEPT)
def _drawn(spec: str) -> str:
    return str(vl_convert.vegalite_to_svg(spec))


def finish(chart: Any) -> dict[str, Any]:
    """A chart of the library as a specification in the house's look."""
    spec: dict[str, Any] = chart.to_dict()
    return {**spec, "background": "transparent", "padding": 4, "config": _LOOK}


def rows_of(values: Sequence[Mapping[str, Any]]) -> alt.Chart:
    """A chart over plain rows, to be marked."""
    return alt.Chart(alt.Data(values=[dict(row) for row in values]))
