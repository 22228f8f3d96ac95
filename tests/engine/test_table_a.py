"""Table A of the protocol, complete cohorts, row by row."""

import pytest

from tests.engine.designs import say

ROWS = [
    # three evaluable, no DLT
    ("1NNN", {}, "ESCALATE 2"),
    ("1NNN 2NNN", {}, "ESCALATE 3"),
    ("1NNN 2NNN 3NNN", {}, "EXPAND_COHORT 3"),
    ("1NNN 2NNN 3NNN", {"confirm": False}, "MTD_NOT_REACHED 3"),
    ("1NNN 2TTN 1X", {}, "EXPAND_COHORT 1"),
    ("1NNN 2TTN", {}, "DE_ESCALATE 1"),
    ("1NNN 2TTN", {"min_n": 3}, "MTD 1"),
    ("1NNN 2TTN", {"min_n": 3, "deescalate": False}, "MTD 1"),
    # three evaluable, one with a DLT
    ("1NNT", {}, "EXPAND_COHORT 1"),
    ("1NNN 2NTN", {}, "EXPAND_COHORT 2"),
    ("1NNN 2NNN 3TNN", {}, "EXPAND_COHORT 3"),
    ("1NNT", {"min_n": 3}, "EXPAND_COHORT 1"),
    # two DLTs or more, nothing below
    ("1TTN", {}, "NO_TOLERATED_DOSE"),
    ("1TTT", {}, "NO_TOLERATED_DOSE"),
    ("1NNT 1NNT", {}, "NO_TOLERATED_DOSE"),
    ("1TTN", {"minus_one": True}, "DE_ESCALATE -1"),
    ("1TTN", {"minus_one": True, "min_n": 3, "deescalate": False}, "DE_ESCALATE -1"),
    # two DLTs or more, enough below
    ("1NNN 1NNT 2TTN", {}, "MTD 1"),
    ("1NNT 1NNN 2NNT 2NTT", {}, "MTD 1"),
    ("1NNN 2NNT 2NNN 3NTT", {}, "MTD 2"),
    # two DLTs or more, three clean below and the minimum is 6
    ("1NNN 2NNN 3NTT", {}, "DE_ESCALATE 2"),
    ("1NNN 2NNT 2NTN", {}, "DE_ESCALATE 1"),
    # six evaluable, at most one with a DLT
    ("1NNT 1NNN", {}, "ESCALATE 2"),
    ("1NNN 2TTN 1NNN", {}, "MTD 1"),
    ("1NNN 2TTN 1NTN", {}, "MTD 1"),
    ("1NNN 2NNN 3NNN 3NNN", {}, "MTD_NOT_REACHED 3"),
    ("1NNN 2NNN 3NNT 3NNN", {}, "MTD_NOT_REACHED 3"),
    ("1NNN 2NNN 3NNT 3NNN", {"confirm": False}, "MTD_NOT_REACHED 3"),
    # after going back down
    ("1NNN 2NNN 3NTT 2NTT", {}, "DE_ESCALATE 1"),
    ("1NNN 2TTN 1NTT", {}, "NO_TOLERATED_DOSE"),
    ("1NNN 2TTN 1NTT", {"minus_one": True}, "DE_ESCALATE -1"),
    # level -1
    ("1TTN -1NNN", {"minus_one": True}, "EXPAND_COHORT -1"),
    ("1TTN -1NNN -1NNN", {"minus_one": True}, "MTD -1"),
    ("1TTN -1NNN", {"minus_one": True, "min_n": 3}, "MTD -1"),
    ("1TTN -1NNT", {"minus_one": True, "min_n": 3}, "EXPAND_COHORT -1"),
    ("1TTN -1NTT", {"minus_one": True}, "NO_TOLERATED_DOSE"),
    ("1TTN -1NNN -1NTT", {"minus_one": True}, "NO_TOLERATED_DOSE"),
]


@pytest.mark.parametrize(("history", "options", "expected"), ROWS)
def test_table_a_row(history, options, expected):
    assert say(history, **options) == expected


@pytest.mark.parametrize("second_dlt", [False, True])
@pytest.mark.parametrize("at_once", [False, True])
@pytest.mark.parametrize("with_pending", [False, True])
@pytest.mark.parametrize(("history", "options", "expected"), ROWS)
def test_table_a_holds_whatever_the_options_about_partial_cohorts(
    history, options, expected, second_dlt, at_once, with_pending
):
    partial = {"complete": second_dlt, "at_once": at_once, "with_pending": with_pending}

    assert say(history, **options, **partial) == expected
