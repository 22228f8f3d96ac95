"""Each participant day by day: lymphodepletion, infusions, DLT window, and every event."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import altair as alt

from cohorts.queries.words import name_level
from ntrust.charts import (
    ACCENT,
    CARD,
    CONDITIONING,
    HARM,
    INK,
    LINE,
    MUTED,
    WAITING,
    WAITING_PAPER,
    WINDOW,
    Chart,
    Spec,
    Table,
    finish,
    make_chart,
    rows_of,
    sign,
)
from safety.queries.lanes import Lane, LaneEvent, LdBar
from safety.states import DltReportState

MOST_LANES: Final = 24
"""More stand in a further chart on the same days: it still fits a page."""
DLT, POSSIBLE, SERIOUS, OTHER = "dlt", "possible", "serious", "other"
_HEAD, _BAR, _EVENT, _GAP = 26, 18, 13, 5
"""Heights: a level's heading, a lane's bars, one line of events under them, and between lanes."""
_DAY, _NARROW, _WIDE = 13, 380, 720
_KEPT: Final = 32
_NEAR = 2
"""Days at which two marks would touch."""
_NAME = 66
"""Room for a subject number left of the days."""
_TICK, _CHEVRON, _CROSS = "M0,-1.1L0,1.1", "M-0.6,-0.9L0.6,0L-0.6,0.9", "M-1,-1L1,1M-1,1L1,-1"
_LOOKS: Final[Mapping[str, Mapping[str, Any]]] = {
    OTHER: {"shape": _TICK, "size": 30, "stroke": INK, "strokeWidth": 2},
    SERIOUS: {"shape": "circle", "size": 65, "fill": HARM, "stroke": HARM},
    POSSIBLE: {"shape": "triangle-up", "size": 90, "fill": WAITING_PAPER, "stroke": WAITING},
    DLT: {"shape": "triangle-up", "size": 90, "fill": HARM, "stroke": HARM},
}
LEGEND: Final = (
    sign("bar", "lymphodepletion, several agents", fill=CONDITIONING),
    sign("striped", "one agent", stroke=CONDITIONING, fill=CARD),
    sign("diamond", "infusion", fill=ACCENT),
    sign("bar", "DLT window so far", fill=WINDOW),
    sign("line", "rest of the window", stroke=ACCENT, is_dashed=True),
    sign("triangle", "DLT", fill=HARM),
    sign("triangle", "may become a DLT", stroke=WAITING, fill=WAITING_PAPER),
    sign("dot", "serious", fill=HARM),
    sign("tick", "other event", stroke=INK),
    sign("arrow", "goes on at the data cut", stroke=INK),
    sign("cross", "left the study", stroke=INK),
)


@dataclass(frozen=True)
class _Place:
    """A lane in the drawing: the height of its bars, and the line of each event under them."""

    lane: Lane
    y: int
    rows: Mapping[int, int]


def kind_of(event: LaneEvent) -> str:
    """Which mark an event has: what weighs most."""
    if event.is_dlt:
        return POSSIBLE if event.dlt == DltReportState.PROVISIONAL else DLT
    return SERIOUS if event.is_serious else OTHER


def draw_swimmers(lanes: Sequence[Lane], *, of: str) -> tuple[Chart, ...]:
    """The charts, `MOST_LANES` participants each, all on the same days; one that says so where
    nobody is treated. `of`: whose, for the title."""
    drawn = [lane for lane in lanes if lane.day_0]
    if not drawn:
        return (_chart("swimmer", f"Each participant of {of}, day by day", lanes, drawn, (0, 1)),)
    days = _days(drawn)
    parts = [drawn[n : n + MOST_LANES] for n in range(0, len(drawn), MOST_LANES)]
    without = [lane for lane in lanes if not lane.day_0]
    charts = []
    for number, part in enumerate(parts, start=1):
        key = "swimmer" if number == 1 else f"swimmer-{number}"
        which = f" ({number} of {len(parts)})" if len(parts) > 1 else ""
        told = [*part, *without] if number == len(parts) else part
        charts.append(_chart(key, f"Each participant of {of}, day by day{which}", told, part, days))
    return tuple(charts)


def _chart(
    key: str, title: str, told: Sequence[Lane], drawn: Sequence[Lane], days: tuple[int, int]
) -> Chart:
    return make_chart(
        key,
        title=title,
        description=describe_lanes(told),
        spec=swimmer_spec(tuple(drawn), days) if drawn else None,
        table=Table(
            ("who", "level", "what", "from day", "to day", "note"),
            tuple(row for lane in told for row in _rows(lane)),
        ),
        legend=LEGEND,
        nothing="Nobody is in treatment yet.",
    )


def describe_lanes(lanes: Sequence[Lane]) -> str:
    """Who is shown, and how many events of each kind, with who had the grave ones."""
    events = [(lane.subject, event) for lane in lanes for event in lane.events]
    by_level: dict[str, list[str]] = {}
    for lane in lanes:
        by_level.setdefault(_level(lane), []).append(lane.subject)
    said = [f"{level}: {', '.join(who)}" for level, who in by_level.items()]
    counts = [
        _count([who for who, one in events if kind_of(one) == kind], *words)
        for kind, words in {
            DLT: ("DLT", "DLTs"),
            POSSIBLE: ("that may become a DLT", "that may become DLTs"),
            SERIOUS: ("serious event", "serious events"),
        }.items()
    ]
    others = sum(kind_of(one) == OTHER for _, one in events)
    counts.append(f"{others} other event{'' if others == 1 else 's'}")
    going = sum(one.is_ongoing for _, one in events)
    undrawn = sum(one.first is None for _, one in events)
    return (
        f"{len(lanes)} participants by level and first infusion, in days since infusion 1. "
        f"{'. '.join(said)}. {'; '.join(counts)}. {going} went on at the data cut."
        + (f" {undrawn} without a day stand in the table alone." if undrawn else "")
    )


def _count(who: Sequence[str], one: str, many: str) -> str:
    names = f" ({', '.join(dict.fromkeys(who))})" if who else ""
    return f"{len(who)} {one if len(who) == 1 else many}{names}"


def _level(lane: Lane) -> str:
    if lane.level is None:
        return "no level"
    return name_level(lane.level) + (", Part 2" if lane.part == 2 else "")


def _rows(lane: Lane) -> Iterator[tuple[str, ...]]:
    """Everything that is drawn of a lane, and what has no day."""
    who = (lane.subject, _level(lane))
    for bar in lane.courses:
        agents = ", ".join(bar.agents) or bar.regimen
        yield *who, f"lymphodepletion {bar.cycle}", str(bar.first), _to(bar.last), agents
    for one in lane.infusions:
        cycle = f", cycle {one.cycle}" if one.cycle > 1 else ""
        yield *who, f"infusion {one.number}{cycle}", str(one.day), str(one.day), ""
    if lane.window is not None:
        opened, closes = lane.window
        yield *who, "DLT window", str(opened), "not known" if closes is None else str(closes), ""
    for event in lane.events:
        yield *who, f"{event.term}, grade {event.grade}", *_span(event), _note(event)
    if lane.left is not None:
        how, day = lane.left
        yield *who, how, "" if day is None else str(day), "", ""


def _to(day: int | None) -> str:
    return "goes on" if day is None else str(day)


def _span(event: LaneEvent) -> tuple[str, str]:
    first = "before any day is known" if event.first is None else str(event.first)
    if event.is_ongoing:
        return first, "goes on"
    return first, "" if event.last is None else str(event.last)


def _note(event: LaneEvent) -> str:
    serious = {True: "serious", False: "", None: "serious or not: not stated"}[event.is_serious]
    dlt = f"DLT {DltReportState(event.dlt).label}" if event.dlt else ""
    return "; ".join(part for part in (dlt, serious) if part)


def _days(lanes: Sequence[Lane]) -> tuple[int, int]:
    """The first and the last day of anybody."""
    found = [0, 28]
    for lane in lanes:
        found += [lane.today or 0] if _is_open(lane) else []
        found += [bar.first for bar in lane.courses]
        found += [one.day for one in lane.infusions]
        found += [day for day in lane.window or () if day is not None]
        found += [day for one in lane.events for day in (one.first, one.last) if day is not None]
        found += [lane.left[1]] if lane.left and lane.left[1] is not None else []
    return min(found) - 1, max(found) + 1


def _is_open(lane: Lane) -> bool:
    """Whether something of it runs to the data cut."""
    is_waiting = lane.window is None or lane.window[1] is None
    return is_waiting or any(one.is_ongoing for one in lane.events)


def _stack(lane: Lane, end: int) -> dict[int, int]:
    """Event to its line under the bars: events that would touch lie on different lines."""
    busy_to: list[int] = []
    rows = {}
    for event in sorted(lane.events, key=lambda one: (one.first or 0, one.id)):
        if event.first is None:
            continue
        row = next((n for n, last in enumerate(busy_to) if last < event.first), len(busy_to))
        last = max(_end(event, lane, end), event.first) + _NEAR
        busy_to[row : row + 1] = [last]
        rows[event.id] = row
    return rows


def _end(event: LaneEvent, lane: Lane, end: int) -> int:
    if event.is_ongoing:
        return end if lane.today is None else max(lane.today, event.first or 0)
    return event.last if event.last is not None else event.first or 0


@lru_cache(maxsize=_KEPT)
def swimmer_spec(lanes: tuple[Lane, ...], days: tuple[int, int]) -> Spec:
    """The Vega-Lite specification, worked out once a process for the same lanes. Heights are in
    pixels from the top."""
    places, heads, height = _places(lanes, days[1])
    width = min(_WIDE, max(_NARROW, (days[1] - days[0]) * _DAY))
    step = 7 if days[1] - days[0] <= 120 else 28
    x = alt.X(
        "day:Q",
        scale=alt.Scale(domain=list(days), nice=False),
        axis=alt.Axis(
            title="days since infusion 1",
            values=list(range(-(-days[0] // step) * step, days[1] + 1, step)),
            format="d",
            ticks=False,
        ),
    )
    y = alt.Y("y:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)
    layers = [
        *_names(places, heads, days, x, y),
        *_bars(places, x, y),
        *_events(places, days[1], x, y),
    ]
    return finish(alt.layer(*layers).properties(width=width, height=height))


def _places(lanes: Sequence[Lane], end: int) -> tuple[list[_Place], list[tuple[str, int]], int]:
    places, heads, y, last = [], [], 0, ""
    for lane in lanes:
        if _level(lane) != last:
            last = _level(lane)
            heads.append((last, y + _HEAD // 2))
            y += _HEAD
        rows = _stack(lane, end)
        places.append(_Place(lane, y + _BAR // 2, rows))
        y += _BAR + _EVENT * (max(rows.values(), default=-1) + 1) + _GAP
    return places, heads, y


def _names(
    places: Sequence[_Place],
    heads: Sequence[tuple[str, int]],
    days: tuple[int, int],
    x: alt.X,
    y: alt.Y,
) -> list[alt.Chart]:
    """The levels, with a line between them, and who each lane is."""
    levels = rows_of([{"day": days[0], "y": at + 3, "name": name} for name, at in heads])
    names = rows_of([{"day": days[0], "y": one.y, "name": one.lane.subject} for one in places])
    lines = [{"day": days[0], "to": days[1], "y": at - _HEAD // 2 + 2} for _, at in heads[1:]]
    return [
        *([rows_of(lines).mark_rule(stroke=LINE).encode(x=x, x2="to:Q", y=y)] if lines else []),
        _words(levels, "name", dx=-_NAME, fontSize=12, fontWeight="bold").encode(x=x, y=y),
        _words(names, "name", dx=-_NAME, fontSize=12).encode(x=x, y=y),
    ]


def _bars(places: Sequence[_Place], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """The DLT window, lymphodepletion, infusions, and where somebody left."""
    rows = {name: rows_of(found) for name, found in _bar_rows(places).items() if found}
    here: dict[str, Any] = {"x": x, "y": y}
    wide: dict[str, Any] = {**here, "x2": "to:Q"}
    looks: tuple[tuple[str, Callable[[alt.Chart], alt.Chart]], ...] = (
        ("so_far", lambda c: c.mark_rule(stroke=WINDOW, strokeWidth=9).encode(**wide)),
        (
            "rest",
            lambda c: c.mark_rule(stroke=ACCENT, strokeWidth=1.5, strokeDash=[3, 3]).encode(**wide),
        ),
        ("several", lambda c: c.mark_rule(stroke=CONDITIONING, strokeWidth=11).encode(**wide)),
        ("one", lambda c: c.mark_rule(stroke=CONDITIONING, strokeWidth=11).encode(**wide)),
        ("one", lambda c: c.mark_rule(stroke=CARD, strokeWidth=8).encode(**wide)),
        ("stripes", lambda c: _mark(c, _TICK, 80, stroke=CONDITIONING).encode(**here)),
        ("given", lambda c: _mark(c, "diamond", 130, fill=ACCENT, stroke=CARD).encode(**here)),
        ("goes_on", lambda c: _mark(c, _CHEVRON, 60, stroke=INK).encode(**here)),
        ("left", lambda c: _mark(c, _CROSS, 60, stroke=INK).encode(**here)),
        ("left", lambda c: _words(c, "how", dx=8).encode(**here)),
    )
    return [look(rows[name]) for name, look in looks if name in rows]


def _mark(chart: alt.Chart, shape: str, size: int, **look: Any) -> alt.Chart:
    return chart.mark_point(shape=shape, size=size, opacity=1, **{"strokeWidth": 1.5, **look})


def _words(chart: alt.Chart, field: str, *, dx: int, **look: Any) -> alt.Chart:
    """Words beside a place, from a field of its rows."""
    said = chart.mark_text(align="left", dx=dx, **{"fontSize": 11, "color": INK, **look})
    return said.encode(text=f"{field}:N")


def _bar_rows(places: Sequence[_Place]) -> dict[str, list[dict[str, Any]]]:
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in places:
        lane, y = one.lane, one.y
        if lane.window is not None:
            opened, closes = lane.window
            today = lane.today if lane.today is not None else opened
            until = today if closes is None else min(today, closes)
            rows["so_far"].append({"day": opened, "to": until, "y": y})
            if closes is None or closes > until:
                rows["goes_on"].append({"day": until, "y": y})
            if closes is not None and closes > until:
                rows["rest"].append({"day": until, "to": closes, "y": y})
        for bar in lane.courses:
            rows["one" if len(bar.agents) == 1 else "several"].append(_drawn_bar(bar, lane, y))
            if bar.last is None:
                rows["goes_on"].append({"day": _drawn_bar(bar, lane, y)["to"] + 0.6, "y": y})
        rows["given"] += [{"day": infusion.day, "y": y} for infusion in lane.infusions]
        if lane.left is not None and lane.left[1] is not None:
            rows["left"].append({"day": lane.left[1], "y": y, "how": lane.left[0]})
    rows["stripes"] = [stripe for bar in rows["one"] for stripe in _stripes(**bar)]
    return rows


def _drawn_bar(bar: LdBar, lane: Lane, y: int) -> dict[str, Any]:
    """A bar covers whole days; one that goes on ends at the data cut."""
    last = bar.last if bar.last is not None else max(lane.today or bar.first, bar.first)
    return {"day": bar.first - 0.45, "to": last + 0.45, "y": y}


def _stripes(*, day: float, to: float, y: int) -> list[dict[str, Any]]:
    count = max(3, round((to - day) * 3))
    return [{"day": day + (to - day) * n / count, "y": y} for n in range(count + 1)]


def _events(places: Sequence[_Place], end: int, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """A mark an event, a line as long as it lasted, an arrow where it goes on, its grade from 3."""
    rows = [_event_row(one, event, end) for one in places for event in one.lane.events]
    rows = [row for row in rows if row]
    # The line leaves room for the grade beside the mark.
    starts = [{**row, "day": row["day"] + (1.2 if row["grade"] >= 3 else 0)} for row in rows]
    lasted = [row for row in starts if row["to"] > row["day"]]
    graded = [row for row in rows if row["grade"] >= 3]
    going = [{**row, "day": row["to"]} for row in rows if row["goes_on"]]
    layers = []
    if lasted:
        line = rows_of(lasted).mark_rule(stroke=MUTED, strokeWidth=1.5)
        layers.append(line.encode(x=x, x2="to:Q", y=y))
    if going:
        arrow = _mark(rows_of(going), _CHEVRON, 40, stroke=INK).encode(x=x, y=y)
        layers.append(arrow.properties(name="ongoing"))
    for kind, look in _LOOKS.items():
        found = [row for row in rows if row["kind"] == kind]
        if found:
            mark = _mark(rows_of(found), **look).encode(x=x, y=y)
            layers.append(mark.properties(name=f"event_{kind}"))
    if graded:
        layers.append(_words(rows_of(graded), "grade", dx=7, fontSize=10).encode(x=x, y=y))
    return layers


def _event_row(one: _Place, event: LaneEvent, end: int) -> dict[str, Any]:
    if event.first is None:
        return {}
    return {
        "day": event.first,
        "to": _end(event, one.lane, end),
        "y": one.y + _BAR // 2 + _EVENT * one.rows[event.id] + _EVENT // 2,
        "kind": kind_of(event),
        "grade": event.grade,
        "goes_on": event.is_ongoing,
    }
