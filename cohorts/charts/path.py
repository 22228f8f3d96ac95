"""The escalation path: a mark a participant, the line of levels, the decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import altair as alt

from cohorts.charts.marks import KINDS, LEGEND
from cohorts.queries.path import Path
from ntrust.charts import LINE, MUTED, Chart, Table, finish, make_chart, rows_of, sign

_STEP, _ROW = 34, 62
_SHORTEST = 8


@dataclass(frozen=True)
class PathMark:
    """A participant's place, counted from 1 in order of first infusion. `label` stands on the
    mark; `who` and `word` are for the table."""

    order: int
    level: str
    letter: str
    label: str
    who: str
    word: str
    at: str


@dataclass(frozen=True)
class PathDecision:
    """A signed decision, after so many participants had begun treatment; its number, with a star
    for an override."""

    after: int
    label: str


@dataclass(frozen=True)
class PathSketch:
    """What the chart is drawn from. `levels` from the highest."""

    study: str
    levels: tuple[str, ...]
    marks: tuple[PathMark, ...]
    decisions: tuple[PathDecision, ...]


def draw_path(path: Path) -> Chart:
    """The chart of a study's path as one viewer may see it."""
    return chart_path(sketch_path(path))


def sketch_path(path: Path) -> PathSketch:
    """The plain facts of a path; nobody unseen is named."""
    return PathSketch(
        study=path.study.protocol_number or path.study.key,
        levels=tuple(level.name for level in path.levels),
        marks=tuple(
            PathMark(
                order=one.order,
                level=one.level_name,
                letter=one.person.letter,
                label=one.person.short if one.person.is_seen else "",
                who=one.person.subject if one.person.is_seen else "other site",
                word=one.person.mark.text,
                at=_day(one.at) if one.person.is_seen else "not shown",
            )
            for one in path.people
        ),
        decisions=tuple(
            PathDecision(step.after, f"#{row.number}{'*' if row.is_override else ''}")
            for step in path.decisions
            if (row := step.decision) is not None
        ),
    )


def _day(at: Any) -> str:
    return f"{at:%d-%b-%Y}" if at else "not yet"


def chart_path(sketch: PathSketch) -> Chart:
    """The chart with its words and its table."""
    return make_chart(
        "path",
        title=f"Escalation path of {sketch.study}",
        description=_describe(sketch),
        spec=path_spec(sketch) if sketch.marks else None,
        table=Table(
            ("#", "who", "level", "counts as", "infusion 1"),
            tuple((str(m.order), m.who, m.level, m.word, m.at) for m in sketch.marks),
        ),
        legend=(
            *LEGEND,
            sign("line", "#1: a decision was signed, * an override", stroke=MUTED, is_dashed=True),
        ),
        nothing="Nobody has a seat yet.",
    )


def _describe(sketch: PathSketch) -> str:
    """Levels in the order they were dosed, with what was seen."""
    runs: list[list[PathMark]] = []
    for mark in sketch.marks:
        if runs and runs[-1][0].level == mark.level:
            runs[-1].append(mark)
        else:
            runs.append([mark])
    parts = [f"{run[0].level}: {', '.join(mark.word for mark in run)}" for run in runs]
    return "Participants in order of first infusion. " + ". ".join(parts) + "."


def path_spec(sketch: PathSketch) -> dict[str, Any]:
    """The Vega-Lite specification."""
    across = max(len(sketch.marks), _SHORTEST)
    x = alt.X(
        "order:Q",
        scale=alt.Scale(domain=[0.3, across + 0.7], nice=False),
        axis=alt.Axis(
            title="participants in order of first infusion",
            values=list(range(1, across + 1)),
            grid=False,
            format="d",
            ticks=False,
        ),
    )
    y = alt.Y(
        "level:O",
        sort=[*sketch.levels],
        scale=alt.Scale(domain=[*sketch.levels], padding=0.4),
        axis=alt.Axis(title=None, grid=True, ticks=False, labelPadding=12),
    )
    layers = [*_decision_layers(sketch, x), *_people_layers(sketch, x, y)]
    return finish(
        alt.layer(*layers).properties(width=across * _STEP, height=len(sketch.levels) * _ROW)
    )


def _people_layers(sketch: PathSketch, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    chart = rows_of(
        [
            {"order": m.order, "level": m.level, "letter": m.letter, "label": m.label}
            for m in sketch.marks
        ]
    )
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
        for letter, (shape, edge, fill) in KINDS.items()
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
        for letter, (_, edge, _) in KINDS.items()
    ]
    return [line, *marks, *numbers, struck]


def _decision_layers(sketch: PathSketch, x: alt.X) -> list[alt.Chart]:
    """A thin line where decisions were signed, their numbers above; an override has a star."""
    labels: dict[float, list[str]] = {}
    for one in sketch.decisions:
        labels.setdefault(one.after + 0.5, []).append(one.label)
    if not labels:
        return []
    chart = rows_of(
        [{"order": order, "label": "\n".join(found)} for order, found in labels.items()]
    )
    rule = chart.mark_rule(stroke=LINE, strokeWidth=1.5, strokeDash=[3, 3]).encode(x=x)
    number = chart.mark_text(
        fontSize=11, color=MUTED, baseline="line-bottom", dy=-3, lineBreak="\n"
    ).encode(x=x, y=alt.value(0), text="label:N")
    return [rule, number]
