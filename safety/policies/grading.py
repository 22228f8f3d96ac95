"""May an event have this grade: the system knows it, and the findings make it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from cohorts.engine.toxicity import DEATH, Computed, ToxicityError, compute_grade
from cohorts.models import Participant
from cohorts.policies import day_at, document_of
from cohorts.protocol import GradingSystemData
from dosing.queries import medications_in
from ntrust.errors import Refused
from safety.models import AdverseEvent, EventGrade
from safety.policies.course import course_of


def settle_grade(  # noqa: PLR0913 - a grade and what it rests on
    participant: Participant,
    *,
    system_key: str,
    grade: int | None,
    findings: Mapping[str, str],
    onset_at: datetime,
    since: datetime,
) -> int:
    """The grade of a step: as entered, or as its findings make it.

    Refuses a system that the protocol does not name (`unknown_grading`), no grade or one outside 1
    to 5 (`bad_grade`) or outside the system (`grade_not_in_system`), findings that are not the
    system's (`unknown_finding`), findings of no such event (`finding_needed`), and a grade that
    they do not make (`grade_differs`), with both numbers.
    """
    system = document_of(participant.protocol_version).adverse_events.require_system(system_key)
    if not findings:
        return _check(grade, system)
    computed = _compute(participant, system, findings, onset_at=onset_at, since=since)
    if grade == DEATH:
        return grade
    if grade is None and computed.is_whole and computed.grade:
        return computed.grade
    entered = _check(grade, system)
    if entered < computed.grade or (computed.is_whole and entered != computed.grade):
        least = "" if computed.is_whole else " or more"
        raise Refused(
            "grade_differs",
            f"Entered is grade {entered}; the findings make grade {computed.grade}{least}. Correct "
            "the one or the other, or leave the findings for later.",
        )
    return entered


def _check(grade: int | None, system: GradingSystemData | None) -> int:
    if grade is None or not 1 <= grade <= DEATH:
        raise Refused("bad_grade", "A grade is 1 to 5.")
    if system is not None and not system.has(grade):
        known = ", ".join(system.label(one.grade) for one in system.grades)
        raise Refused("grade_not_in_system", f"{system.key} has the grades {known}; 5 is death.")
    return grade


def _compute(
    participant: Participant,
    system: GradingSystemData | None,
    findings: Mapping[str, str],
    *,
    onset_at: datetime,
    since: datetime,
) -> Computed:
    """What the findings make. Fever is looked for before any therapy against it alone."""
    features = tuple(one.feature() for one in system.features) if system is not None else ()
    site = participant.site
    taken = medications_in(participant, day_at(site, onset_at), day_at(site, since))
    given = frozenset(kind for medicine in taken for kind in medicine.kinds)
    try:
        computed = compute_grade(features, findings, given)
    except ToxicityError as error:
        raise Refused("unknown_finding", str(error)) from error
    if computed.lacks and system is not None:
        name = next(one.text for one in system.features if one.key == computed.lacks)
        raise Refused(
            "finding_needed",
            f"{system.name} has {name.lower()}, and nothing that hides it is entered: enter the "
            "medication, or leave the findings for later.",
        )
    return computed


def check_step(
    event: AdverseEvent,
    *,
    since: datetime,
    corrects: EventGrade | None,
    reason: str,
    now: datetime,
) -> None:
    """Refuse a step outside its event, and a correction without a reason or of a step that is not
    in force."""
    if since > now:
        raise Refused("future_date", "This time lies in the future.")
    if since < event.onset_at or (event.ended_at is not None and since > event.ended_at):
        raise Refused("impossible_order", "A grade lies between the event's beginning and its end.")
    if corrects is None:
        return
    if not reason.strip():
        raise Refused("reason_needed", "Say why the grade is corrected.")
    if corrects.pk not in {step.pk for step in course_of(event)}:
        raise Refused("not_in_force", "That grade is not in force: it was corrected before.")
