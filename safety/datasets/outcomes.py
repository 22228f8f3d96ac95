"""Seats and outcomes (XO, the sponsor's domain), and the analysis set of the DLT (ADDLT)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from cohorts.states import DltStatus, OutcomeLetter
from safety.datasets.events import standing_reports
from safety.datasets.numbering import numbered
from safety.datasets.shape import Dataset, Variable, make_dataset, yes_no
from safety.datasets.source import STUDYID, USUBJID, Row, Source, head
from safety.datasets.subjects import arm_name

_XO: Final = (
    *head("XO"),
    Variable("XOPART", "Part of the Trial", "integer"),
    Variable("XOCOHORT", "Cohort Number", "integer"),
    Variable("XOSEAT", "Seat in the Cohort", "integer"),
    Variable("XOLEVEL", "Dose Level", "integer"),
    Variable("XODOSE", "Dose of the Level", "decimal"),
    Variable("XODOSU", "Dose Units"),
    Variable("XODIS", "Disease under Study"),
    Variable("XOREGIM", "Lymphodepletion Regimen"),
    Variable("XOVERS", "Protocol Version of the Subject"),
    Variable("XOCOUNT", "Counts for the Dose Decision"),
    Variable("XOOUTC", "Outcome: P, N, T or X"),
    Variable("XOREAS", "Reason for the Outcome"),
    Variable("XODLT", "State of the DLT Reports"),
    Variable("XOSTATE", "Window Statement Signed"),
    Variable("XOENDTC", "End Date/Time of the DLT Window"),
)
_ADDLT: Final = (
    STUDYID,
    USUBJID,
    Variable("SUBJID", "Subject Identifier for the Study"),
    Variable("SITEID", "Study Site Identifier"),
    Variable("TRTP", "Planned Treatment"),
    Variable("TRTPN", "Planned Treatment (N): Dose Level", "integer"),
    Variable("PART", "Part of the Trial", "integer"),
    Variable("COHORT", "Cohort Number", "integer"),
    Variable("TRTSDTM", "Datetime of First Exposure to Treatment"),
    Variable("TRTFL", "Treated with the Product Flag"),
    Variable("COUNTFL", "Counts for the Dose Decision Flag"),
    Variable("DLTEVLFL", "DLT-Evaluable Flag"),
    Variable("DLTFL", "Dose-Limiting Toxicity Flag"),
    Variable("PENDFL", "Outcome Pending Flag"),
    Variable("DLTCRIT", "Criteria of the DLT"),
    Variable("NEVLREAS", "Reason Not Evaluable"),
)


def seats_and_outcomes(source: Source) -> Dataset:
    """XO: one record a participant who has or had a seat: what they count as, and why."""
    seats, cohorts = _seats(source), {row["id"]: row for row in source.of("Cohort")}

    def found() -> Iterator[tuple[int, dict[str, Any]]]:
        for row in source.of("Outcome"):
            person = row["participant_id"]
            seat, level = seats.get(person), source.levels[row["level_id"]]
            document = source.version_of(person)
            yield (
                person,
                {
                    "XOPART": row["part"],
                    "XOCOHORT": cohorts[seat["cohort_id"]]["number"] if seat else None,
                    "XOSEAT": seat["seat"] if seat else None,
                    "XOLEVEL": level["ordinal"],
                    "XODOSE": level["dose"],
                    "XODOSU": level["unit"],
                    "XODIS": source.people[person]["disease"],
                    "XOREGIM": row["regimen"],
                    "XOVERS": document.version if document else "",
                    "XOCOUNT": yes_no(row["is_counted"]),
                    "XOOUTC": row["letter"],
                    "XOREAS": row["because"],
                    "XODLT": DltStatus(row["dlt"]).label.upper(),
                    "XOSTATE": yes_no(row["has_signed_statement"]),
                    "XOENDTC": source.local(person, row["window_closes_at"]),
                },
            )

    return make_dataset("XO", "Seats and Outcomes", _XO, numbered(source, "XO", found()))


def dlt_analysis(source: Source) -> Dataset:
    """ADDLT: one record a participant who has or had a seat. Evaluable is Y once an outcome is N or
    T; a DLT makes evaluable at once; who is pending is neither."""
    seats, cohorts = _seats(source), {row["id"]: row for row in source.of("Cohort")}
    criteria = _criteria(source)
    records = []
    for row in source.of("Outcome"):
        person, letter = row["participant_id"], row["letter"]
        who, seat = source.people[person], seats.get(row["participant_id"])
        infused = source.local(person, source.first_infused.get(person))
        is_pending = letter == OutcomeLetter.PENDING
        is_toxic = letter == OutcomeLetter.DLT
        is_evaluable = letter in (OutcomeLetter.NO_DLT, OutcomeLetter.DLT)
        records.append(
            {
                "STUDYID": source.study_id,
                "USUBJID": source.subject(person),
                "SUBJID": who["subject_number"] or who["screening_number"],
                "SITEID": source.sites[who["site_id"]][0],
                "TRTP": arm_name(source, row),
                "TRTPN": source.levels[row["level_id"]]["ordinal"],
                "PART": row["part"],
                "COHORT": cohorts[seat["cohort_id"]]["number"] if seat else None,
                "TRTSDTM": infused,
                "TRTFL": yes_no(infused is not None),
                "COUNTFL": yes_no(row["is_counted"]),
                "DLTEVLFL": "" if is_pending else yes_no(is_evaluable),
                "DLTFL": yes_no(is_toxic) if is_evaluable else "",
                "PENDFL": yes_no(is_pending),
                "DLTCRIT": ", ".join(sorted(criteria.get(person, ()))) if is_toxic else "",
                "NEVLREAS": row["because"] if letter == OutcomeLetter.NOT_EVALUABLE else "",
            }
        )
    records.sort(key=lambda one: one["USUBJID"])
    return make_dataset("ADDLT", "Analysis Dataset of the DLT", _ADDLT, records)


def _seats(source: Source) -> dict[int, Row]:
    """The last seat of each participant."""
    return {row["participant_id"]: row for row in source.of("Slot") if row["cohort_id"] is not None}


def _criteria(source: Source) -> dict[int, set[str]]:
    reports = standing_reports(source)
    found: dict[int, set[str]] = {}
    for row in source.of("AdverseEvent"):
        if row["id"] in reports and reports[row["id"]]["criterion"]:
            found.setdefault(row["participant_id"], set()).add(reports[row["id"]]["criterion"])
    return found
