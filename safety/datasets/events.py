"""Adverse events (AE), and what SDTM has no variable for (SUPPAE): DLT, grading, components."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from safety.datasets.findings import short_names
from safety.datasets.numbering import numbered
from safety.datasets.shape import Dataset, Variable, make_dataset, yes_no
from safety.datasets.source import STUDYID, USUBJID, Row, Source, head
from safety.states import (
    COUNTED_REPORTS,
    ActionTaken,
    Causality,
    DltReportState,
    EventOutcome,
    Seriousness,
)

_SERIOUS: Final = {
    Seriousness.CONGENITAL_ANOMALY: Variable("AESCONG", "Congenital Anomaly or Birth Defect"),
    Seriousness.DISABILITY: Variable("AESDISAB", "Persist or Signif Disability/Incapacity"),
    Seriousness.DEATH: Variable("AESDTH", "Results in Death"),
    Seriousness.HOSPITALISATION: Variable("AESHOSP", "Requires or Prolongs Hospitalization"),
    Seriousness.LIFE_THREATENING: Variable("AESLIFE", "Is Life Threatening"),
    Seriousness.IMPORTANT: Variable("AESMIE", "Other Medically Important Serious Event"),
}
_AE: Final = (
    *head("AE"),
    Variable("AESPID", "Sponsor-Defined Identifier"),
    Variable("AETERM", "Reported Term for the Adverse Event"),
    Variable("AECAT", "Category for Adverse Event"),
    Variable("AESER", "Serious Event"),
    *_SERIOUS.values(),
    Variable("AEACN", "Action Taken with Study Treatment"),
    Variable("AEREL", "Causality"),
    Variable("AEOUT", "Outcome of Adverse Event"),
    Variable("AETOXGR", "Standard Toxicity Grade"),
    Variable("AESTDTC", "Start Date/Time of Adverse Event"),
    Variable("AEENDTC", "End Date/Time of Adverse Event"),
    Variable("AESTDY", "Study Day of Start of Adverse Event", "integer"),
    Variable("AEENDY", "Study Day of End of Adverse Event", "integer"),
)
_SUPP: Final = (
    STUDYID,
    Variable("RDOMAIN", "Related Domain Abbreviation"),
    USUBJID,
    Variable("IDVAR", "Identifying Variable"),
    Variable("IDVARVAL", "Identifying Variable Value"),
    Variable("QNAM", "Qualifier Variable Name"),
    Variable("QLABEL", "Qualifier Variable Label"),
    Variable("QVAL", "Data Value"),
    Variable("QORIG", "Origin"),
    Variable("QEVAL", "Evaluator"),
)
_LABELS: Final = {
    "AEDLT": "Dose-Limiting Toxicity",
    "AEDLTCRT": "DLT Criterion",
    "AEDLTWIN": "In the DLT Window",
}
_LIVE: Final = (DltReportState.PROVISIONAL, *COUNTED_REPORTS)


def standing_reports(source: Source) -> dict[int, Row]:
    """The DLT report of each event that counts or may come to count; by the event's key."""
    superseded = {row["supersedes_id"] for row in source.of("DltReport")}
    return {
        row["event_id"]: row
        for row in source.of("DltReport")
        if row["state"] in _LIVE and row["id"] not in superseded
    }


def adverse_events(source: Source) -> tuple[Dataset, Dataset]:
    """AE and SUPPAE. The grade is the worst; a word that nobody has given is empty."""
    events = {row["id"]: row for row in source.of("AdverseEvent")}
    found = sorted(
        ((row["participant_id"], _event(source, row)) for row in events.values()),
        key=lambda one: (one[1]["AESTDTC"], one[1]["AESPID"]),
    )
    reports = standing_reports(source)
    records = list(numbered(source, "AE", found))
    more = [
        {
            "STUDYID": source.study_id,
            "RDOMAIN": "AE",
            "USUBJID": record["USUBJID"],
            "IDVAR": "AESEQ",
            "IDVARVAL": record["AESEQ"],
            **qualifier,
        }
        for record in records
        for qualifier in _qualifiers(
            source, events[record["AESPID"]], reports.get(record["AESPID"])
        )
    ]
    return (
        make_dataset("AE", "Adverse Events", _AE, records),
        make_dataset("SUPPAE", "Supplemental Qualifiers for AE", _SUPP, more),
    )


def _event(source: Source, row: Row) -> dict[str, Any]:
    person, criteria = row["participant_id"], set(row["seriousness"])
    is_known = row["is_serious"] is not None
    started = source.local(person, row["onset_at"])
    ended = source.local(person, row["ended_at"])
    return {
        "AESPID": row["id"],
        "AETERM": row["term"],
        "AECAT": row["category"],
        "AESER": yes_no(row["is_serious"]),
        **{
            variable.name: yes_no(one in criteria) if is_known else ""
            for one, variable in _SERIOUS.items()
        },
        "AEACN": _word(ActionTaken, row["action_taken"]),
        "AEREL": _word(Causality, row["causality"]),
        "AEOUT": _word(EventOutcome, row["outcome"]),
        "AETOXGR": row["grade"],
        "AESTDTC": started,
        "AEENDTC": ended,
        "AESTDY": source.day(person, row["onset_at"]),
        "AEENDY": source.day(person, row["ended_at"]),
    }


def _word(choices: Any, value: str) -> str:
    return str(choices(value).label).upper() if value else ""


def _qualifiers(source: Source, row: Row, report: Row | None) -> Iterator[Mapping[str, Any]]:
    said = {"AEDLT": "N", "AEDLTCRT": ""}
    if report is not None:
        is_open = report["state"] == DltReportState.PROVISIONAL
        said = {"AEDLT": "PROVISIONAL" if is_open else "Y", "AEDLTCRT": report["criterion"]}
        said["AEDLTWIN"] = "N" if report["was_in_window"] is False else ""
    said |= {"AETOXSYS": row["grading_system"], "AETOXVER": row["grading_version"]}
    labels = {**_LABELS, "AETOXSYS": "Grading System", "AETOXVER": "Grading System Version"}
    components = _components(source)
    for key, word in row["causalities"].items():
        name, label = components.get(key, (key.upper()[:8], key))
        said[name], labels[name] = _word(Causality, word), f"Causality: {label}"[:40]
    for name, value in said.items():
        if value:
            by_site = name not in _LABELS
            evaluator = "INVESTIGATOR" if by_site else "SPONSOR"
            yield {
                "QNAM": name, "QLABEL": labels[name], "QVAL": value,
                "QORIG": "CRF" if by_site else "DERIVED", "QEVAL": evaluator,
            }  # fmt: skip


def _components(source: Source) -> dict[str, tuple[str, str]]:
    """QNAM and name of each component that may have caused an event."""
    names = {
        one.key: one.name
        for document in source.documents.values()
        for one in document.adverse_events.components
    }
    codes = short_names([f"rel{key}" for key in names])
    return {key: (codes[f"rel{key}"], name) for key, name in names.items()}
