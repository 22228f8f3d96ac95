"""The whole recommendation as plain data, from what is sealed with it: basis and rows.

The same basis and rows always give the same account, on any machine with nothing but Python and
this folder; that is how a decision is checked years later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cohorts.engine.basis import Basis, read_tallies, recommend_basis
from cohorts.engine.sensitivity import find_sensitivity
from cohorts.engine.standing import find_full_answer, find_pending, split_counts
from cohorts.engine.wire import recommendation_as_dict, tallies_as_dict


def account_for(basis: Basis, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the rules say on this basis, and everything that is shown beside it.

    `rows` as in `cohorts.engine.standing`. Answer, rule, bounds, flags and reasons as on the wire;
    `counts` by level; `split` of them; who is `pending`; when a `full_answer` can be there;
    `sensitivity`.
    """
    pending = find_pending(rows)
    doubts = [
        {**doubt, "subject": row["subject"]}
        for row in rows
        if row["is_pooled"]
        for doubt in row["doubts"]
    ]
    return {
        **recommendation_as_dict(recommend_basis(basis)),
        "counts": tallies_as_dict(read_tallies(basis)),
        "split": split_counts(rows),
        "pending": pending,
        "full_answer": find_full_answer(pending),
        "sensitivity": find_sensitivity(basis, doubts),
    }
