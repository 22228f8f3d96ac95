"""A take-over without taking over: every fault, or what would be there and what the rules say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from cohorts.engine.basis import Basis, make_basis, recommend_basis
from cohorts.engine.design import Recommendation
from cohorts.models import Decision, DoseLevel, Participant
from cohorts.policies import active_protocol, document_of
from cohorts.protocol import ProtocolDocument
from ntrust.errors import Refused
from ntrust.models import Study
from safety.takeover.cells import Book, Fault, Row, read_rows
from safety.takeover.people import (
    Person,
    check_infusions,
    check_outcome,
    check_times,
    judge_person,
)

_CELL_PLACES = 10_000


@dataclass(frozen=True)
class Seen:
    """What the study has already, that a take-over refers to."""

    active: ProtocolDocument
    versions: Mapping[str, ProtocolDocument]
    zones: Mapping[str, str]
    doses: Mapping[int, int]


@dataclass(frozen=True)
class LevelCount:
    """Letters at one level, in the order of the sheet."""

    level: int
    letters: str


@dataclass(frozen=True)
class DryRun:
    """With faults nothing else is said. `warnings`: what was done otherwise than the rules say,
    which does not keep a trial from being taken over. `people` and `decisions` are what would be
    written, in the order of the sheets."""

    faults: tuple[Fault, ...]
    warnings: tuple[Fault, ...] = ()
    created: Mapping[str, int] | None = None
    levels: tuple[LevelCount, ...] = ()
    advice: Recommendation | None = None
    basis: Basis | None = None
    people: tuple[Person, ...] = ()
    decisions: tuple[Row, ...] = ()


def dry_run(book: Book, *, study: Study, now: datetime) -> DryRun:
    """Check a spreadsheet against the study and say what would follow.

    Refuses a study without an active protocol (`no_protocol`), and one that has participants
    (`has_participants`) or decisions (`has_decisions`): a trial is taken over once, into an empty
    study.
    """
    if Participant.objects.filter(study=study).exists():
        raise Refused("has_participants", "This study has participants: it runs here already.")
    if Decision.objects.filter(study=study).exists():
        raise Refused("has_decisions", "This study has decisions: it runs here already.")
    seen = _look(study)
    rows, faults = read_rows(book)
    faults += _doubles(rows)
    people, more = _gather(rows, seen)
    faults += more
    for person in people:
        faults += [
            *check_times(person, now=now),
            *check_infusions(person),
            *check_outcome(person, now=now),
        ]
    faults += _check_decisions(rows["decisions"], seen, now=now)
    faults += _check_seats_opened(people, rows["decisions"])
    if not faults:
        faults += [*_check_letters(people, seen, now=now)]
    if faults:
        return DryRun(tuple(sorted(faults, key=lambda fault: (fault.sheet, fault.row))))
    return _foresee(people, rows, seen)


def _look(study: Study) -> Seen:
    version = active_protocol(study)
    if version is None:
        raise Refused("no_protocol", "No protocol version is active.")
    levels = DoseLevel.objects.filter(study=study)
    return Seen(
        active=document_of(version),
        versions={one.version: document_of(one) for one in study.protocol_versions.all()},
        zones={site.code: site.timezone for site in study.sites.all()},
        doses={level.ordinal: int(level.dose * _CELL_PLACES) for level in levels},
    )


def _doubles(rows: Mapping[str, list[Row]]) -> Iterator[Fault]:
    keys: dict[str, list[tuple[str, ...]]] = {
        "participants": [("subject_number",), ("screening_number",)],
        "infusions": [("subject_number", "number")],
        "outcomes": [("subject_number",)],
        "decisions": [("number",)],
    }
    for sheet, names in keys.items():
        for columns in names:
            first: dict[tuple[object, ...], int] = {}
            for row in rows[sheet]:
                key = tuple(row[column] for column in columns)
                if None not in key and first.setdefault(key, row.row) != row.row:
                    yield row.fault(columns[-1], f"Row {first[key]} has this already.")


def _gather(rows: Mapping[str, list[Row]], seen: Seen) -> tuple[list[Person], list[Fault]]:
    """Participants with their own rows; those that cannot be placed are faults only."""
    subjects = {row["subject_number"] for row in rows["participants"]}
    faults = [
        row.fault("subject_number", "There is no such participant.")
        for sheet in ("infusions", "outcomes")
        for row in rows[sheet]
        if row["subject_number"] is not None and row["subject_number"] not in subjects
    ]
    people = []
    for row in rows["participants"]:
        wrong = [*_check_names(row, seen)]
        faults += wrong
        document = seen.versions.get(row["protocol_version"])
        if wrong or document is None or row["subject_number"] is None or row["site"] is None:
            continue
        own = [one for one in rows["infusions"] if one["subject_number"] == row["subject_number"]]
        said = [one for one in rows["outcomes"] if one["subject_number"] == row["subject_number"]]
        people.append(
            Person(
                row=row,
                infusions={one["number"]: one for one in own if one["number"] is not None},
                outcome=said[0] if said else None,
                document=document,
                zone=seen.zones[row["site"]],
            )
        )
    return people, faults


def _check_names(row: Row, seen: Seen) -> Iterator[Fault]:
    """Site, version, level, and what only the version knows."""
    known: list[tuple[str, set[object]]] = [
        ("site", {*seen.zones}),
        ("protocol_version", {*seen.versions}),
        ("level", {*seen.doses}),
    ]
    document = seen.versions.get(row["protocol_version"])
    if document is not None:
        known.append(("disease", {*document.diseases}))
        known.append(("regimen", {regimen.key for regimen in document.lymphodepletion}))
    for column, names in known:
        if row[column] is not None and row[column] not in names:
            listed = ", ".join(sorted(str(name) for name in names))
            yield row.fault(column, f"{row[column]} is none of {listed}.")


def _check_decisions(rows: list[Row], seen: Seen, *, now: datetime) -> Iterator[Fault]:
    for place, row in enumerate(rows, start=1):
        if row["number"] is not None and row["number"] != place:
            yield row.fault("number", f"Decisions are numbered in their order: {place} is next.")
        if row["decided_on"] is not None and row["decided_on"] > now.date():
            yield row.fault("decided_on", "This lies in the future.")
        is_stop = row["verdict"] == "STOP"
        for column in ("level", "seats"):
            if is_stop and row[column] is not None:
                yield row.fault(column, "A STOP opens nothing.")
            if not is_stop and row["verdict"] is not None and row[column] is None:
                yield row.fault(column, "Say which level it opened, and how many seats.")
        if row["level"] is not None and row["level"] not in seen.doses:
            yield row.fault("level", f"The ladder has no level {row['level']}.")
        if row["seats"] is not None and not 1 <= row["seats"] <= 3:
            yield row.fault("seats", "A decision opens one to three seats.")
    for earlier, later in pairwise(rows):
        if None in (earlier["decided_on"], later["decided_on"]):
            continue
        if later["decided_on"] < earlier["decided_on"]:
            yield later.fault("decided_on", "This lies before the decision before it.")


def _check_seats_opened(people: list[Person], decisions: list[Row]) -> Iterator[Fault]:
    """Nobody was conditioned at a level before a decision opened it."""
    for person in people:
        level, started = person.row["level"], person.row["ld_started_on"]
        if None in (level, started):
            continue
        if not any(
            row["level"] == level and row["decided_on"] is not None and row["decided_on"] <= started
            for row in decisions
        ):
            yield person.row.fault("level", f"No decision had opened level {level} by {started}.")


def _check_letters(people: list[Person], seen: Seen, *, now: datetime) -> Iterator[Fault]:
    """What the paper says has to be what the rows say."""
    for person in people:
        assert person.outcome is not None  # a fault before
        judged = judge_person(person, dose=seen.doses[person.row["level"]], now=now)
        if judged.letter != person.outcome["outcome"]:
            sentence = f"The rows say {judged.letter}. {judged.sentence}"
            yield person.outcome.fault("outcome", sentence)


def _foresee(people: list[Person], rows: Mapping[str, list[Row]], seen: Seen) -> DryRun:
    """What would be there, and what the rules would say."""
    counted: list[dict[str, Any]] = []
    excluded: list[dict[str, Any]] = []
    for person in people:
        assert person.outcome is not None
        one = {
            "subject": person.subject,
            "level": person.row["level"],
            "letter": person.outcome["outcome"],
        }
        why = seen.active.pooling.why_not(
            version=person.row["protocol_version"], regimen=person.row["regimen"]
        )
        (excluded if why else counted).append({**one, "why": why} if why else one)
    opened = [row["level"] for row in rows["decisions"] if row["level"] is not None]
    basis = make_basis(
        seen.active.design(),
        current=opened[-1] if opened else 1,
        outcomes=counted,
        excluded=excluded,
    )
    letters: dict[int, str] = {}
    for one in counted:
        letters[one["level"]] = letters.get(one["level"], "") + one["letter"]
    return DryRun(
        faults=(),
        warnings=tuple(_warn(people, rows["decisions"])),
        created={name: len(rows[name]) for name in rows},
        levels=tuple(LevelCount(level, letters[level]) for level in sorted(letters)),
        advice=recommend_basis(basis),
        basis=basis,
        people=tuple(people),
        decisions=tuple(rows["decisions"]),
    )


def _warn(people: list[Person], decisions: list[Row]) -> Iterator[Fault]:
    """Decisions out of the ladder's order, and more people than seats."""
    at = 1
    for row in decisions:
        level = row["level"]
        if level is None:
            continue
        if row["verdict"] == "ESCALATE" and level != at + 1:
            yield row.fault("level", f"This escalates from level {at} to {level}.")
        if row["verdict"] == "DE_ESCALATE" and level >= at:
            yield row.fault("level", f"This de-escalates from level {at} to {level}.")
        if row["verdict"] in ("ENROL", "EXPAND_COHORT") and level != at:
            yield row.fault("level", f"This goes on at level {level}, but level {at} was current.")
        at = level
    for level in sorted({person.row["level"] for person in people}):
        seated = sum(person.row["level"] == level for person in people)
        seats = sum(row["seats"] for row in decisions if row["level"] == level)
        if seated > seats:
            last = [person for person in people if person.row["level"] == level][-1]
            sentence = f"{seated} participants at level {level}, but {seats} seats were opened."
            yield last.row.fault("level", sentence)
