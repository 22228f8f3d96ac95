"""The basis of a decision: what the rules were given, as plain data that can be sealed.

    {"design": {...}, "current": 2, "outcomes": [{"subject": "P-001", "level": 1, "letter": "N"}]}

One row a counted participant. The same basis always gives the same recommendation, on any machine
with nothing but Python and this folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cohorts.engine.advice import recommend
from cohorts.engine.design import Design, ExpandOn, Recommendation, SecondDlt, Tally
from cohorts.engine.notation import Cohort, count
from cohorts.engine.wire import design_as_dict

Basis = Mapping[str, Any]
OutcomeRow = Mapping[str, Any]


def make_basis(design: Design, *, current: int, outcomes: Sequence[OutcomeRow]) -> dict[str, Any]:
    """Plain data for `recommend_basis`; outcomes in the order given."""
    return {
        "design": design_as_dict(design),
        "current": current,
        "outcomes": [dict(row) for row in outcomes],
    }


def read_design(data: Mapping[str, Any]) -> Design:
    """The Design that `design_as_dict` wrote."""
    return Design(
        **{
            **data,
            "second_dlt": SecondDlt(data["second_dlt"]),
            "expand_on_first_dlt": ExpandOn(data["expand_on_first_dlt"]),
        }
    )


def read_tallies(basis: Basis) -> dict[int, Tally]:
    """Counts at each level that a counted participant was assigned to."""
    return count(Cohort(row["level"], row["letter"]) for row in basis["outcomes"])


def recommend_basis(basis: Basis) -> Recommendation:
    """What the rules say on this basis."""
    return recommend(read_design(basis["design"]), read_tallies(basis), basis["current"])


def changed_since(basis: Basis, now: Basis) -> list[str]:
    """What in a sealed basis no longer holds, in words; new participants are no change.

    Someone pending who has since finished is no change either: the decision was taken knowing that
    they might. Everyone else must still count as they did, at the level they did.
    """
    today = {row["subject"]: row for row in now["outcomes"]}
    changes = []
    for row in basis["outcomes"]:
        subject, was = row["subject"], row["letter"]
        present = today.get(subject)
        if present is None:
            changes.append(f"{subject} no longer counts")
        elif present["level"] != row["level"]:
            changes.append(f"{subject} moved from level {row['level']} to {present['level']}")
        elif was not in ("P", present["letter"]):
            changes.append(f"{subject} went from {was} to {present['letter']}")
    return changes
