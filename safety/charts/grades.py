"""Adverse events by grade and level: participants by their worst grade, one box a participant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import altair as alt

from cohorts.queries.words import name_level
from ntrust.charts import (
    CARD,
    HARM,
    HARM_PAPER,
    INK,
    LINE,
    MUTED,
    SETTLED,
    SETTLED_PAPER,
    WAITING,
    WAITING_PAPER,
    Chart,
    Table,
    finish,
    make_chart,
    rows_of,
    sign,
)
from safety.queries.grades import GRADES, GradeRow

_LOOKS: Final[Mapping[int, tuple[str, str, str]]] = {
    # grade: line, fill, number
    0: (LINE, CARD, MUTED),
    1: (SETTLED, SETTLED_PAPER, SETTLED),
    2: (WAITING, WAITING_PAPER, WAITING),
    3: (HARM, HARM_PAPER, HARM),
    4: (HARM, HARM, CARD),
    5: (INK, INK, CARD),
}
_WORDS: Final = ("no event", "grade 1", "grade 2", "grade 3", "grade 4", "grade 5, death")
_BOX, _ROW, _ACROSS = 22, 27, 20
_SAID: Final = 20
"""Room between the boxes and the words beside them."""


def draw_grades(rows: Sequence[GradeRow], *, of: str) -> Chart:
    """The chart with its words and its table; nothing drawn where nobody is in treatment."""
    return make_chart(
        "ae-by-grade",
        title=f"Adverse events of {of} by grade and level",
        description=describe_grades(rows),
        spec=grades_spec(rows) if rows else None,
        table=Table(
            ("level", "counted", *_WORDS, "before lymphodepletion"),
            tuple(row for one in rows for row in _rows(one)),
        ),
        legend=tuple(
            sign("square", _WORDS[grade], stroke=edge, fill=fill)
            for grade, (edge, fill, _) in _LOOKS.items()
        ),
        nothing="Nobody is in treatment yet.",
    )


def describe_grades(rows: Sequence[GradeRow]) -> str:
    """Each level in words, the worst grade first."""
    said = [f"{_name(row)}: {_summary(row)} among {sum(row.worst)}" for row in rows]
    return "Participants by the worst grade of their events. " + ". ".join(said) + "."


def _summary(row: GradeRow) -> str:
    counted = [(grade, row.worst[grade]) for grade in reversed(GRADES) if row.worst[grade]]
    return ", ".join(f"{count} {_WORDS[grade]}" for grade, count in counted)


def _name(row: GradeRow) -> str:
    return name_level(row.level) + (", Part 2" if row.part == 2 else "")


def _rows(row: GradeRow) -> tuple[tuple[str, ...], ...]:
    worst = (_name(row), "participants by worst grade", *(str(n) for n in row.worst), "")
    events = ("", *(str(n) for n in row.events[1:]), str(row.earlier))
    return worst, (_name(row), "events", *events)


def grades_spec(rows: Sequence[GradeRow]) -> dict[str, Any]:
    """The Vega-Lite specification: rows of boxes, the level left of them, the counts in words."""
    boxes, heads, height = _boxes(rows)
    across = max(box["x"] for box in boxes) + 1
    width = across * _BOX
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, across], nice=False), axis=None)
    down = alt.Scale(domain=[height, 0], nice=False)
    y = alt.Y("y:Q", scale=down, axis=None)
    layers = []
    for grade, (edge, fill, ink) in _LOOKS.items():
        found = [box for box in boxes if box["grade"] == grade]
        if found:
            chart = rows_of(found)
            mark = chart.mark_point(
                shape="square", size=360, opacity=1, fill=fill, stroke=edge, strokeWidth=1.5
            )
            number = chart.mark_text(fontSize=11, fontWeight="bold", color=ink)
            layers += [mark.encode(x=x, y=y), number.encode(x=x, y=y, text="label:N")]
    names = rows_of(heads)
    named = names.mark_text(align="left", dx=-90, fontSize=12, fontWeight="bold", color=INK)
    said = names.mark_text(align="left", fontSize=12, color=MUTED)
    layers += [
        named.encode(x=x, y=y, text="name:N"),
        said.encode(x=x, y=alt.Y("below:Q", scale=down, axis=None), text="said:N"),
    ]
    return finish(alt.layer(*layers).properties(width=width, height=height))


def _boxes(rows: Sequence[GradeRow]) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """A box a participant, the worst first, a new line after `_ACROSS`."""
    boxes: list[dict[str, Any]] = []
    heads, top = [], 0
    for row in rows:
        grades = [grade for grade in reversed(GRADES) for _ in range(row.worst[grade])]
        for n, grade in enumerate(grades):
            place = {"x": n % _ACROSS + 0.5, "y": top + (n // _ACROSS + 0.5) * _ROW}
            boxes.append({**place, "grade": grade, "label": str(grade) if grade else "–"})
        lines = -(-len(grades) // _ACROSS)
        below = top + lines * _ROW + 8
        said = {"name": _name(row), "said": _summary(row), "below": below}
        heads.append({"x": 0, "y": top + _ROW // 2, **said})
        top = below + _SAID
    return boxes, heads, top
