"""All charts of a packet, drawn from its frozen content alone: the same for page and document."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

from cohorts.charts import (
    BoundarySketch,
    PathDecision,
    PathMark,
    PathSketch,
    Rung,
    chart_boundary,
    chart_ladder,
    chart_path,
    draw_turns,
)
from cohorts.engine.design import Tally
from cohorts.queries.turns import Turn
from cohorts.queries.words import name_dose, name_letter, name_level, name_tally, shorten
from dosing.charts import SketchPoint, TrendSketch, chart_trend
from dosing.queries.measurements import name_reference
from ntrust.charts import Chart
from safety.charts.grades import draw_grades
from safety.charts.swimmer import draw_swimmers
from safety.charts.timeline import draw_timeline
from safety.queries.grades import grades_of
from safety.queries.lanes import lanes_of

Content = Mapping[str, Any]
_DRAWN: Final = ("study", "levels", "people", "charts")
_KEPT: Final = 16
"""Packets whose charts a process keeps."""


def packet_charts(content: Content) -> tuple[Chart, ...]:
    """Every chart of a packet in the order in which a committee reads them, known by key: ladder,
    path, swimmer (swimmer-2, ...), dlt-timeline, ae-by-grade, lookahead, trend-..., boundary-...

    A packet of format 2 kept the counts alone and has the ladder. Drawn once a process.
    """
    drawn = {name: content.get(name) for name in _DRAWN}
    return _charts(json.dumps(drawn, sort_keys=True))


@lru_cache(maxsize=_KEPT)
def _charts(drawn: str) -> tuple[Chart, ...]:
    content = json.loads(drawn)
    ladder = _ladder(content)
    facts = content["charts"]
    if facts is None:
        return (ladder,)
    of = content["study"]
    return (
        ladder,
        chart_path(_path(of, facts)),
        *draw_swimmers(lanes_of(facts["swimmer"]), of=of),
        draw_timeline(facts["timeline"], of=of),
        draw_grades(grades_of(facts["ae_by_grade"]), of=of),
        draw_turns(_turns(facts["lookahead"]), of=of),
        *_trends(facts["labs"]),
        *(chart_boundary(_boundary(group)) for group in facts["part_2"]),
    )


def _ladder(content: Content) -> Chart:
    people: dict[int, list[tuple[str, str, str]]] = {}
    for row in content["people"]:
        if not row["not_pooled"]:
            mark = (row["letter"], row["subject"], shorten(row["subject"]))
            people.setdefault(row["level"], []).append(mark)
    rungs = [
        Rung(
            name=name_level(row["level"]),
            dose=name_dose(Decimal(row["dose"]), row["unit"]),
            counts=name_tally(Tally(row["evaluable"], row["dlt"], row["pending"])),
            people=tuple(people.get(row["level"], ())),
        )
        for row in reversed(content["levels"])
    ]
    return chart_ladder(rungs, of=content["study"])


def _path(of: str, facts: Content) -> PathSketch:
    path = facts["path"]
    return PathSketch(
        study=of,
        levels=tuple(name_level(level) for level in reversed(facts["levels"])),
        marks=tuple(
            PathMark(
                order=order,
                level=name_level(row["level"]),
                letter=row["letter"],
                label=shorten(row["subject"]),
                who=row["subject"],
                word=name_letter(row["letter"]).text,
                at="given" if order <= path["treated"] else "not yet",
            )
            for order, row in enumerate(path["marks"], start=1)
        ),
        decisions=tuple(
            PathDecision(row["after"], f"#{row['number']}{'*' if row['is_override'] else ''}")
            for row in path["decisions"]
        ),
    )


def _turns(rows: Sequence[Content]) -> tuple[Turn, ...]:
    return tuple(
        Turn(
            **{
                **row,
                "happened": tuple((level, ended, dlts) for level, ended, dlts in row["happened"]),
            }
        )
        for row in rows
    )


def _trends(rows: Sequence[Content]) -> Iterator[Chart]:
    for row in rows:
        low, high = (Decimal(row[name]) if row[name] else None for name in ("low", "high"))
        levels = sorted({level for _, level, _, _ in row["values"]})
        sketch = TrendSketch(
            key=row["key"],
            name=row["name"],
            unit=row["unit"],
            low=low,
            high=high,
            reference=name_reference(low, high, row["unit"]),
            levels=tuple(name_level(level) for level in levels),
            points=tuple(
                SketchPoint(who, name_level(level), day, Decimal(value), f"{value} {row['unit']}")
                for who, level, day, value in row["values"]
            ),
        )
        left_out = f"{row['left_out']} values were too many for the packet: see the trends."
        nothing = left_out if row["left_out"] else "No values yet."
        yield chart_trend(sketch, by_level=True, nothing=nothing)


def _boundary(group: Content) -> BoundarySketch:
    return BoundarySketch(
        name=group["name"],
        boundary={int(n): limit for n, limit in group["boundary"].items()},
        steps=tuple((n, x) for n, x in group["steps"]),
        pending=group["pending"],
        provisional=group["provisional"],
    )
