"""What a stored recommendation hinges on, who is awaited, and the split counts, for one viewer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from cohorts.engine.sensitivity import HINGES
from cohorts.engine.standing import DATE, DUE, UNKNOWN, Standing
from cohorts.models import Recommendation
from cohorts.queries.viewers import Mask
from cohorts.queries.words import Mark, name_answer, name_level

STANDINGS: Final[Mapping[str, str]] = {
    Standing.NO_DLT: "confirmed no DLT",
    Standing.IN_WINDOW: "nothing reported yet",
    Standing.OVERDUE: "statement overdue",
    Standing.POSSIBLE: "possible DLT",
    Standing.REPORTED: "DLT reported, not adjudicated",
    Standing.DLT: "DLT",
    Standing.TO_RULE: "waiting for a ruling",
    Standing.NOT_TREATED: "not treated yet",
    Standing.NOT_EVALUABLE: "not evaluable",
    Standing.REPLACED: "replaced",
}
_READS_AS: Final = {"N": "no DLT", "T": "a DLT", "X": "not evaluable", "P": "pending"}
_NUMBERS: Final = {1: "one", 2: "two"}


@dataclass(frozen=True)
class Hinge:
    """Calls read otherwise, and the answer that would follow; `because` of those the viewer may
    know."""

    condition: str
    answer: Mark
    because: tuple[str, ...]


@dataclass(frozen=True)
class Awaited:
    """Somebody pending. `at`: not before then; None when it may come today or is not known."""

    who: str
    level: str
    what: str
    at: datetime | None
    is_due: bool
    why: str


@dataclass(frozen=True)
class SplitRow:
    """A level's participants by what is known of them; every one in one cell."""

    level: str
    counts: tuple[int, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """How a recommendation is to be read. None of it is worked out here: all is stored."""

    headline: str
    is_robust: bool
    hinges: tuple[Hinge, ...]
    full_answer: str
    awaited: tuple[Awaited, ...]
    standings: tuple[str, ...]
    split: tuple[SplitRow, ...]


def read_reading(row: Recommendation, mask: Mask) -> Reading | None:
    """The stored account as a page shows it; None for one stored before it was kept."""
    if not row.sensitivity:
        return None
    hinges = row.sensitivity["hinges"]
    return Reading(
        headline=_headline(row.sensitivity, mask),
        is_robust=row.sensitivity["verdict"] != HINGES,
        hinges=tuple(_hinge(hinge, mask) for hinge in hinges),
        full_answer=_full_answer(row.full_answer, mask),
        awaited=tuple(_awaited(one, mask) for one in row.pending),
        standings=tuple(STANDINGS.values()),
        split=tuple(_split(level, counts, mask) for level, counts in row.split.items()),
    )


def _headline(sensitivity: Mapping[str, Any], mask: Mask) -> str:
    subjects = [
        call["subject"]
        for hinge in sensitivity["hinges"]
        for group in hinge["groups"]
        for call in group["calls"]
    ]
    if sensitivity["verdict"] == HINGES:
        return f"Hinges on {name_subjects(subjects, mask)}."
    if not sensitivity["calls"]:
        return "Robust: no call is open or in doubt."
    if subjects:
        return "Robust: no single call, read otherwise, changes it. Two together would."
    return "Robust: no call, nor any two together, changes it."


def name_subjects(subjects: Iterable[str], mask: Mask) -> str:
    """Each once: those the viewer may know by number, the others as a count."""
    single = list(dict.fromkeys(subjects))
    names = [subject for subject in single if subject and not mask.hides(subject)]
    hidden = len(single) - len(names)
    if hidden:
        word = "participant" if hidden == 1 else "participants"
        names.append(f"{hidden} {word} of other sites")
    return " and ".join([", ".join(names[:-1]), names[-1]]) if names[1:] else "".join(names)


def _hinge(hinge: Mapping[str, Any], mask: Mask) -> Hinge:
    answer = hinge["answer"]
    calls = [call for group in hinge["groups"] for call in group["calls"]]
    return Hinge(
        condition=" and ".join(_condition(group, mask) for group in hinge["groups"]),
        answer=name_answer(answer["verdict"], answer["level"], answer["outcome"], answer["mtd"]),
        because=tuple(
            f"{call['subject']}: {mask.cover('; '.join(call['because']))}"
            for call in calls
            if call["because"] and not mask.hides(call["subject"])
        ),
    )


def _condition(group: Mapping[str, Any], mask: Mask) -> str:
    """E.g. "any two of P-004, P-005 and P-006 as a DLT"."""
    calls, take = group["calls"], group["take"]
    names = name_subjects([call["subject"] for call in calls], mask)
    some = f"any {_NUMBERS[take]} of {names}" if len(calls) > take else names
    return f"{some} as {_READS_AS[calls[0]['reads_as']]}"


def _full_answer(full: Mapping[str, Any], mask: Mask) -> str:
    if full["when"] == UNKNOWN:
        return f"Date of a full answer not known. {mask.cover('; '.join(full['why']))}."
    if full["when"] == DATE:
        at = datetime.fromisoformat(full["at"])
        return f"Full answer {at:%d-%b-%Y %H:%M} UTC at the earliest."
    return "All that is awaited may be entered today." if full["when"] == DUE else ""


def _awaited(one: Mapping[str, Any], mask: Mask) -> Awaited:
    is_hidden = mask.hides(one["subject"])
    return Awaited(
        who=mask.cover(one["subject"]),
        level=name_level(one["level"]),
        what="an answer of that site" if is_hidden else ", ".join(one["awaits"]),
        at=datetime.fromisoformat(one["earliest"]) if one["earliest"] else None,
        is_due=one["is_due"],
        why=one["why"],
    )


def _split(level: str, counts: Mapping[str, Any], mask: Mask) -> SplitRow:
    return SplitRow(
        level=name_level(int(level)),
        counts=tuple(counts[standing] for standing in STANDINGS),
        reasons=tuple(
            f"{subject}: {mask.cover(why)}"
            for subject, why in counts["reasons"].items()
            if not mask.hides(subject)
        ),
    )
