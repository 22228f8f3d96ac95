"""The later sections of a packet's document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from safety.queries.packet_pages import PacketPage, time_of
from safety.reports.document import Block, Lead, Notes, Table

Content = Mapping[str, Any]
_DASH: Final = "—"
_YES: Final = {True: "yes", False: "no", None: "not said"}


def dlts(content: Content) -> Iterator[Block]:
    """Every report in force, and where people differ."""
    yield Table(
        label="Dose-limiting toxicities",
        headers=("who", "level", "event", "grade", "criterion", "state", "began"),
        rows=tuple(
            (
                row["subject"],
                row["level_name"] or _DASH,
                row["term"],
                str(row["grade"]),
                row["criterion"] or _DASH,
                row["state_name"],
                time_of(row["onset_at"]),
            )
            for row in content["dlts"]
        ),
        nothing="None was reported.",
        shares=(4, 3, 7, 3, 4, 5, 9),
    )
    if content["disagreements"]:
        yield Notes(
            tuple(
                f"{row['subject']}, {row['event']}: the criteria: {row['criteria']}; "
                f"the investigator: {row['investigator'] or 'nothing yet'}; "
                f"the medical monitor: {row['monitor'] or 'has yet to rule'}"
                for row in content["disagreements"]
            ),
            "Where criteria, investigator and medical monitor differ",
        )


_GROUPS: Final = {
    "all": "all events",
    "serious": "serious",
    "related": "related to the product",
    "related_and_serious": "related and serious",
    "fatal": "fatal",
    "not_stated": "seriousness or relation not stated yet",
}


def events(content: Content) -> Iterator[Block]:
    """All in groups; the serious, severe and related ones row by row."""
    yield Table(
        label="Events in groups",
        headers=("which", "how many", "worst grade", "who"),
        rows=tuple(_group(name, content["events"][key]) for key, name in _GROUPS.items()),
        shares=(6, 2, 2, 9),
    )
    yield Table(
        label="Serious, severe and related events",
        headers=("who", "event", "grade", "serious", "related", "began", "ended"),
        rows=tuple(
            (
                row["subject"],
                row["term"],
                f"{row['grade']} ({row['grading_system']})",
                _YES[row["is_serious"]],
                row["causality_name"],
                time_of(row["onset_at"]),
                time_of(row["ended_at"]) or _DASH,
            )
            for row in content["event_rows"]
        ),
        nothing="No serious, severe or related event.",
        shares=(4, 8, 7, 4, 5, 11, 11),
    )


def _group(name: str, group: Mapping[str, Any]) -> tuple[str, ...]:
    grade = group.get("worst_grade")
    who = ", ".join(sorted(group["who"])) or _DASH
    return (name, str(group["count"]), str(grade) if grade else _DASH, who)


def people(content: Content) -> Iterator[Block]:
    """Everyone, with what they count as."""
    yield Table(
        label="Who counts",
        headers=("who", "level", "counts as", "died"),
        rows=tuple(
            (
                row["subject"],
                row["level_name"],
                f"{row['mark'].shape} {row['mark'].text} {row['not_pooled']}".strip(),
                _YES[row["died"]],
            )
            for row in content["people"]
        ),
        nothing="Nobody yet.",
        shares=(3, 3, 8, 2),
    )


def decisions(content: Content) -> Iterator[Block]:
    """Every decision that was signed, first to last, with what became of it."""
    yield Table(
        label="Decisions",
        headers=("decision", "the rules said", "signed", "state"),
        rows=tuple(
            (
                f"#{row['number']} {row['answer'].text}",
                row["advised_mark"].text if row["advised_mark"] else _DASH,
                "; ".join(
                    f"{one['role_name']} {time_of(one['signed_at'])}" for one in row["signatures"]
                ),
                row["state_name"],
            )
            for row in content["decisions"]
        ),
        nothing="Nothing was decided yet.",
        shares=(5, 4, 8, 4),
    )
    notes = tuple(said for row in content["decisions"] for said in _of_a_decision(row))
    if notes:
        yield Notes(notes, "Overrides, changed bases and re-reviews")


def _of_a_decision(row: Mapping[str, Any]) -> Iterator[str]:
    number = f"#{row['number']}"
    if row["is_override"]:
        less = ", less safe than the rules" if row["is_less_safe"] else ""
        yield (
            f"⚑ {number} is an override{less}. Reason: {row['reason']} "
            f"Committee: {row['committee_verdict'] or _DASH}"
        )
    if row["basis_changed_at"]:
        yield f"■ {number}: basis changed {time_of(row['basis_changed_at'])}: {row['basis_change']}"
    for one in row["re_reviews"]:
        yield f"{number}, re-review {one['number']}: {one['verdict_name']}. {one['reason']}"


def holds(content: Content) -> Iterator[Block]:
    """Every hold that was placed."""
    yield Table(
        label="Holds",
        headers=("where", "why", "state", "placed", "lifted"),
        rows=tuple(
            (
                _where(row),
                row["reason"],
                row["state_name"],
                time_of(row["placed_at"]),
                f"{time_of(row['lifted_at']) or _DASH} {row['lift_reason']}".strip(),
            )
            for row in content["holds"]
        ),
        nothing="None was placed.",
        shares=(4, 8, 3, 5, 6),
    )


def _where(row: Mapping[str, Any]) -> str:
    if row["level"] is not None:
        return f"{row['level_name']} and above"
    return f"site {row['site']}" if row["site"] else "the whole study"


def deviations(content: Content) -> Iterator[Block]:
    """Those that may touch whether somebody is evaluable."""
    yield Table(
        label="Deviations",
        headers=("who", "kind", "what", "severity", "when"),
        rows=tuple(
            (
                row["subject"],
                row["kind"].replace("_", " ").lower(),
                row["sentence"],
                (row["severity"] or "not classified").lower(),
                time_of(row["occurred_at"]),
            )
            for row in content["deviations"]
        ),
        shares=(3, 4, 9, 4, 5),
    )


_OWED: Final = {
    "statements_overdue": "Window statements overdue",
    "dlts_not_adjudicated": "DLTs not adjudicated",
    "dlts_provisional": "Provisional DLTs",
    "rulings_owed": "Rulings owed on evaluability",
}


def data_quality(content: Content) -> Iterator[Block]:
    """The share verified, the locked cut, and what is owed."""
    found = content["data_quality"]
    rows = [*_verified(found)] if found["verified"] else []
    rows += [
        (name, str(len(found[key])), ", ".join(found[key]) or _DASH) for key, name in _OWED.items()
    ]
    yield Table(
        label="Data quality",
        headers=("what", "how many", "which"),
        rows=tuple(rows),
        shares=(5, 4, 10),
    )
    if found["open_queries"]:
        yield Notes(tuple(_query(one) for one in found["open_queries"]), "Open queries")


def _verified(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    verified, cut = found["verified"], found["cut"]
    each = "; ".join(
        f"{label} {share[0]} of {share[1]}" for label, share in verified["by_table"].items()
    )
    done, all_ = verified["all"]
    yield ("Verified against their source", f"{done} of {all_} rows", each or _DASH)
    if cut:
        broken = "" if cut["is_signature_valid"] else "; its signature no longer holds"
        locked = f"#{cut['number']} at revision {cut['revision']}{broken}"
        yield ("Data cut", "locked", f"{locked}; {cut['rows_after']} rows written since")
    else:
        yield ("Data cut", "not locked", _DASH)
    yield ("Open queries", str(len(found["open_queries"])), _DASH)


def _query(one: Mapping[str, Any]) -> str:
    overdue = ", overdue" if one["is_overdue"] else ""
    state = one["state"].lower()
    return (
        f"#{one['number']} {one['participant']}, {one['about']}: {one['text']} ({state}{overdue})"
    )


def record(page: PacketPage) -> Iterator[Block]:
    """What came of the review, and every signature with name, meaning and time."""
    yield Table(
        label="Record of the review",
        headers=("what", "which"),
        rows=page.record,
        shares=(4, 14),
    )
    if not page.page.is_sealed:
        yield Lead("■ The packet is not what was frozen.", "Its hash is another one.", True)
    yield Table(
        label="Signatures",
        headers=("under", "name", "role", "meaning", "time"),
        rows=tuple((one.under, one.name, one.role, one.meaning, one.at) for one in page.signatures),
        nothing="Nobody has signed yet.",
        shares=(4, 5, 5, 6, 10),
    )
