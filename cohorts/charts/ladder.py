"""The ladder: a rung a level, a mark for everybody who counts there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt

from cohorts.charts.marks import KINDS, LEGEND
from ntrust.charts import INK, LINE, MUTED, Chart, Table, finish, make_chart, rows_of

_RUNG, _STEP, _LEAST, _NAME = 54, 36, 7, 150


@dataclass(frozen=True)
class Rung:
    """A level from the top: its dose, its counts in words, and (letter, subject, label) of each."""

    name: str
    dose: str
    counts: str
    people: tuple[tuple[str, str, str], ...]


def chart_ladder(rungs: Sequence[Rung], *, of: str) -> Chart:
    """The chart with its words and its table."""
    said = [f"{rung.name}, {rung.dose}: {rung.counts}" for rung in rungs]
    return make_chart(
        "ladder",
        title=f"Dose levels of {of}",
        description=". ".join(said) + ".",
        spec=ladder_spec(rungs) if any(rung.people for rung in rungs) else None,
        table=Table(
            ("level", "dose", "counts", "no DLT", "DLT", "pending", "not evaluable"),
            tuple(
                (rung.name, rung.dose, rung.counts, *(_who(rung, letter) for letter in KINDS))
                for rung in rungs
            ),
        ),
        legend=LEGEND,
        nothing="Nobody has a seat yet.",
    )


def _who(rung: Rung, letter: str) -> str:
    return ", ".join(subject for one, subject, _ in rung.people if one == letter)


def ladder_spec(rungs: Sequence[Rung]) -> dict[str, Any]:
    """The Vega-Lite specification: the highest level on top, its name and dose on the left."""
    across = max(_LEAST, *(len(rung.people) for rung in rungs))
    height = len(rungs) * _RUNG
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, across], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)
    heads = [
        {
            "x": 0,
            "to": across,
            "y": n * _RUNG + _RUNG / 2,
            "name": one.name,
            "dose": one.dose,
            "counts": one.counts,
        }
        for n, one in enumerate(rungs)
    ]
    marks = [
        {"x": place + 0.5, "y": n * _RUNG + _RUNG / 2, "letter": letter, "label": label}
        for n, rung in enumerate(rungs)
        for place, (letter, _, label) in enumerate(rung.people)
    ]
    names = rows_of(heads)
    layers = [
        names.mark_rule(stroke=LINE, strokeWidth=1.5).encode(x=x, x2="to:Q", y=y),
        names.mark_text(
            align="left", dx=-_NAME, dy=-8, fontSize=13, fontWeight="bold", color=INK
        ).encode(x=x, y=y, text="name:N"),
        names.mark_text(align="left", dx=-_NAME, dy=8, fontSize=11, color=MUTED).encode(
            x=x, y=y, text="dose:N"
        ),
    ]
    counts = names.mark_text(align="left", dx=10, fontSize=12, color=INK)
    layers.append(counts.encode(x=alt.X("to:Q", axis=None), y=y, text="counts:N"))
    for letter, look in KINDS.items():
        found = [mark for mark in marks if mark["letter"] == letter]
        if found:
            layers += _people(found, letter, look, x, y)
    return finish(alt.layer(*layers).properties(width=across * _STEP, height=height))


def _people(
    found: list[dict[str, Any]], letter: str, look: tuple[str, str, str], x: alt.X, y: alt.Y
) -> list[alt.Chart]:
    shape, edge, fill = look
    chart = rows_of(found)
    dash = [4, 3] if letter == "P" else [1, 0]
    parts = [
        chart.mark_point(
            shape=shape,
            size=620,
            opacity=1,
            fill=fill,
            stroke=edge,
            strokeWidth=2,
            strokeDash=dash,
        ),
        chart.mark_text(fontSize=11, fontWeight="bold", color=edge),
    ]
    layers = [parts[0].encode(x=x, y=y), parts[1].encode(x=x, y=y, text="label:N")]
    if letter == "X":
        struck = chart.mark_point(shape="stroke", size=620, opacity=1, stroke=edge, strokeWidth=2)
        layers.append(struck.encode(x=x, y=y))
    return layers
