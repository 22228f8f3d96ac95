"""DLT reports by day: when each event began, was reported, counted, and was ruled on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt

from cohorts.queries.words import name_level
from ntrust.charts import (
    CARD,
    HARM,
    INK,
    MUTED,
    SETTLED,
    WAITING,
    WAITING_PAPER,
    Chart,
    Table,
    finish,
    make_chart,
    rows_of,
    sign,
)
from safety.states import DltReportState

Row = Mapping[str, Any]
_LOOKS: Final[Mapping[str, tuple[str, str, str]]] = {
    # state: shape, line, fill
    DltReportState.PROVISIONAL: ("triangle-up", WAITING, WAITING_PAPER),
    DltReportState.REPORTED: ("triangle-up", HARM, CARD),
    DltReportState.CONFIRMED: ("triangle-up", HARM, HARM),
    DltReportState.REFUTED: ("circle", MUTED, CARD),
    DltReportState.CLEARED: ("circle", SETTLED, CARD),
}
LEGEND: Final = (
    sign("tick", "the event began", stroke=INK),
    sign("triangle", "provisional", stroke=WAITING, fill=WAITING_PAPER),
    sign("triangle", "reported", stroke=HARM, fill=CARD),
    sign("triangle", "confirmed", stroke=HARM, fill=HARM),
    sign("circle", "refuted", stroke=MUTED, fill=CARD),
    sign("circle", "cleared", stroke=SETTLED, fill=CARD),
)
_ROW, _WIDTH, _NAME = 30, 480, 130


def draw_timeline(rows: Sequence[Row], *, of: str) -> Chart:
    """The chart of reports in force, by day; nothing drawn without a report."""
    return make_chart(
        "dlt-timeline",
        title=f"DLT reports of {of} by day",
        description=describe_timeline(rows),
        spec=timeline_spec(rows) if rows else None,
        table=Table(
            ("who", "level", "criterion", "event", "began on day", "reported", "ruled on", "now"),
            tuple(
                (
                    row["subject"],
                    name_level(row["level"]),
                    row["criterion"] or "not stated",
                    row["term"],
                    str(row["onset"]),
                    str(row["reported"]),
                    "" if row["ruled"] is None else str(row["ruled"]),
                    _now(row),
                )
                for row in rows
            ),
        ),
        legend=LEGEND,
        nothing="No DLT was reported.",
    )


def _now(row: Row) -> str:
    word = str(DltReportState(row["state"]).label)
    if row["state"] == DltReportState.PROVISIONAL and row["counts"] is not None:
        return f"{word}, counts from day {row['counts']}"
    return word


def describe_timeline(rows: Sequence[Row]) -> str:
    """Each report in a sentence."""
    said = [
        f"{row['subject']} at {name_level(row['level'])}: began on day {row['onset']}, "
        f"reported on day {row['reported']}, {_now(row)}"
        + (f" on day {row['ruled']}" if row["ruled"] is not None else "")
        for row in rows
    ]
    return "DLT reports by day since the first infusion. " + ". ".join(said) + "."


def timeline_spec(rows: Sequence[Row]) -> dict[str, Any]:
    """The Vega-Lite specification: a line a report, from its onset to the last that is known."""
    height = len(rows) * _ROW
    lines = [_line(row, n * _ROW + _ROW // 2) for n, row in enumerate(rows)]
    last = max(28, *(line["to"] for line in lines))
    first = min(0, *(line["day"] for line in lines))
    x = alt.X(
        "day:Q",
        scale=alt.Scale(domain=[first - 1, last + 2], nice=False),
        axis=alt.Axis(
            title="days since the first infusion", format="d", tickMinStep=7, ticks=False
        ),
    )
    y = alt.Y("y:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)
    chart = rows_of(lines)
    names = rows_of([{**line, "day": first - 1} for line in lines])
    layers = [
        chart.mark_rule(stroke=MUTED, strokeWidth=1.5).encode(x=x, x2="to:Q", y=y),
        chart.mark_point(
            shape="M0,-1.1L0,1.1", size=50, opacity=1, stroke=INK, strokeWidth=2
        ).encode(x=x, y=y),
        *_marks(lines, x, y),
        names.mark_text(align="left", dx=-_NAME, fontSize=12, color=INK).encode(
            x=x, y=y, text="name:N"
        ),
        chart.mark_text(align="left", dx=10, fontSize=11, color=INK).encode(
            x=alt.X("to:Q"), y=y, text="now:N"
        ),
    ]
    return finish(alt.layer(*layers).properties(width=_WIDTH, height=height))


def _line(row: Row, y: int) -> dict[str, Any]:
    known = [row[name] for name in ("reported", "ruled") if row[name] is not None]
    return {
        "day": row["onset"],
        "to": max(row["onset"], *known),
        "y": y,
        "name": f"{row['subject']} {name_level(row['level'])} {row['criterion']}",
        "now": DltReportState(row["state"]).label,
        "marks": _steps(row),
    }


def _steps(row: Row) -> list[tuple[int, str]]:
    """Day and state of each step: first what it was reported as, then what was ruled."""
    is_ruled = row["ruled"] is not None
    first = DltReportState.REPORTED if is_ruled else DltReportState(row["state"])
    return [(row["reported"], first), *([(row["ruled"], row["state"])] if is_ruled else [])]


def _marks(lines: Sequence[Mapping[str, Any]], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    steps = [
        {"day": day, "y": line["y"], "state": str(state)}
        for line in lines
        for day, state in line["marks"]
    ]
    layers = []
    for state, (shape, edge, fill) in _LOOKS.items():
        found = [step for step in steps if step["state"] == state]
        if found:
            mark = rows_of(found).mark_point(
                shape=shape, size=120, opacity=1, stroke=edge, strokeWidth=1.5, fill=fill
            )
            layers.append(mark.encode(x=x, y=y))
    return layers
