"""What was given: exposure (EX), one record a lymphodepletion dose and infusion, and other
medication (CM)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from dosing.states import InfusionState, LdDoseState
from safety.datasets.numbering import numbered
from safety.datasets.shape import Dataset, Variable, make_dataset
from safety.datasets.source import Row, Source, head

_EX: Final = (
    *head("EX"),
    Variable("EXGRPID", "Group ID"),
    Variable("EXTRT", "Name of Treatment"),
    Variable("EXDOSE", "Dose", "decimal"),
    Variable("EXDOSU", "Dose Units"),
    Variable("EXROUTE", "Route of Administration"),
    Variable("EXLOT", "Lot Number"),
    Variable("EXADJ", "Reason for Dose Adjustment"),
    Variable("EPOCH", "Epoch"),
    Variable("EXSTDTC", "Start Date/Time of Treatment"),
    Variable("EXENDTC", "End Date/Time of Treatment"),
    Variable("EXSTDY", "Study Day of Start of Treatment", "integer"),
)
_CM: Final = (
    *head("CM"),
    Variable("CMTRT", "Reported Name of Drug, Med, or Therapy"),
    Variable("CMCAT", "Category for Medication"),
    Variable("CMINDC", "Indication"),
    Variable("CMDOSE", "Dose per Administration", "decimal"),
    Variable("CMDOSU", "Dose Units"),
    Variable("CMROUTE", "Route of Administration"),
    Variable("CMSTDTC", "Start Date/Time of Medication"),
    Variable("CMENDTC", "End Date/Time of Medication"),
    Variable("CMSTDY", "Study Day of Start of Medication", "integer"),
)
_ROUTE: Final = "INTRAVENOUS"


def exposure(source: Source) -> Dataset:
    """EX: what was given, in order of time; what was planned and not given is no exposure."""
    found = sorted(
        [*_lymphodepletion(source), *_infusions(source)], key=lambda one: one[1]["EXSTDTC"]
    )
    return make_dataset("EX", "Exposure", _EX, numbered(source, "EX", found))


def _common(source: Source, course: Row, *, epoch: str) -> dict[str, Any]:
    return {"EXGRPID": f"CYCLE {course['cycle']}", "EXROUTE": _ROUTE, "EPOCH": epoch}


def _lymphodepletion(source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    for row in source.of("LdAdministration"):
        if row["state"] != LdDoseState.GIVEN:
            continue
        course = source.courses[row["course_id"]]
        person = course["participant_id"]
        started = source.local(person, row["started_at"])
        yield (
            person,
            {
                **_common(source, course, epoch="LYMPHODEPLETION"),
                "EXTRT": row["drug"].upper(),
                "EXDOSE": row["given_mg"],
                "EXDOSU": "mg",
                "EXADJ": row["deviation"],
                "EXSTDTC": started,
                "EXENDTC": source.local(person, row["stopped_at"]),
                "EXSTDY": source.day(person, row["started_at"]),
            },
        )


def _infusions(source: Source) -> Iterator[tuple[int, dict[str, Any]]]:
    lots = {row["id"]: row["code"] for row in source.of("ProductLot")}
    for row in source.of("Infusion"):
        if row["state"] != InfusionState.GIVEN:
            continue
        course = source.courses[row["course_id"]]
        person = course["participant_id"]
        document = source.version_of(person)
        yield (
            person,
            {
                **_common(source, course, epoch="TREATMENT"),
                "EXTRT": document.product if document else "",
                "EXDOSE": row["given_cells"],
                "EXDOSU": "cells",
                "EXLOT": lots.get(row["lot_id"], ""),
                "EXADJ": row["reduced_because"] or row["interrupted_because"],
                "EXSTDTC": source.local(person, row["given_at"]),
                "EXENDTC": source.local(person, row["stopped_at"]),
                "EXSTDY": source.day(person, row["given_at"]),
            },
        )


def medications(source: Source) -> Dataset:
    """CM: everything else that was taken."""

    def found() -> Iterator[tuple[int, dict[str, Any]]]:
        for row in source.of("Medication"):
            person = row["participant_id"]
            yield (
                person,
                {
                    "CMTRT": row["name"],
                    "CMCAT": "PROHIBITED" if row["is_prohibited"] else "",
                    "CMINDC": row["indication"],
                    "CMDOSE": row["dose"],
                    "CMDOSU": row["unit"],
                    "CMROUTE": row["route"],
                    "CMSTDTC": row["started_on"],
                    "CMENDTC": row["ended_on"],
                    "CMSTDY": source.day(person, row["started_on"]),
                },
            )

    return make_dataset("CM", "Concomitant/Prior Medications", _CM, numbered(source, "CM", found()))
