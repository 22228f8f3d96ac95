"""The frame of every chart: words, table, colours, and nothing where there is nothing."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.template.loader import render_to_string

from ntrust.charts import COLOURS, HARM, INK, Chart, Table, finish, make_chart, rows_of, sign

CSS = Path(__file__).resolve().parents[2] / "ntrust/static/ntrust/charts.css"
TABLE = Table(("who", "day"), (("P-001", "3"), ("P<2", "5")))


def spec(**look: Any) -> dict[str, Any]:
    chart = rows_of([{"day": 3}, {"day": 5}])
    return finish(chart.mark_point(stroke=HARM, fill=INK, **look).encode(x="day:Q"))


def a_chart(**parts: Any) -> Chart:
    given: dict[str, Any] = {"description": "Two & three.", "spec": spec(), "table": TABLE} | parts
    return make_chart("days", title="Days <of> all", **given)


def test_drawing_has_its_words_and_no_style_of_its_own() -> None:
    svg = a_chart().svg

    assert 'class="chart" role="img"' in svg[: svg.index(">")]
    assert "<title>Days &lt;of&gt; all</title><desc>Two &amp; three.</desc>" in svg
    assert "style" not in svg
    assert svg.count(f'stroke="{HARM}"') == 2


def test_same_specification_draws_the_same() -> None:
    assert a_chart().svg == a_chart().svg
    assert a_chart().svg != a_chart(spec=spec(size=90)).svg


@pytest.mark.parametrize("use", ["fill", "stroke"])
@pytest.mark.parametrize("colour", COLOURS)
def test_every_colour_has_one_of_the_screen(colour: str, use: str) -> None:
    rule = rf'\.chart \[{use}="{colour}"\] {{ {use}: var\(--[a-z-]+\); }}'

    assert len(re.findall(rule, CSS.read_text(encoding="utf-8"))) == 1


def test_chart_stands_with_its_legend_and_its_table() -> None:
    legend = (sign("dot", "a day", fill=HARM),)

    page = render_to_string("chart.html", {"chart": a_chart(legend=legend)})

    assert "<svg" in page
    assert 'aria-label="Chart: Days &lt;of&gt; all"' in page
    assert "a day" in page
    cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", page)
    assert cells == ["who", "day", "P-001", "3", "P&lt;2", "5"]


def test_page_with_a_fuller_table_shows_no_second_one() -> None:
    page = render_to_string("chart.html", {"chart": a_chart(), "own_table": True})

    assert "<table" not in page


def test_nothing_to_draw_is_a_sentence() -> None:
    chart = a_chart(spec=None, nothing="Nobody yet.")

    page = render_to_string("chart.html", {"chart": chart})

    assert (chart.svg, chart.description) == ("", "Nobody yet.")
    assert "Nobody yet." in page
    assert "<svg" not in page
