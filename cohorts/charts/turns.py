"""The look-ahead tree: what the rules would say after each way the pending can end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import altair as alt

from cohorts.queries.turns import Turn, name_happened
from cohorts.queries.words import HARM as HARM_TONE
from cohorts.queries.words import PLAN, SETTLED, WAITING, Mark, name_answer
from ntrust.charts import (
    ACCENT,
    CARD,
    INK,
    LINE,
    MUTED,
    Chart,
    Table,
    finish,
    make_chart,
    rows_of,
)
from ntrust.charts import HARM as RED
from ntrust.charts import SETTLED as GREEN
from ntrust.charts import WAITING as AMBER

_ROW, _LETTER, _AROUND = 34, 7, 40
"""Heights and widths in pixels: a row, a letter, and what else a column needs."""
_MARGIN, _BEND = 10, 14
"""Left of the first mark; and from where the way down runs to the marks of the next column."""
_SHAPES: Final = {
    PLAN: ("circle", ACCENT),
    SETTLED: ("triangle-up", GREEN),
    WAITING: ("diamond", AMBER),
    HARM_TONE: ("square", RED),
}


def draw_turns(turns: Sequence[Turn], *, of: str) -> Chart:
    """The tree with its words and its table; nothing drawn where no turn is left."""
    marks = {turn.id: _answer(turn) for turn in turns}
    return make_chart(
        "lookahead",
        title=f"What can come next in {of}",
        description=describe_turns(turns),
        spec=turns_spec(turns) if len(turns) > 1 else None,
        table=Table(
            ("after", "then", "the rules say"),
            tuple(
                (_way(turn, turns), happened(turn), f"{marks[turn.id].text}{_more(turn)}")
                for turn in turns
            ),
        ),
        nothing=_nothing(turns),
    )


def _nothing(turns: Sequence[Turn]) -> str:
    if not turns:
        return "There are too many ways this can go to draw them, or the rules were not asked yet."
    return f"Nothing is open: {_answer(turns[0]).text}."


def _answer(turn: Turn) -> Mark:
    return name_answer(turn.verdict, turn.level, turn.outcome, turn.mtd)


def happened(turn: Turn) -> str:
    """What happened since the turn above: "1 of 3 with a DLT at DL2"."""
    return name_happened(turn.happened) or "now"


def _way(turn: Turn, turns: Sequence[Turn]) -> str:
    """The turns above it, from the first."""
    way = []
    parent = turn.parent
    while parent is not None and turns[parent].parent is not None:
        way.append(happened(turns[parent]))
        parent = turns[parent].parent
    return ", then ".join(reversed(way)) or ("" if turn.parent is None else "now")


def _more(turn: Turn) -> str:
    return f"; {turn.more} more turns follow" if turn.more else ""


def describe_turns(turns: Sequence[Turn]) -> str:
    """Where the trial stands, and each first turn."""
    if not turns:
        return _nothing(turns)
    first = [
        f"{happened(turn)}: {_answer(turn).text}" for turn in turns if turn.parent == turns[0].id
    ]
    return f"Now {_answer(turns[0]).text}. {'. '.join(first)}."


def turns_spec(turns: Sequence[Turn]) -> dict[str, Any]:
    """The Vega-Lite specification: a column a generation, leaves below one another."""
    depth, place = _layout(turns)
    nodes = [_node(turn, depth[turn.id], place[turn.id]) for turn in turns]
    starts = _columns(nodes)
    for node in nodes:
        node["x"] = starts[node["depth"]]
    height = (max(place.values()) + 1) * _ROW
    x = alt.X("x:Q", scale=alt.Scale(domain=[0, starts[-1]], nice=False), axis=None)
    y = alt.Y("y:Q", scale=alt.Scale(domain=[height, 0], nice=False), axis=None)
    links = [
        {
            "x": nodes[turn.id]["x"] - _BEND,
            "to": nodes[turn.id]["x"],
            "y": nodes[turn.id]["y"],
            "from": nodes[turn.parent]["y"],
        }
        for turn in turns
        if turn.parent is not None
    ]
    layers = _links(links, x, y)
    for shape, colour in _SHAPES.values():
        found = [node for node in nodes if node["shape"] == shape]
        if found:
            mark = rows_of(found).mark_point(
                shape=shape, size=120, opacity=1, fill=colour, stroke=CARD, strokeWidth=1.5
            )
            layers.append(mark.encode(x=x, y=y))
    said = rows_of(nodes)
    layers += [
        said.mark_text(align="left", dx=11, dy=-6, fontSize=11, color=MUTED).encode(
            x=x, y=y, text="happened:N"
        ),
        said.mark_text(align="left", dx=11, dy=7, fontSize=12, fontWeight="bold", color=INK).encode(
            x=x, y=y, text="answer:N"
        ),
    ]
    return finish(alt.layer(*layers).properties(width=starts[-1], height=height))


def _columns(nodes: Sequence[dict[str, Any]]) -> list[int]:
    """Where each generation begins, as wide as its longest words; and where the last one ends."""
    starts = [_MARGIN]
    for depth in range(max(node["depth"] for node in nodes) + 1):
        here = [node for node in nodes if node["depth"] == depth]
        longest = max(max(len(node["happened"]), len(node["answer"])) for node in here)
        starts.append(starts[-1] + longest * _LETTER + _AROUND)
    return starts


def _node(turn: Turn, depth: int, place: int) -> dict[str, Any]:
    mark = _answer(turn)
    more = f"  (+{turn.more} more)" if turn.more else ""
    return {
        "depth": depth,
        "y": place * _ROW + _ROW // 2,
        "shape": _SHAPES.get(mark.tone, _SHAPES[PLAN])[0],
        "happened": happened(turn),
        "answer": f"{mark.text}{more}",
    }


def _links(links: Sequence[dict[str, Any]], x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """From a turn to those below: down right of its words, then across."""
    chart = rows_of(links)
    return [
        chart.mark_rule(stroke=LINE, strokeWidth=1.5).encode(x=x, y=y, y2="from:Q"),
        chart.mark_rule(stroke=LINE, strokeWidth=1.5).encode(x=x, x2="to:Q", y=y),
    ]


def _layout(turns: Sequence[Turn]) -> tuple[dict[int, int], dict[int, int]]:
    """Generation of each turn, and its place from the top: leaves in order, parents by the first
    of theirs."""
    depth: dict[int, int] = {}
    below: dict[int, list[int]] = {turn.id: [] for turn in turns}
    for turn in turns:
        depth[turn.id] = 0 if turn.parent is None else depth[turn.parent] + 1
        if turn.parent is not None:
            below[turn.parent].append(turn.id)
    place: dict[int, int] = {}

    def put(turn: int, top: int) -> int:
        place[turn] = top
        for child in below[turn]:
            top = put(child, top)
        return top if below[turn] else top + 1

    put(turns[0].id, 0)
    return depth, place
