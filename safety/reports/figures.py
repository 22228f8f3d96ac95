"""The charts of a packet, by the section of its document in which they stand.

They are drawn from the packet's frozen content alone: what is drawn today shows what was known at
the data cut.
"""

from __future__ import annotations

from typing import Final

from ntrust.charts import Chart
from safety.charts import packet_charts
from safety.queries.packet_pages import PacketPage
from safety.reports.document import Figure, Sign

_SECTIONS: Final = {
    "swimmer": "days",
    "dlt": "dlts",
    "ae": "events",
    "lookahead": "lookahead",
    "trend": "trends",
    "boundary": "part_2",
}
"""By the first word of a chart's key; the ladder's section has the others."""


def draw_figures(page: PacketPage) -> dict[str, tuple[Figure, ...]]:
    """Every chart there is something to draw for."""
    found: dict[str, list[Figure]] = {}
    for chart in packet_charts(page.sealed):
        if chart.svg:
            section = _SECTIONS.get(chart.key.partition("-")[0], "ladder")
            found.setdefault(section, []).append(_figure(chart))
    return {section: tuple(figures) for section, figures in found.items()}


def _figure(chart: Chart) -> Figure:
    return Figure(
        title=chart.title,
        said=chart.description,
        svg=str(chart.svg),
        legend=tuple(Sign(line.words, str(line.svg)) for line in chart.legend),
        headers=chart.table.headers,
        rows=chart.table.rows,
    )
