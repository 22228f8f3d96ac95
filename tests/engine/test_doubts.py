"""Whose evaluability is doubtful, and how they would be read otherwise."""

from dataclasses import replace
from fractions import Fraction

import pytest

from cohorts.engine.doubts import find_doubts
from cohorts.engine.evaluability import DltState
from tests.engine.test_evaluability import (
    AWAITED,
    COMPLETE,
    MISSED,
    RULES,
    TOXICITY,
    given,
    infusions,
)

MARGIN = Fraction(5, 100)


def found(margin=MARGIN, **different):
    doubts = find_doubts(replace(COMPLETE, **different), RULES, margin=margin)
    return [(doubt["kind"], doubt["reads_as"]) for doubt in doubts]


def test_nobody_doubts_the_complete():
    assert found() == []


@pytest.mark.parametrize(
    ("planned", "doubts"),
    [
        ((given(84), given(84), MISSED), [("exposure", "X")]),
        ((given(85), given(85), MISSED), []),
        ((given(84), given(100), given(100)), [("exposure", "X")]),
        ((given(100), given(84), given(100)), []),
        ((given(100), given(79), MISSED), [("proposed", "X"), ("exposure", "N")]),
        ((given(100), given(75), MISSED), [("proposed", "X"), ("exposure", "N")]),
        ((given(100), given(74), MISSED), [("proposed", "X")]),
        ((given(84), AWAITED, AWAITED), [("exposure", "X")]),
    ],
    ids=str,
)
def test_exposure_within_the_margin_is_doubtful(planned, doubts):
    """Whether the second of two required infusions matters is for the rules of exposure to say."""
    assert found(infusions=infusions(*planned)) == doubts


def test_without_a_margin_no_exposure_is_narrow():
    assert found(Fraction(0), infusions=infusions(given(80), given(80), MISSED)) == []


def test_words_of_a_narrow_exposure():
    facts = replace(COMPLETE, infusions=infusions(given(100), given(81), MISSED))

    (doubt,) = find_doubts(facts, RULES, margin=MARGIN)

    assert doubt["because"] == (
        "an infusion of 81% of the assigned dose, within 5% of the minimum of 80%"
    )


@pytest.mark.parametrize(
    ("facts", "doubts"),
    [
        ({"ruled_reason": "under-dosed"}, [("ruled", "N")]),
        ({"prohibited_medication": "rituximab"}, [("proposed", "X")]),
        ({"is_lymphodepletion_given": False}, [("proposed", "X")]),
        ({"infusions": infusions(given(), given(), TOXICITY)}, [("missed", "X")]),
        (
            {
                "infusions": infusions(given(), given(), TOXICITY),
                "is_toxicity_adjudicated": True,
            },
            [("missed", "X")],
        ),
        ({"is_toxicity_adjudicated": True}, []),
    ],
    ids=str,
)
def test_rulings_and_proposals_are_doubtful(facts, doubts):
    assert found(**facts) == doubts


def test_reasons_are_in_words():
    ruled = find_doubts(replace(COMPLETE, ruled_reason="under-dosed"), RULES, margin=MARGIN)
    taken = replace(COMPLETE, prohibited_medication="rituximab")
    proposed = find_doubts(taken, RULES, margin=MARGIN)
    missed = replace(COMPLETE, infusions=infusions(given(), given(), TOXICITY))
    open_ruling = find_doubts(missed, RULES, margin=MARGIN)
    counts = find_doubts(replace(missed, is_toxicity_adjudicated=True), RULES, margin=MARGIN)

    assert [doubt["because"] for (doubt,) in (ruled, proposed, open_ruling, counts)] == [
        "ruled not evaluable: under-dosed",
        "proposed as not evaluable: prohibited medication in the DLT window (rituximab)",
        "infusion 3 missed for toxicity, not ruled on",
        "counts by a ruling: infusion 3 missed for toxicity",
    ]


def test_counted_dlt_is_in_no_doubt_here():
    assert found(dlt=DltState.COUNTED, infusions=infusions(given(79), MISSED, TOXICITY)) == []
