"""Where everybody stands: counts split by what is known, who is awaited, and until when.

One row a participant who counts or did, as plain data that can be sealed:

    {"subject", "level", "letter", "is_pooled", "cause", "because", "is_proposed", "is_replaced",
     "infused_at", "closes_at", "is_window_over", "awaited_infusions", "dlt", "doubts"}

Times are ISO 8601 in UTC, None while they are not known. `cause` and `because` are evaluability's
word; `doubts` as in `cohorts.engine.sensitivity`, with `until` where a clock runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from cohorts.engine.evaluability import Cause, DltState
from cohorts.engine.notation import DLT, NO_DLT, NOT_EVALUABLE, PENDING

Row = Mapping[str, Any]
Plain = dict[str, Any]
NOW, DATE, DUE, UNKNOWN = "NOW", "DATE", "DUE", "UNKNOWN"


class Standing(StrEnum):
    """What is known of one participant. Silence is never "no DLT"."""

    NO_DLT = "no_dlt"
    """Confirmed: the window is over and the statement signed."""
    NOT_TREATED = "not_treated"
    IN_WINDOW = "in_window"
    """Nothing reported yet."""
    OVERDUE = "overdue"
    """The window is over; the statement is not signed."""
    TO_RULE = "to_rule"
    """Waits for a ruling of the medical monitor."""
    POSSIBLE = "possible"
    """An event may still become a DLT: provisional, or nobody has said yet whether it is one."""
    REPORTED = "reported"
    """A DLT is reported and counts; the medical monitor has not adjudicated it."""
    DLT = "dlt"
    """Confirmed."""
    NOT_EVALUABLE = "not_evaluable"
    REPLACED = "replaced"
    """Not evaluable, and another participant has the seat."""


OPEN_QUESTIONS = frozenset({"provisional", "candidate"})
"""Kinds of doubts that make a DLT possible."""
_TO_RULE = (
    Cause.TOXICITY_TO_ADJUDICATE,
    Cause.NO_LYMPHODEPLETION,
    Cause.EXPOSURE_TOO_LOW,
    Cause.PROHIBITED_MEDICATION,
)


def find_standing(row: Row) -> Standing:
    """The one standing of a participant. Every row has exactly one."""
    kinds = {doubt["kind"] for doubt in row["doubts"]}
    if row["letter"] == DLT:
        return Standing.REPORTED if "reported" in kinds else Standing.DLT
    if row["letter"] == NOT_EVALUABLE:
        return Standing.REPLACED if row["is_replaced"] else Standing.NOT_EVALUABLE
    if row["dlt"] == DltState.PROVISIONAL or kinds & OPEN_QUESTIONS:
        return Standing.POSSIBLE
    if row["letter"] == NO_DLT:
        return Standing.NO_DLT
    if row["infused_at"] is None:
        return Standing.NOT_TREATED
    if row["cause"] in _TO_RULE:
        return Standing.TO_RULE
    return Standing.OVERDUE if row["is_window_over"] else Standing.IN_WINDOW


def split_counts(rows: Iterable[Row]) -> dict[str, Plain]:
    """By level, how many have each standing; of those not evaluable also who, and why.

    Participants whom the protocol does not pool are left out, as the rules leave them out.
    """
    split: dict[int, Plain] = {}
    for row in rows:
        if not row["is_pooled"]:
            continue
        level = split.setdefault(row["level"], {**{str(one): 0 for one in Standing}, "reasons": {}})
        standing = find_standing(row)
        level[standing] += 1
        if standing in (Standing.NOT_EVALUABLE, Standing.REPLACED):
            level["reasons"][row["subject"]] = row["because"]
    return {str(level): split[level] for level in sorted(split)}


def find_pending(rows: Iterable[Row]) -> list[Plain]:
    """Whoever the answer still waits for: what is awaited, and its earliest date.

    `earliest` is None where it is not known, `why` says why, and for what a person may do at any
    time: then `is_due`. A date does not say that the answer comes then, only that it cannot before.
    """
    return [_pending(row) for row in rows if row["is_pooled"] and row["letter"] == PENDING]


def _pending(row: Row) -> Plain:
    standing = find_standing(row)
    clocks = [doubt["until"] for doubt in row["doubts"] if doubt.get("until")]
    awaits, why = _awaits(row, standing)
    dates = [at for at in (row["closes_at"], *clocks) if at is not None]
    is_due = not why and _is_due(row, clocks)
    is_dated = not why and not is_due and dates
    return {
        "subject": row["subject"],
        "level": row["level"],
        "letter": row["letter"],
        "standing": str(standing),
        "awaits": awaits,
        "closes_at": row["closes_at"],
        "earliest": max(dates, key=datetime.fromisoformat) if is_dated else None,
        "is_due": is_due,
        "why": why,
    }


def _is_due(row: Row, clocks: Sequence[str]) -> bool:
    """Nothing but a person's word is awaited."""
    return not clocks and (row["is_window_over"] or row["cause"] in _TO_RULE)


def _awaits(row: Row, standing: Standing) -> tuple[list[str], str]:
    """What is awaited, in words, and why its date is not known."""
    numbers = ", ".join(str(number) for number in row["awaited_infusions"])
    if standing is Standing.NOT_TREATED:
        return ["infusion 1", "the DLT window"], "infusion 1 is not given yet"
    if standing is Standing.TO_RULE:
        return ["the medical monitor's ruling"], ""
    awaits = []
    for doubt in row["doubts"]:
        if doubt["kind"] == "provisional":
            awaits.append(f"the clock or the resolution of a provisional DLT: {doubt['because']}")
        elif doubt["kind"] == "candidate":
            awaits.append(f"the investigator's word: {doubt['because']}")
    if numbers:
        awaits.append(f"infusion {numbers}")
    if row["is_window_over"]:
        return [*awaits, "the signed statement"], ""
    if row["closes_at"] is None:
        why = f"infusion {numbers} is still planned" if numbers else "no window is open"
        return [*awaits, "the DLT window"], f"{why}: the close of the window is not known"
    return [*awaits, "the end of the DLT window"], ""


def find_full_answer(pending: Sequence[Row]) -> Plain:
    """When the answer can be full at the earliest.

    `when`: NOW nobody is pending, DATE not before `at`, DUE all that is awaited may come today,
    UNKNOWN with `why`, one line a participant whose date is not known.
    """
    if not pending:
        return {"when": NOW, "at": None, "why": []}
    unknown = [f"{row['subject']}: {row['why']}" for row in pending if row["why"]]
    if unknown:
        return {"when": UNKNOWN, "at": None, "why": unknown}
    if all(row["is_due"] for row in pending):
        return {"when": DUE, "at": None, "why": []}
    dates = [row["earliest"] for row in pending if not row["is_due"]]
    return {"when": DATE, "at": max(dates, key=datetime.fromisoformat), "why": []}
