"""Plain data with the agreed JSON names."""

from cohorts.engine.lookahead import lookahead
from cohorts.engine.notation import count, parse
from cohorts.engine.wire import (
    answer_as_dict,
    design_as_dict,
    node_as_dict,
    recommendation_as_dict,
    tallies_as_dict,
)
from tests.engine.designs import advise, make_design


def test_recommendation_has_exactly_the_agreed_names():
    advice = advise("1NNN 2TTP 4N", doses=4)

    assert recommendation_as_dict(advice) == {
        "verdict": "DE_ESCALATE",
        "level": 1,
        "rule": "5 go back down",
        "stopped": False,
        "mtd": None,
        "outcome": None,
        "flags": ["DOSED_ABOVE_TOXIC", "SKIPPED_LEVEL"],
        "bounds": [{"verdict": "DE_ESCALATE", "level": 1, "outcome": None, "mtd": None}],
        "reasons": list(advice.reasons),
    }
    assert answer_as_dict(advise("1NNNNNN 2TT").answer) == {
        "verdict": "STOP",
        "level": None,
        "outcome": "MTD",
        "mtd": 1,
    }


def test_design_names_every_option():
    assert design_as_dict(make_design(2, minus_one=True)) == {
        "doses": 2,
        "min_n_at_mtd": 6,
        "allow_deescalation": True,
        "confirm_top_dose": True,
        "second_dlt": "stop_now",
        "level_minus_one": True,
        "expand_on_first_dlt": "at_three",
        "escalate_with_pending": False,
    }


def test_design_names_the_other_values_too():
    found = design_as_dict(make_design(2, min_n=3, complete=True, at_once=True, with_pending=True))

    assert (found["min_n_at_mtd"], found["second_dlt"]) == (3, "complete_cohort")
    assert (found["expand_on_first_dlt"], found["escalate_with_pending"]) == ("at_once", True)


def test_tallies_are_listed_lowest_dose_first():
    tallies = tallies_as_dict(count(parse("2TP 1NN -1X")))

    assert list(tallies.items()) == [
        ("-1", {"n": 0, "x": 0, "pending": 0}),
        ("1", {"n": 2, "x": 0, "pending": 0}),
        ("2", {"n": 1, "x": 1, "pending": 1}),
    ]


def test_lookahead_node_names():
    tree = lookahead(make_design(1), count(parse("1NN")), 1, cohorts=1, rates=[0.25])

    found = node_as_dict(tree)

    assert list(found) == [
        "happened",
        "probability",
        "tallies",
        "verdict",
        "level",
        "outcome",
        "mtd",
        "rule",
        "children",
    ]
    assert (found["happened"], found["probability"]) == ([], 1.0)
    assert found["children"][1] == {
        "happened": [{"level": 1, "participants": 1, "dlts": 1}],
        "probability": 0.25,
        "tallies": {"1": {"n": 3, "x": 1, "pending": 0}},
        "verdict": "EXPAND_COHORT",
        "level": 1,
        "outcome": None,
        "mtd": None,
        "rule": "5 expand the cohort",
        "children": [],
    }
