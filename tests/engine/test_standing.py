"""Counts split by what is known, who is awaited, and when the answer can be full."""

import pytest

from cohorts.engine.account import account_for
from cohorts.engine.standing import (
    Standing,
    find_full_answer,
    find_pending,
    find_standing,
    split_counts,
)
from tests.engine.test_basis import basis

CLOSE = "2026-03-01T00:00:00+00:00"
LATER = "2026-03-04T10:30:00+00:00"


def row(subject="P-001", letter="P", level=1, **different):
    """Treated, in the window, nothing reported."""
    return {
        "subject": subject,
        "level": level,
        "letter": letter,
        "is_pooled": True,
        "cause": "WINDOW_OPEN",
        "because": "why",
        "is_proposed": False,
        "is_replaced": False,
        "infused_at": "2026-02-01T09:00:00+00:00",
        "closes_at": CLOSE,
        "is_window_over": False,
        "awaited_infusions": [],
        "dlt": "NONE",
        "doubts": [],
        **different,
    }


def doubt(kind, **more):
    return {"kind": kind, "reads_as": "T", "because": "CRS, grade 3", **more}


UNTREATED = {"infused_at": None, "closes_at": None, "awaited_infusions": [1, 2]}
OVERDUE = {"is_window_over": True, "cause": "STATEMENT_MISSING"}
PROVISIONAL = {
    "dlt": "PROVISIONAL",
    "cause": "DLT_PROVISIONAL",
    "doubts": [doubt("provisional", until=LATER)],
}


@pytest.mark.parametrize(
    ("different", "standing"),
    [
        ({"letter": "N"}, "no_dlt"),
        ({"letter": "N", "doubts": [doubt("refuted")]}, "no_dlt"),
        ({"letter": "N", "doubts": [doubt("candidate")]}, "possible"),
        ({}, "in_window"),
        (UNTREATED, "not_treated"),
        (OVERDUE, "overdue"),
        (PROVISIONAL, "possible"),
        ({"doubts": [doubt("candidate")]}, "possible"),
        ({**OVERDUE, "doubts": [doubt("candidate")]}, "possible"),
        ({"cause": "EXPOSURE_TOO_LOW"}, "to_rule"),
        ({"cause": "TOXICITY_TO_ADJUDICATE"}, "to_rule"),
        ({"cause": "PROHIBITED_MEDICATION", "is_window_over": True}, "to_rule"),
        ({"cause": "NO_LYMPHODEPLETION"}, "to_rule"),
        ({"letter": "T", "doubts": [doubt("reported")]}, "reported"),
        ({"letter": "T"}, "dlt"),
        ({"letter": "T", "doubts": [doubt("disagreement")]}, "dlt"),
        ({"letter": "X"}, "not_evaluable"),
        ({"letter": "X", "is_replaced": True}, "replaced"),
    ],
    ids=str,
)
def test_every_row_has_its_standing(different, standing):
    assert find_standing(row(**different)) == standing


def test_split_adds_up_and_names_who_is_not_evaluable():
    rows = [
        row("A", "N"),
        row("B", "T"),
        row("C", "X", because="under-dosed"),
        row("D", "X", because="withdrew", is_replaced=True),
        row("E", level=2, **OVERDUE),
        row("F", level=2, is_pooled=False),
        row("G", level=-1, **UNTREATED),
    ]

    split = split_counts(rows)

    assert list(split) == ["-1", "1", "2"]
    assert split["1"] == {
        **{str(one): 0 for one in Standing},
        "no_dlt": 1,
        "dlt": 1,
        "not_evaluable": 1,
        "replaced": 1,
        "reasons": {"C": "under-dosed", "D": "withdrew"},
    }
    assert (split["2"]["overdue"], split["-1"]["not_treated"]) == (1, 1)
    assert sum(level[one] for level in split.values() for one in Standing) == 6


@pytest.mark.parametrize(
    ("different", "awaits", "earliest", "is_due", "why"),
    [
        ({}, ["the end of the DLT window"], CLOSE, False, ""),
        (
            {"awaited_infusions": [3]},
            ["infusion 3", "the end of the DLT window"],
            CLOSE,
            False,
            "",
        ),
        (
            {"awaited_infusions": [2, 3], "closes_at": None},
            ["infusion 2, 3", "the DLT window"],
            None,
            False,
            "infusion 2, 3 is still planned: the close of the window is not known",
        ),
        (
            UNTREATED,
            ["infusion 1", "the DLT window"],
            None,
            False,
            "infusion 1 is not given yet",
        ),
        (OVERDUE, ["the signed statement"], None, True, ""),
        (
            PROVISIONAL,
            [
                "the clock or the resolution of a provisional DLT: CRS, grade 3",
                "the end of the DLT window",
            ],
            LATER,
            False,
            "",
        ),
        (
            {**PROVISIONAL, **OVERDUE},
            [
                "the clock or the resolution of a provisional DLT: CRS, grade 3",
                "the signed statement",
            ],
            LATER,
            False,
            "",
        ),
        (
            {"doubts": [doubt("candidate")], **OVERDUE},
            ["the investigator's word: CRS, grade 3", "the signed statement"],
            None,
            True,
            "",
        ),
        ({"cause": "EXPOSURE_TOO_LOW"}, ["the medical monitor's ruling"], None, True, ""),
    ],
    ids=str,
)
def test_what_is_awaited_of_each_pending(different, awaits, earliest, is_due, why):
    (found,) = find_pending([row(**different), row("Z", "N"), row("Y", is_pooled=False)])

    assert found["subject"] == "P-001"
    assert found["awaits"] == awaits
    assert (found["earliest"], found["is_due"], found["why"]) == (earliest, is_due, why)


@pytest.mark.parametrize(
    ("rows", "when", "at", "why"),
    [
        ([], "NOW", None, []),
        ([row("A", "N")], "NOW", None, []),
        ([row("A"), row("B", **PROVISIONAL)], "DATE", LATER, []),
        ([row("A"), row("B", **OVERDUE)], "DATE", CLOSE, []),
        ([row("A", **OVERDUE), row("B", cause="EXPOSURE_TOO_LOW")], "DUE", None, []),
        (
            [row("A"), row("B", **UNTREATED)],
            "UNKNOWN",
            None,
            ["B: infusion 1 is not given yet"],
        ),
    ],
    ids=range(6),
)
def test_full_answer_is_as_late_as_the_last(rows, when, at, why):
    assert find_full_answer(find_pending(rows)) == {"when": when, "at": at, "why": why}


def test_times_are_compared_as_times():
    late = row("A", closes_at="2026-03-01T00:30:00.500000+00:00")

    assert find_full_answer(find_pending([late, row("B")]))["at"] == late["closes_at"]


def test_account_is_one_of_basis_and_rows():
    sealed = basis("A:1N B:1N C:1T")
    rows = [row("A", "N"), row("B", "N"), row("C", "T", doubts=[doubt("reported", reads_as="N")])]

    account = account_for(sealed, rows)

    assert (account["verdict"], account["level"]) == ("EXPAND_COHORT", 1)
    assert account["counts"] == {"1": {"n": 3, "x": 1, "pending": 0}}
    assert account["split"]["1"]["reported"] == 1
    assert account["full_answer"]["when"] == "NOW"
    (hinge,) = account["sensitivity"]["hinges"]
    assert hinge["answer"]["verdict"] == "ESCALATE"
    assert account_for(sealed, rows) == account


def test_doubts_about_those_not_pooled_turn_nothing():
    rows = [row("C", "T", is_pooled=False, doubts=[doubt("reported", reads_as="N")])]

    assert account_for(basis("C:1T"), rows)["sensitivity"]["calls"] == 0
