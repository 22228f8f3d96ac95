"""The sealed basis of a decision, and what in it no longer holds."""

import json

import pytest

from cohorts.engine.basis import (
    changed_since,
    make_basis,
    read_design,
    read_tallies,
    recommend_basis,
)
from cohorts.engine.design import Tally
from tests.engine.designs import advise, make_design


def rows(text):
    """Rows such as "P1:1N P2:1T", a participant each."""
    found = []
    for word in text.split():
        subject, where = word.split(":")
        found.append({"subject": subject, "level": int(where[:-1]), "letter": where[-1]})
    return found


@pytest.mark.parametrize(
    ("now", "joins"), [("A:1N B:1N", True), ("A:1N B:1P", True), ("A:1N", False)]
)
def test_one_who_stood_apart_and_counts_now_is_a_change(now, joins):
    why = [{**rows("B:1N")[0], "why": "enrolled under version A, which is not pooled"}]
    sealed = make_basis(make_design(), current=1, outcomes=rows("A:1N"), excluded=why)

    assert changed_since(sealed, basis(now), opened=2) == (
        ["B counts at level 1 and stood apart before"] if joins else []
    )


def basis(text, current=1, **options):
    return make_basis(make_design(**options), current=current, outcomes=rows(text))


def test_basis_survives_json_and_gives_the_same_advice():
    design = make_design(3, minus_one=True, complete=True, at_once=True)
    sealed = make_basis(design, current=2, outcomes=rows("A:1N B:1N C:1N D:2T E:2T F:2P"))

    opened = json.loads(json.dumps(sealed))

    assert opened == sealed
    assert read_design(opened["design"]) == design
    assert read_tallies(opened) == {1: Tally(3, 0), 2: Tally(2, 2, 1)}
    assert recommend_basis(opened) == advise("1NNN 2TTP", design=design)


def test_basis_copies_its_rows():
    outcomes = rows("A:1N")
    sealed = make_basis(make_design(), current=1, outcomes=outcomes)

    outcomes[0]["letter"] = "T"

    assert sealed["outcomes"] == rows("A:1N")


@pytest.mark.parametrize(
    ("before", "now", "opened", "changes"),
    [
        ("A:1N B:1N C:1N", "A:1N B:1N C:1N D:2P", 2, []),
        ("A:1N B:1P", "A:1N B:1N", None, []),
        ("A:1N B:1P", "A:1N B:1T", None, []),
        ("A:1N B:1P", "A:1N B:1T", 1, []),
        ("A:1P", "A:1X", 2, []),
        ("A:1N B:1N", "A:1N", 2, ["B no longer counts"]),
        ("A:1N", "A:2N", 2, ["A moved from level 1 to 2"]),
        ("A:1N", "A:1T", 2, ["A went from no DLT to DLT"]),
        ("A:1T", "A:1N", 2, ["A went from DLT to no DLT"]),
        ("A:1N", "A:1P", 2, ["A went from no DLT to pending"]),
        ("A:1N", "A:1X", 2, ["A went from no DLT to not evaluable"]),
        ("A:1P", "A:1T", 2, ["A has a DLT at level 1, below the level that was opened"]),
        ("A:1N", "A:1N B:1T", 2, ["B has a DLT at level 1, below the level that was opened"]),
        ("A:1N", "A:1N B:2T", 2, []),
        ("A:1T", "A:1T", 2, []),
        (
            "A:1N B:1P",
            "A:1T B:1T",
            2,
            [
                "A went from no DLT to DLT",
                "B has a DLT at level 1, below the level that was opened",
            ],
        ),
    ],
)
def test_what_no_longer_holds(before, now, opened, changes):
    assert changed_since(basis(before), basis(now), opened=opened) == changes
