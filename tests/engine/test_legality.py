"""Legal histories: those that can arise by following the recommendations."""

import pytest

from cohorts.engine.legality import is_legal
from cohorts.engine.notation import parse
from tests.engine.designs import make_design


@pytest.mark.parametrize(
    ("history", "options", "expected"),
    [
        ("", {}, True),
        ("1N", {}, True),
        ("1PPP", {}, True),
        ("1NNN 2NTP", {}, True),
        ("1PPPP", {}, False),
        ("1NNN 1N", {}, False),
        ("1NNT 1NNN 2N", {}, True),
        ("1TNN 1PPP", {}, True),
        ("1NTN 1NNNN", {}, False),
        ("1NNT 2N", {}, False),
        ("1NNP 2N", {}, False),
        ("1NN 2N", {}, False),
        ("2N", {}, False),
        ("4N", {}, False),
        ("-1N", {}, False),
        # the outcome of an earlier one may come after the next is seated
        ("1TT", {}, True),
        ("1TTN", {}, True),
        ("1TTT", {}, True),
        ("1TTNN", {}, False),
        ("1TNN 1TTT", {}, True),
        # replaced: X frees the seat once it is ruled
        ("1NNXN", {}, True),
        ("1XXXN", {}, True),
        ("1NNXN 2N", {}, True),
        ("1NNXN 1N", {}, False),
        ("1NNNX", {}, False),
        # going back down
        ("1NNN 2TT 1NNN", {}, True),
        ("1NNN 2TT 1NNN 2N", {}, False),
        ("1NNN 2TTN 1PPP", {}, True),
        ("1NNN 2TT 1NNNN", {}, False),
        ("1NNN 2NNN 3TT 2NTT 1N", {}, True),
        ("1NNN 2NNN 3TT 1N", {}, False),
        ("1NNN 2TT 1N", {"min_n": 3}, False),
        # the level above may still have someone pending, and be filled no more
        ("1NNN 2TTP 1NNN", {}, True),
        ("1NNN 2TTP 1N", {"complete": True}, False),
        ("1NNN 2TTN 1N", {"complete": True}, True),
        # level -1
        ("1TT -1N", {"minus_one": True}, True),
        ("1TTN -1NNNNNN", {"minus_one": True}, True),
        ("1TN -1N", {"minus_one": True}, False),
        # top level
        ("1NNN 2NNN 3NNNPPP", {}, True),
        ("1NNN 2NNN 3NNNP", {"confirm": False}, False),
        # expanding at once
        ("1TPPPPP", {"at_once": True}, True),
        ("1TPPP", {}, False),
        ("1TPPPPPP", {"at_once": True}, False),
    ],
)
def test_history_is_legal_or_not(history, options, expected):
    assert is_legal(make_design(**options), parse(history)) is expected


def test_seats_are_judged_one_by_one_with_level_minus_one_planned():
    design = make_design(2, minus_one=True)

    assert is_legal(design, parse("-1N")) is False
    assert is_legal(design, parse("2N 1N")) is False
    assert is_legal(design, parse("1NNX 1P 2N")) is False
    assert is_legal(design, parse("1NNXP")) is True
    assert is_legal(design, parse("1NNXPP")) is False
