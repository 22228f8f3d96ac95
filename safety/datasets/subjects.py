"""Who takes part: demographics (DM), disposition (DS), criteria that were not met (IE)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from cohorts.states import ParticipantState, ScreeningState
from dosing.states import InfusionState, LdDoseState
from safety.datasets.numbering import numbered
from safety.datasets.shape import Dataset, Variable, make_dataset
from safety.datasets.source import DOMAIN, STUDYID, USUBJID, Row, Source, head

_DM: Final = (
    STUDYID,
    DOMAIN,
    USUBJID,
    Variable("SUBJID", "Subject Identifier for the Study"),
    Variable("RFSTDTC", "Subject Reference Start Date/Time"),
    Variable("RFENDTC", "Subject Reference End Date/Time"),
    Variable("RFXSTDTC", "Date/Time of First Study Treatment"),
    Variable("RFXENDTC", "Date/Time of Last Study Treatment"),
    Variable("RFICDTC", "Date/Time of Informed Consent"),
    Variable("DTHFL", "Subject Death Flag"),
    Variable("SITEID", "Study Site Identifier"),
    Variable("AGE", "Age", "integer"),
    Variable("AGEU", "Age Units"),
    Variable("ARMCD", "Planned Arm Code"),
    Variable("ARM", "Description of Planned Arm"),
    Variable("ACTARMCD", "Actual Arm Code"),
    Variable("ACTARM", "Description of Actual Arm"),
    Variable("ARMNRS", "Reason Arm and/or Actual Arm is Null"),
)
_DS: Final = (
    *head("DS"),
    Variable("DSTERM", "Reported Term for the Disposition Event"),
    Variable("DSDECOD", "Standardized Disposition Term"),
    Variable("DSCAT", "Category for Disposition Event"),
    Variable("DSSTDTC", "Start Date/Time of Disposition Event"),
    Variable("DSSTDY", "Study Day of Start of Disposition Event", "integer"),
)
_IE: Final = (
    *head("IE"),
    Variable("IETESTCD", "Inclusion/Exclusion Criterion Short Name"),
    Variable("IETEST", "Inclusion/Exclusion Criterion"),
    Variable("IECAT", "Inclusion/Exclusion Category"),
    Variable("IEORRES", "I/E Criterion Original Result"),
    Variable("IESTRESC", "I/E Criterion Result in Std Format"),
    Variable("IEDTC", "Date/Time of Collection"),
)
_ENDS: Final = {
    ParticipantState.SCREEN_FAILED: "SCREEN FAILURE",
    ParticipantState.OFF_STUDY: "COMPLETED",
    ParticipantState.WITHDRAWN: "WITHDRAWAL BY SUBJECT",
    ParticipantState.LOST: "LOST TO FOLLOW-UP",
    ParticipantState.DIED: "DEATH",
}
LONGEST_TEXT: Final = 200


def arm_code(source: Source, outcome: Row) -> str:
    """ARMCD of a level: DL1, or DL-1; in Part 2 with its number before it."""
    part = "P2" if outcome["part"] == 2 else ""
    return f"{part}DL{source.levels[outcome['level_id']]['ordinal']}"


def arm_name(source: Source, outcome: Row) -> str:
    """ARM of a level: what is given."""
    level = source.levels[outcome["level_id"]]
    part = "Part 2, " if outcome["part"] == 2 else ""
    return f"{part}{level['dose']:.2E} {level['unit']}"


def demographics(source: Source) -> Dataset:
    """DM: one record a subject; of those screened twice the last screening speaks."""
    outcomes = {row["participant_id"]: row for row in source.of("Outcome")}
    ages, consents = _ages(source), _consents(source)
    found = {}
    for person, row in source.people.items():
        outcome = outcomes.get(person)
        given = sorted(_exposures(source, person))
        infused = source.local(person, source.first_infused.get(person))
        is_dead = row["state"] == ParticipantState.DIED
        found[source.subject(person)] = {
            "STUDYID": source.study_id,
            "DOMAIN": "DM",
            "USUBJID": source.subject(person),
            "SUBJID": row["subject_number"] or row["screening_number"],
            "RFSTDTC": infused,
            "RFENDTC": source.local(person, source.ended.get(person)) if _is_over(row) else None,
            "RFXSTDTC": source.local(person, given[0]) if given else None,
            "RFXENDTC": source.local(person, given[-1]) if given else None,
            "RFICDTC": consents.get(person) or source.local(person, row["consented_at"]),
            "DTHFL": "Y" if is_dead else "",
            "SITEID": source.sites[row["site_id"]][0],
            "AGE": ages.get(person),
            "AGEU": "YEARS" if person in ages else "",
            **_arms(source, row, outcome, is_treated=infused is not None),
        }
    return make_dataset("DM", "Demographics", _DM, [found[one] for one in sorted(found)])


def _arms(source: Source, row: Row, outcome: Row | None, *, is_treated: bool) -> dict[str, Any]:
    if outcome is None:
        is_failure = row["state"] == ParticipantState.SCREEN_FAILED
        return {"ARMNRS": "SCREEN FAILURE" if is_failure else "NOT ASSIGNED"}
    code, name = arm_code(source, outcome), arm_name(source, outcome)
    planned = {"ARMCD": code, "ARM": name}
    if not is_treated:
        return {**planned, "ARMNRS": "ASSIGNED, NOT TREATED"}
    return {**planned, "ACTARMCD": code, "ACTARM": name}


def _is_over(row: Row) -> bool:
    return row["state"] in _ENDS


def _exposures(source: Source, person: int) -> Iterator[datetime]:
    for row in source.of("LdAdministration"):
        is_theirs = source.courses[row["course_id"]]["participant_id"] == person
        if is_theirs and row["state"] == LdDoseState.GIVEN and row["started_at"]:
            yield row["started_at"]
    for row in source.of("Infusion"):
        is_theirs = source.courses[row["course_id"]]["participant_id"] == person
        if is_theirs and row["state"] == InfusionState.GIVEN and row["given_at"]:
            yield row["given_at"]


def _ages(source: Source) -> dict[int, int]:
    """Whole years as entered at screening; a birth date is nowhere."""
    person_of = {row["id"]: row["participant_id"] for row in source.of("Screening")}
    return {
        person_of[row["screening_id"]]: int(row["value"])
        for row in source.of("ScreeningResult")
        if row["field"] == "age" and str(row["value"]).isdigit()
    }


def _consents(source: Source) -> dict[int, Any]:
    """The day of each one's first consent form."""
    found: dict[int, Any] = {}
    for row in source.of("Consent"):
        day = row["signed_on"]
        found[row["participant_id"]] = min(found.get(row["participant_id"], day), day)
    return found


def disposition(source: Source) -> Dataset:
    """DS: consent, and how it ended."""

    def found() -> Iterator[tuple[int, dict[str, Any]]]:
        consents = _consents(source)
        for person, row in source.people.items():
            agreed = consents.get(person) or source.local(person, row["consented_at"])
            if agreed is not None:
                yield (
                    person,
                    {
                        "DSTERM": "INFORMED CONSENT OBTAINED",
                        "DSDECOD": "INFORMED CONSENT OBTAINED",
                        "DSCAT": "PROTOCOL MILESTONE",
                        "DSSTDTC": agreed,
                        "DSSTDY": source.day(person, agreed),
                    },
                )
            if _is_over(row):
                ended = source.local(person, source.ended.get(person))
                state = ParticipantState(row["state"])
                yield (
                    person,
                    {
                        "DSTERM": state.label.upper(),
                        "DSDECOD": _ENDS[state],
                        "DSCAT": "DISPOSITION EVENT",
                        "DSSTDTC": ended,
                        "DSSTDY": source.day(person, ended),
                    },
                )

    return make_dataset("DS", "Disposition", _DS, numbered(source, "DS", found()))


def unmet_criteria(source: Source) -> Dataset:
    """IE: the criteria for which a screening failed."""

    def found() -> Iterator[tuple[int, dict[str, Any]]]:
        for row in source.of("Screening"):
            if row["state"] != ScreeningState.FAILED:
                continue
            person = row["participant_id"]
            document = source.version_of(person)
            criteria = {one.id: one for one in document.eligibility.criteria} if document else {}
            for name in row["failed_criteria"]:
                one = criteria.get(name)
                is_inclusion = one is not None and one.kind == "inclusion"
                result = "N" if is_inclusion else "Y"
                yield (
                    person,
                    {
                        "IETESTCD": name,
                        "IETEST": one.text[:LONGEST_TEXT] if one else name,
                        "IECAT": "INCLUSION" if is_inclusion else "EXCLUSION",
                        "IEORRES": result,
                        "IESTRESC": result,
                        "IEDTC": row["visit_date"],
                    },
                )

    return make_dataset(
        "IE", "Inclusion/Exclusion Criteria Not Met", _IE, numbered(source, "IE", found())
    )
