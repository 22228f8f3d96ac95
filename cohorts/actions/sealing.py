"""What every decision is sealed with, and what has come into doubt until it is signed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cohorts.models import Decision
from cohorts.policies import current_rows, require_protocol
from cohorts.queries.account import advice_content
from ntrust.change import Change
from ntrust.errors import Refused

Rows = Sequence[Mapping[str, Any]]


def sealed_account(change: Change) -> dict[str, Any]:
    """Which study it is of, at which revision of its rows, and what the rules said then with
    everything that was shown beside it."""
    return {
        "study": change.study.key,
        "revision": change.study.revision,
        "recommendation": advice_content(change.study.recommendations.latest("id")),
    }


def check_doubts(change: Change, decision: Decision) -> None:
    """Refuse (`stale_decision`) a signature when a call has come into doubt since the decision was
    proposed. A doubt that is settled is no reason."""
    sealed = decision.content.get("recommendation", {}).get("rows", ())
    rows = current_rows(change.study, require_protocol(change.study))
    news = sorted(_doubts_in(rows) - _doubts_in(sealed))
    if news:
        said = "; ".join(f"{subject} ({because})" for subject, _, _, because in news)
        raise Refused(
            "stale_decision",
            f"In doubt since decision #{decision.number} was proposed: {said}. Convene the review "
            "again.",
        )


def _doubts_in(rows: Rows) -> set[tuple[str, str, str, str]]:
    return {
        (row["subject"], doubt["kind"], doubt["reads_as"], doubt["because"])
        for row in rows
        for doubt in row["doubts"]
    }
