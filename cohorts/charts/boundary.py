"""The toxicity boundary of Part 2: where it stops, how the trial came here, what is next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
from django.utils.text import slugify

from cohorts.charts.marks import KINDS
from cohorts.engine.expansion import Outlook, could_cross, look_ahead
from cohorts.engine.monitoring import Boundary
from cohorts.queries.part_2 import GroupRow
from ntrust.charts import CARD, HARM, INK, Chart, Table, finish, make_chart, rows_of, sign


@dataclass(frozen=True)
class BoundarySketch:
    """A group that is monitored together. `steps`: evaluated participants and those of them with a
    DLT, after each one, from (0, 0) on."""

    name: str
    boundary: Boundary
    steps: tuple[tuple[int, int], ...]
    pending: int
    provisional: int

    @property
    def n(self) -> int:
        return self.steps[-1][0]

    @property
    def x(self) -> int:
        return self.steps[-1][1]

    @property
    def outlook(self) -> Outlook:
        return look_ahead(self.boundary, n=self.n, x=self.x, pending=self.pending)

    @property
    def could_cross(self) -> bool:
        """Whether it is crossed, or would be if the provisional DLTs counted."""
        return self.outlook.is_crossed or could_cross(
            self.boundary, n=self.n, x=self.x, provisional=self.provisional
        )


def draw_boundary(group: GroupRow) -> Chart:
    """A group against its toxicity boundary, as one viewer may see it: counts alone."""
    return chart_boundary(
        BoundarySketch(group.name, group.boundary, group.steps, group.pending, group.provisional)
    )


def chart_boundary(sketch: BoundarySketch) -> Chart:
    """The chart with its words and its table; nothing where the boundary stops at no number."""
    shape, edge, fill = _look(sketch)
    return make_chart(
        f"boundary-{slugify(sketch.name)}",
        title=f"Toxicity boundary of Part 2, {sketch.name}",
        description=_describe(sketch),
        spec=boundary_chart(sketch) if sketch.boundary else None,
        table=Table(("evaluated", "stops at DLTs", "observed"), _rows(sketch)),
        legend=(
            sign("line", "the smallest number of DLTs that stops", stroke=HARM),
            sign("line", "observed", stroke=INK),
            sign(shape, "where the trial stands", stroke=edge, fill=fill),
            sign("diamond", "next stop, if every further participant has a DLT", stroke=HARM),
        ),
        nothing="The boundary stops at no number.",
    )


def _look(sketch: BoundarySketch) -> tuple[str, str, str]:
    return KINDS["T" if sketch.could_cross else "N"]


def _describe(sketch: BoundarySketch) -> str:
    outlook = sketch.outlook
    standing = "crossed" if outlook.is_crossed else "not reached"
    if not outlook.is_crossed and sketch.could_cross:
        standing = "crossed if the provisional DLTs count"
    said = f"{sketch.x} DLTs among {sketch.n} evaluated, {sketch.pending} pending. "
    said += f"The boundary is {standing}."
    if outlook.next and not outlook.is_crossed:
        said += f" It is next reached at {outlook.next.x} of {outlook.next.n}."
    return said


def _rows(sketch: BoundarySketch) -> tuple[tuple[str, ...], ...]:
    """The boundary, runs of the same number put together; what was observed in each."""
    runs: list[list[int]] = []
    for n, limit in sorted(sketch.boundary.items()):
        if runs and runs[-1][2] == limit:
            runs[-1][1] = n
        else:
            runs.append([n, n, limit])
    return tuple(
        (
            str(first) if first == last else f"{first} to {last}",
            str(limit),
            _observed(sketch.steps, first, last, sketch.n),
        )
        for first, last, limit in runs
    )


def _observed(steps: Sequence[tuple[int, int]], first: int, last: int, now: int) -> str:
    seen = [f"{x} of {n}" for n, x in steps if first <= n <= last]
    return ", ".join(seen) + (" · now" if first <= now <= last else "")


def boundary_chart(sketch: BoundarySketch) -> dict[str, Any]:
    """The Vega-Lite specification: the steps of the boundary, those observed, and the next stop."""
    most = max(*sketch.boundary, sketch.n)
    highest = max(*sketch.boundary.values(), sketch.x) + 1
    x = alt.X(
        "n:Q",
        scale=alt.Scale(domain=[0, most + 1], nice=False),
        axis=alt.Axis(title="evaluated participants", grid=False, format="d", tickMinStep=1),
    )
    y = alt.Y(
        "x:Q",
        scale=alt.Scale(domain=[0, highest], nice=False),
        axis=alt.Axis(title="with a DLT", format="d", tickMinStep=1),
    )
    limits = [{"n": n, "x": limit} for n, limit in sorted(sketch.boundary.items())]
    shape, edge, fill = _look(sketch)
    layers = [
        _steps(limits, x, y, stroke=HARM, strokeWidth=2),
        _steps([{"n": n, "x": x} for n, x in sketch.steps], x, y, stroke=INK, strokeWidth=1.5),
    ]
    following = sketch.outlook.next
    if following is not None and not sketch.outlook.is_crossed:
        ahead = rows_of([{"n": following.n, "x": following.x}])
        layers.append(
            ahead.mark_point(
                shape="diamond", size=110, opacity=1, fill=CARD, stroke=HARM, strokeWidth=2
            ).encode(x=x, y=y)
        )
    here = rows_of([{"n": sketch.n, "x": sketch.x}])
    layers.append(
        here.mark_point(
            shape=shape, size=220, opacity=1, fill=fill, stroke=edge, strokeWidth=2
        ).encode(x=x, y=y)
    )
    return finish(alt.layer(*layers).properties(width=270, height=170))


def _steps(rows: Sequence[dict[str, int]], x: alt.X, y: alt.Y, **look: Any) -> alt.Chart:
    return rows_of(rows).mark_line(interpolate="step-after", **look).encode(x=x, y=y)
