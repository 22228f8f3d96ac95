"""The basis of a decision: what the rules were given, as plain data that can be sealed.

    {"design": {...}, "current": 2, "outcomes": [{"subject": "P-001", "level": 1, "letter": "N"}]}

One row a counted participant. Those whom the protocol does not pool with the others stand under
"excluded", each with "why"; the rules do not read them. The same basis always gives the same
recommendation, on any machine with nothing but Python and this folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cohorts.engine.advice import recommend
from cohorts.engine.design import Design, ExpandOn, Recommendation, SecondDlt, Tally
from cohorts.engine.notation import DLT, NO_DLT, NOT_EVALUABLE, PENDING, Cohort, count
from cohorts.engine.wire import design_as_dict

_IN_WORDS = {NO_DLT: "no DLT", DLT: "DLT", PENDING: "pending", NOT_EVALUABLE: "not evaluable"}

Basis = Mapping[str, Any]
OutcomeRow = Mapping[str, Any]


def make_basis(
    design: Design,
    *,
    current: int,
    outcomes: Sequence[OutcomeRow],
    excluded: Sequence[OutcomeRow] = (),
) -> dict[str, Any]:
    """Plain data for `recommend_basis`; outcomes in the order given."""
    basis: dict[str, Any] = {
        "design": design_as_dict(design),
        "current": current,
        "outcomes": [dict(row) for row in outcomes],
    }
    if excluded:
        basis["excluded"] = [dict(row) for row in excluded]
    return basis


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


def changed_since(basis: Basis, now: Basis, *, opened: int | None) -> list[str]:
    """What in a sealed basis no longer holds, in words.

    Everyone who counted must still count as they did, at the level they did. Someone pending who
    has since finished is no change: the decision was taken knowing that they might. But a DLT
    counted since at a level below the one that was `opened` is: it may close what was opened. So is
    one who stood apart, by pooling, and counts now.
    """
    today = {row["subject"]: row for row in now["outcomes"]}
    before = {row["subject"]: row for row in basis["outcomes"]}
    changes = [
        change
        for subject, row in before.items()
        if (change := _change_of(subject, row, today.get(subject)))
    ]
    late = [
        f"{subject} has a DLT at level {row['level']}, below the level that was opened"
        for subject, row in today.items()
        if opened is not None
        and row["letter"] == DLT
        and row["level"] < opened
        and (subject not in before or before[subject]["letter"] == PENDING)
    ]
    apart = {row["subject"]: row for row in basis.get("excluded", ())}
    joined = [
        f"{subject} counts at level {today[subject]['level']} and stood apart before"
        for subject in apart
        if subject in today
    ]
    return changes + late + joined


def _change_of(subject: str, was: OutcomeRow, present: OutcomeRow | None) -> str:
    if present is None:
        return f"{subject} no longer counts"
    if present["level"] != was["level"]:
        return f"{subject} moved from level {was['level']} to {present['level']}"
    if was["letter"] not in (PENDING, present["letter"]):
        then, now = _IN_WORDS[was["letter"]], _IN_WORDS[present["letter"]]
        return f"{subject} went from {then} to {now}"
    return ""
