"""What is new in a packet since the one that the committee saw last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_COMPARABLE: Final = (2, 3)
"""Formats in which these lists are the same."""
_ROWS: Final = {
    "dlts": ("id", ("state", "grade", "criterion")),
    "event_rows": ("id", ("grade", "is_serious", "causality", "ended_at", "term")),
    "decisions": ("number", ("state", "re_reviews")),
    "holds": ("id", ("state",)),
    "deviations": ("id", ("state", "severity")),
}
"""Lists of a packet: by what a row is known again, and what of it may change."""


def find_changes(
    content: Mapping[str, Any], last: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """What is new and what is different, list by list; None for the first packet of a study."""
    if last is None or last.get("format") not in _COMPARABLE:
        return None
    return {
        "since_review": last["review"],
        "since": last["cut_at"],
        "people": _people(content["people"], last["people"]),
        **{
            name: _rows(content[name], last[name], key=key, fields=fields)
            for name, (key, fields) in _ROWS.items()
        },
    }


def _people(now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> list[Any]:
    """Who is new, and whose letter or level is another than it was."""
    was = {row["subject"]: row for row in before}
    found = []
    for row in now:
        earlier = was.pop(row["subject"], None)
        old = {name: earlier[name] for name in ("level", "letter")} if earlier else None
        new = {name: row[name] for name in ("level", "letter")}
        if old != new:
            found.append({"subject": row["subject"], "was": old, "is": new})
    found += [
        {
            "subject": subject,
            "was": {name: row[name] for name in ("level", "letter")},
            "is": None,
        }
        for subject, row in was.items()
    ]
    return found


def _rows(
    now: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
    *,
    key: str,
    fields: Sequence[str],
) -> dict[str, list[Any]]:
    was = {row[key]: row for row in before}
    changed = [
        {
            "id": row[key],
            "fields": [name for name in fields if row[name] != was[row[key]][name]],
        }
        for row in now
        if row[key] in was and any(row[name] != was[row[key]][name] for name in fields)
    ]
    present = {row[key] for row in now}
    return {
        "new": [row[key] for row in now if row[key] not in was],
        "changed": changed,
        "gone": [identifier for identifier in was if identifier not in present],
    }
