"""What is new in a packet, each change a row: what, who, when."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from cohorts.queries.words import name_letter, name_level
from safety.queries.packet_pages import time_of
from safety.states import Causality

Content = Mapping[str, Any]
Row = Mapping[str, Any]
News = tuple[str, str, str]
_ORDER: Final = ("dlts", "event_rows", "decisions", "holds", "deviations")
_FIELDS: Final = {
    "is_serious": "seriousness",
    "causality": "relation",
    "ended_at": "end",
    "re_reviews": "re-reviews",
}
_WORDS: Final = {True: "yes", False: "no", None: "not said", "": "not said"}


def news_rows(content: Content, last: Content | None) -> Iterator[News]:
    """New and changed rows, list by list, then whose count is another; `last` is the packet
    before, by which a change says what it was."""
    changes = content["changes"]
    new_dlts = set(changes["dlts"]["new"])
    told = {row["event"] for row in content["dlts"] if row["id"] in new_dlts}
    for name in _ORDER:
        now = _by_key(name, content[name])
        was = _by_key(name, last[name] if last else ())
        found = changes[name]
        for key in found["new"]:
            if name != "event_rows" or key not in told:
                yield _NEW[name](now[key])
        for change in found["changed"]:
            yield _changed(name, now[change["id"]], was.get(change["id"]), change["fields"])
        if found["gone"]:
            yield (f"{len(found['gone'])} {_NAMES[name]} no longer there", "—", "—")
    yield from _people(changes["people"])


_NAMES: Final = {
    "dlts": "DLT reports",
    "event_rows": "events",
    "decisions": "decisions",
    "holds": "holds",
    "deviations": "deviations",
}


def _by_key(name: str, rows: Sequence[Row]) -> dict[Any, Row]:
    key = "number" if name == "decisions" else "id"
    return {row[key]: row for row in rows}


def _new_dlt(row: Row) -> News:
    criterion = f", {row['criterion']}" if row["criterion"] else ""
    said = f"▲ New DLT{criterion}: {row['term']}, grade {row['grade']}, {row['state_name']}"
    return (said, row["subject"], time_of(row["onset_at"]))


def _new_event(row: Row) -> News:
    serious = ", serious" if row["is_serious"] else ""
    said = f"New event: {row['term']}, grade {row['grade']}{serious}, {row['causality_name']}"
    return (said, row["subject"], time_of(row["onset_at"]))


def _new_decision(row: Row) -> News:
    signed = [one["signed_at"] for one in row["signatures"]]
    at = datetime.fromisoformat(max(signed)) if signed and isinstance(signed[0], str) else None
    return (
        f"Decision #{row['number']}: {row['answer'].text}, {row['state_name']}",
        "—",
        time_of(at or max(signed, default=None)) or "—",
    )


def _new_hold(row: Row) -> News:
    return (f"■ Hold: {row['reason']}", _place(row), time_of(row["placed_at"]))


def _place(row: Row) -> str:
    if row["level"] is not None:
        return f"{row['level_name']} and above"
    return f"site {row['site']}" if row["site"] else "the whole study"


def _new_deviation(row: Row) -> News:
    return (f"Deviation: {row['sentence']}", row["subject"], time_of(row["occurred_at"]))


_NEW: Final[Mapping[str, Callable[[Row], News]]] = {
    "dlts": _new_dlt,
    "event_rows": _new_event,
    "decisions": _new_decision,
    "holds": _new_hold,
    "deviations": _new_deviation,
}


def _changed(name: str, row: Row, was: Row | None, fields: Sequence[str]) -> News:
    """What it is and what it was, field by field."""
    parts = [f"{_FIELDS.get(field, field)} {_move(field, row, was)}".strip() for field in fields]
    return (f"{_name(name, row)}: {'; '.join(parts)}", row.get("subject", "—"), _when(name, row))


def _name(name: str, row: Row) -> str:
    names = {
        "dlts": lambda: f"DLT {row['term']}",
        "event_rows": lambda: f"Event {row['term']}",
        "decisions": lambda: f"Decision #{row['number']}",
        "holds": lambda: f"Hold of {_place(row)}",
        "deviations": lambda: "Deviation",
    }
    return names[name]()


def _when(name: str, row: Row) -> str:
    at = {"holds": "lifted_at", "event_rows": "ended_at", "decisions": "basis_changed_at"}.get(name)
    return time_of(row.get(at)) or "—" if at else "—"


def _move(field: str, row: Row, was: Row | None) -> str:
    if field == "re_reviews":
        return "are new"
    now = _said(field, row[field])
    return f"{_said(field, was[field])} → {now}" if was is not None else f"is now {now}"


def _said(field: str, value: Any) -> str:
    """A value of a frozen row in words."""
    if field == "ended_at":
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
        return time_of(at) or "ongoing"
    if field == "causality" and value:
        return str(Causality(value).label)
    if isinstance(value, bool) or value in (None, ""):
        return _WORDS[value]
    return str(value).replace("_", " ").lower() if field in ("state", "severity") else str(value)


def _people(rows: Sequence[Row]) -> Iterator[News]:
    """Whose letter or level is another than it was; those with the same news in one row."""
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(_person(row), []).append(row["subject"])
    for said, subjects in found.items():
        yield (said, ", ".join(subjects), "—")


def _person(row: Row) -> str:
    was, now = row["was"], row["is"]
    if now is None:
        return "No longer counts"
    said = name_letter(now["letter"])
    at = name_level(now["level"])
    if was is None:
        return f"New at {at}: {said.shape} {said.text}"
    before = name_letter(was["letter"]).text
    moved = f", from {name_level(was['level'])} to {at}" if was["level"] != now["level"] else ""
    return f"{before} → {said.shape} {said.text}{moved}"
