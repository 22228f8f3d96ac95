"""What the design does, exactly, and what can come next: numbers known from elsewhere."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from cohorts.queries import Viewer, viewer_of
from cohorts.queries.turns import MOST_TURNS
from safety.forms.rates import RatesForm
from safety.management.conduct import Conduct
from safety.queries.characteristics import Turn, read_ahead, read_design_page
from tests.factories import client_of, make_trial, open_level, run_cohort, shared_trial

pytestmark = pytest.mark.django_db

RATES = {1: Decimal("0.05"), 2: Decimal("0.15"), 3: Decimal("0.30")}
SCENARIOS = [
    {
        "key": "known",
        "name": "known rates",
        "rates": {1: "0.05", 2: "0.15", 3: "0.3"},
        "illustrative": True,
    },
    {"key": "short", "name": "one level only", "rates": {1: "0.1"}},
]


def build() -> Conduct:
    """One with a DLT and two without at level 1."""
    trial = open_level(make_trial(conduct={"plan": {"scenarios": SCENARIOS}}))
    run_cohort(trial, 1, "NNT")
    return trial


_built, trial = shared_trial(build)


def viewer(trial: Conduct) -> Viewer:
    found = viewer_of(trial.manager, trial.study.key)
    assert found is not None
    return found


def text(trial: Conduct, page: str) -> str:
    answer = client_of(trial.manager).get(f"/manage/{trial.study.key}/{page}")
    assert answer.status_code == 200
    plain = re.sub(r"<[^>]+>", " ", answer.content.decode()).replace("&#x27;", "'")
    return re.sub(r"\s+", " ", plain)


def test_scenarios_have_the_known_numbers(trial: Conduct) -> None:
    page = read_design_page(viewer(trial))

    assert page is not None
    known, short = page.scenarios
    assert known.name == "Known rates"
    assert known.is_illustrative
    assert [round(chance.recommended, 6) for chance in known.chances] == [
        0.201028,
        0.438268,
        0.332854,
    ]
    assert round(known.none, 6) == 0.027850
    assert round(known.expected_n, 6) == 13.090143
    assert short.trouble == "It names no rate for DL2, DL3, so nothing can be worked out."
    assert short.chances == ()


def test_rates_somebody_enters_come_first(trial: Conduct) -> None:
    page = read_design_page(viewer(trial), entered=RATES)

    assert page is not None
    assert [one.name for one in page.scenarios] == ["As entered", "Known rates", "One level only"]
    assert page.scenarios[0].chances == page.scenarios[1].chances
    assert not page.scenarios[0].is_illustrative


def test_page_shows_chances_and_keeps_what_was_entered(trial: Conduct) -> None:
    plain = text(trial, "design/")
    entered = text(trial, "design/?rate_1=0.05&rate_2=0.15&rate_3=0.3")

    assert "43.8% true rate 15%" in plain
    assert "As entered" not in plain
    assert "As entered" in entered
    assert "13.1" in entered


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("rate_1=2&rate_2=0.1&rate_3=0.2", "A true DLT rate lies between 0 and 1."),
        ("rate_1=-0.1&rate_2=0.1&rate_3=0.2", "A true DLT rate lies between 0 and 1."),
        ("rate_1=0.1&rate_2=many&rate_3=0.2", "Enter a number between 0 and 1, such as 0.25."),
        ("rate_1=0.1&rate_2=NaN&rate_3=0.2", "Enter a number between 0 and 1, such as 0.25."),
        ("rate_1=0.1&rate_2=0.1", "DL3 needs a rate."),
    ],
)
def test_rates_that_are_none_are_refused_in_words(trial: Conduct, asked: str, said: str) -> None:
    page = text(trial, f"design/?{asked}")

    assert said in page
    assert "As entered" not in page
    assert "Known rates" in page


def test_form_asks_for_each_level_lowest_first() -> None:
    form = RatesForm(levels=(-1, 1, 2))

    assert list(form.fields) == ["rate_minus_1", "rate_1", "rate_2"]


def test_tree_begins_at_the_rows_of_now(trial: Conduct) -> None:
    ahead = read_ahead(viewer(trial), cohorts=1, now=trial.now)

    assert ahead.now is not None
    assert ahead.now.answer.text == "EXPAND THE COHORT at DL1"
    assert ahead.now.counts == "DL1 1 in 3"
    assert [(turn.happened, turn.answer.text) for turn in ahead.now.turns] == [
        ("none of 3 with a DLT at DL1", "ESCALATE to DL2"),
        ("1 of 3 with a DLT at DL1", "STOP: no tolerated dose"),
        ("2 of 3 with a DLT at DL1", "STOP: no tolerated dose"),
        ("3 of 3 with a DLT at DL1", "STOP: no tolerated dose"),
    ]


def depth(turn: Turn) -> int:
    return 1 + max((depth(one) for one in turn.turns), default=-1)


def size(turn: Turn) -> int:
    return 1 + sum(size(one) for one in turn.turns)


@pytest.mark.parametrize(("asked", "deep"), [("1", 1), ("2", 2), ("3", 3), ("9", 1), ("x", 1)])
def test_page_looks_as_far_as_asked(trial: Conduct, asked: str, deep: int) -> None:
    plain = text(trial, f"look-ahead/?cohorts={asked}")
    ahead = read_ahead(viewer(trial), cohorts=deep, now=trial.now)

    assert f"{deep} cohort{'s' if deep > 1 else ''} ahead" in plain
    assert "None of 3 with a DLT at DL1:" in plain
    assert ahead.now is not None
    assert depth(ahead.now) == deep
    is_whole = not any(one.more for one in ahead.drawn)
    assert len(ahead.drawn) == size(ahead.now) if is_whole else len(ahead.drawn) <= MOST_TURNS
    assert is_whole or deep > 1


def test_tree_that_nobody_can_read_is_refused_in_words(
    trial: Conduct, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cohorts.engine.lookahead.MOST_NODES", 3)

    plain = text(trial, "look-ahead/?cohorts=2")

    assert "ask for fewer cohorts" in plain
    assert "Now:" not in plain
