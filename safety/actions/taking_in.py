"""What the second signature under a take-over writes, and whether it is what was promised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

from cohorts.actions import (
    PaperDecision,
    Sealed,
    settle_paper_cohorts,
    take_in_decision,
    take_in_outcome,
    take_in_participant,
)
from cohorts.engine.basis import Basis
from cohorts.models import DoseLevel, Outcome, Participant
from cohorts.policies import current_basis, require_protocol
from dosing.actions import PaperCourse, PaperInfusion, take_in_course
from ntrust.change import Change
from ntrust.errors import Refused
from ntrust.models import Signature
from ntrust.signing import content_hash
from safety.actions.reports import count_reports
from safety.models import Adjudication, AdverseEvent, DltReport, TakeOver, WindowStatement
from safety.policies import dlt_status, has_open_question
from safety.states import DltReportState
from safety.takeover import DryRun, Person, Row

_REASON = "Adjudicated on paper."


def take_in(change: Change, take_over: TakeOver, found: DryRun) -> None:
    """Write participants, decisions, treatment, events, statements and outcomes.

    Letters are worked out again from the rows as written. Refuses (`take_over_differs`) when the
    rules are then given anything else than in the dry run; the change ends with nothing written.
    """
    manager, monitor = take_over.manager_signature, take_over.monitor_signature
    assert manager is not None
    assert monitor is not None
    levels = {level.ordinal: level for level in DoseLevel.objects.filter(study=change.study)}
    people = _take_in_people(change, found.people)
    sealed = Sealed(
        content_hash=take_over.content_hash,
        manager=manager,
        monitor=monitor,
        staged_at=take_over.staged_at,
        staged_by=take_over.staged_by,
        sites=tuple({one.site_id: one.site for one in people.values()}.values()),
    )
    decisions = [
        take_in_decision(change, paper, sealed=sealed) for paper in _decisions(found, levels)
    ]
    for person in sorted(found.people, key=lambda one: one.row["ld_started_on"]):
        _take_in_treatment(change, people[person.subject], person, levels, monitor)
    settle_paper_cohorts(change, decisions)
    count_reports(change)
    _check_promise(change, found)


def _take_in_people(change: Change, people: Iterable[Person]) -> dict[str, Participant]:
    """Participants by subject number, in the order of the sheet, which the rules are given."""
    sites = {site.code: site for site in change.study.sites.all()}
    versions = {one.version: one for one in change.study.protocol_versions.all()}
    return {
        person.subject: take_in_participant(
            change,
            site=sites[person.row["site"]],
            version=versions[person.row["protocol_version"]],
            screening_number=person.row["screening_number"],
            subject_number=person.subject,
            disease=person.row["disease"],
            consented_at=person.start_of(person.row["consented_on"]),
            is_treated=bool(person.given),
        )
        for person in people
    }


def _decisions(found: DryRun, levels: Mapping[int, DoseLevel]) -> list[PaperDecision]:
    """The last one, which stands, is signed on all rows as they were imported; those before it on
    the rows of whom treatment had begun by then."""
    return [
        PaperDecision(
            number=row["number"],
            verdict=row["verdict"],
            level=levels[row["level"]] if row["level"] is not None else None,
            seats=row["seats"] or 0,
            decided_at=_start_of(row["decided_on"]),
            reference=row["reference"],
            basis=_basis_of(found, row),
        )
        for row in found.decisions
    ]


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _basis_of(found: DryRun, decision: Row) -> Basis:
    assert found.basis is not None
    if decision is found.decisions[-1]:
        return found.basis
    begun = {
        person.subject
        for person in found.people
        if person.row["ld_started_on"] < decision["decided_on"]
    }
    return {
        **found.basis,
        "outcomes": [row for row in found.basis["outcomes"] if row["subject"] in begun],
    }


def _take_in_treatment(
    change: Change,
    participant: Participant,
    person: Person,
    levels: Mapping[int, DoseLevel],
    monitor: Signature,
) -> Outcome:
    row = person.row
    level, began_on = levels[row["level"]], row["ld_started_on"]
    facts: dict[str, Any] = take_in_course(
        change,
        participant,
        PaperCourse(
            level=level,
            regimen=row["regimen"],
            started_at=person.start_of(began_on),
            ended_at=person.start_of(row["ld_ended_on"]) if row["ld_ended_on"] else None,
            infusions=_infusions(person),
            is_stated=person.stated_at is not None,
        ),
    )
    if person.letter == "T":
        _take_in_dlt(change, participant, person, monitor)
    _take_in_statement(participant, person, monitor)
    if person.letter == "X" and person.outcome is not None:
        facts["not_evaluable_because"] = person.outcome["reason"]
        facts["not_evaluable_confirmed_by"] = monitor.signer
    facts |= {
        "dlt": dlt_status(participant),
        "has_open_dlt_question": has_open_question(participant),
        "has_signed_statement": person.states_no_dlt,
        "is_toxicity_adjudicated": person.is_ruled_to_count,
    }
    return take_in_outcome(change, participant, level=level, began_on=began_on, facts=facts)


def _infusions(person: Person) -> dict[int, PaperInfusion]:
    return {
        number: PaperInfusion(
            given_at=person.given.get(number),
            given_cells=row["viable_cells"],
            reason=row["reason"] or "",
            is_missed_for_toxicity=row["state"] == "MISSED_FOR_TOXICITY",
        )
        for number, row in person.infusions.items()
    }


def _take_in_dlt(
    change: Change, participant: Participant, person: Person, monitor: Signature
) -> None:
    """The event, and a report that the monitor's signature under the take-over confirms."""
    row = person.outcome
    assert row is not None
    onset_at, aware_at = person.moment(row["dlt_onset"]), person.moment(row["dlt_aware"])
    assert onset_at is not None
    assert aware_at is not None
    event = AdverseEvent.objects.create(
        participant=participant,
        term=row["dlt_term"],
        onset_at=onset_at,
        grade=row["dlt_grade"],
        grading_system=row["dlt_grading_system"],
        causality=row["dlt_causality"],
        is_serious=row["dlt_serious"] == "yes",
        aware_at=aware_at,
        entered_at=change.now,
        entered_by=monitor.signer,
        is_legacy=True,
    )
    report = DltReport.objects.create(
        event=event,
        criterion=row["dlt_criterion"],
        state=DltReportState.CONFIRMED,
        reported_at=change.now,
        reported_by=monitor.signer,
    )
    Adjudication.objects.create(report=report, is_confirmed=True, reason=_REASON, signature=monitor)


def _take_in_statement(participant: Participant, person: Person, monitor: Signature) -> None:
    """The statement on paper, of its own day."""
    if person.stated_at is None:
        return
    WindowStatement.objects.create(
        participant=participant,
        has_dlt=person.letter == "T",
        signature=monitor,
        signed_at=person.stated_at,
        signed_by=monitor.signer,
        is_legacy=True,
    )


def _check_promise(change: Change, found: DryRun) -> None:
    """The rules are given what the dry run gave them, row by row."""
    written = current_basis(change.study, require_protocol(change.study))
    if content_hash(written) != content_hash(found.basis):
        raise Refused(
            "take_over_differs",
            "What would be written is not what was promised: nothing is taken over.",
        )
