"""Candidates: raised by the criteria, answered by the investigator, ruled on by the monitor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from cohorts.actions import update_outcome
from cohorts.engine.toxicity import Answer, Reading
from cohorts.models import Outcome, Participant
from cohorts.states import DltStatus
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Signature, User
from ntrust.policies import check_role
from ntrust.signing import content_hash, sign
from ntrust.states import Role
from safety.actions.reports import move_report
from safety.actions.statements import withdraw_statement
from safety.actions.telling import record_of
from safety.models import Adjudication, AdverseEvent, DltCandidate, DltReport, EventWord
from safety.policies import (
    check_committee,
    check_facts,
    check_word,
    is_in_question,
    raised_by,
    read_event,
    rereads_at,
    settled_as,
    state_of,
    strongest,
    sum_of_reports,
)
from safety.states import CANDIDATE, CandidateState, DltReportState


def reread_candidates(change: Change) -> None:
    """First in a change: what time alone made worse is an open question before anything is done."""
    due = AdverseEvent.objects.filter(
        participant__study=change.study, candidate__rereads_at__lte=change.now
    )
    for event in _whole(due):
        _weigh(change, event)
        _push(change, event.participant)


def _push(change: Change, participant: Participant) -> None:
    """Hand an open question down at once: what follows in this change rests on it."""
    outcome = Outcome.objects.filter(participant=participant).first()
    found = sum_of_reports(participant)
    if outcome is None or outcome.dlt == found.status:
        return
    if found.status == DltStatus.PROVISIONAL:
        withdraw_statement(change, participant)
    is_open = found.has_open_question
    update_outcome(change, participant, dlt=found.status, has_open_dlt_question=is_open)


def weigh_events(change: Change) -> None:
    """Read the events of everybody whom this change is about, before reports are counted. One from
    paper came with the word on it, and is read once its course goes on here."""
    subjects = {it.subject for it in change.happenings if it.subject}
    if not subjects:
        return
    concerned = AdverseEvent.objects.filter(
        Q(participant__subject_number__in=subjects) | Q(participant__screening_number__in=subjects),
        Q(is_legacy=False) | Q(course__isnull=False),
        participant__study=change.study,
    ).distinct()
    for event in _whole(concerned):
        _weigh(change, event)


def _whole(events: QuerySet[AdverseEvent]) -> QuerySet[AdverseEvent]:
    return events.select_related(
        "candidate", "participant__site", "participant__study", "participant__protocol_version"
    ).prefetch_related("course")


def _weigh(change: Change, event: AdverseEvent) -> None:
    """Keep what was said by reports, and move the question to where it stands."""
    readings = read_event(event, now=change.now)
    _keep_words(event, readings)
    _hasten(change, event, readings)
    if not is_in_question(event):
        return
    candidate = DltCandidate.objects.filter(event=event).first()
    to = state_of(event, readings, candidate)
    if to is None:
        return
    at = rereads_at(readings, change.now)
    if candidate is None:
        candidate = DltCandidate.objects.create(
            event=event, state=CandidateState.OPEN, rereads_at=at, raised_at=change.now
        )
        if to == CandidateState.OPEN:
            _record_raised(change, event, readings)
    elif candidate.state != to == CandidateState.OPEN:
        _record_raised(change, event, readings)
    if candidate.rereads_at != at:
        candidate.rereads_at = at
        candidate.save(update_fields=["rereads_at"])
    if candidate.state == CandidateState.OPEN and to == CandidateState.CLOSED:
        what = "by what is known now no criterion asks whether an event is dose-limiting"
        _tell(change, event, "EVENT_NOT_DLT", what, detail=f"{event.term}.")
    if candidate.state != to:
        _move(candidate, to, readings)


def _hasten(change: Change, event: AdverseEvent, readings: Sequence[Reading]) -> None:
    """A worse course leaves a provisional report less to wait for, or nothing. What came down
    clears it by a signed resolution alone."""
    by_criterion = {reading.criterion: reading for reading in readings}
    waiting = DltReport.objects.filter(
        event=event, state=DltReportState.PROVISIONAL, superseded_by__isnull=True
    )
    for report in waiting:
        reading = by_criterion.get(report.criterion)
        if reading is None or reading.answer in (Answer.DOES_NOT, Answer.NOT_READ):
            continue
        ends_at = reading.clock_ends_at
        if reading.answer is Answer.MEETS:
            move_report(report, to=DltReportState.REPORTED)
            what = f"{reading.sentence}: it counts as a DLT."
            record_of(change, event.participant, "DLT_REPORTED", what)
        elif ends_at is not None and report.counts_at is not None and ends_at < report.counts_at:
            report.counts_at = ends_at
            report.save(update_fields=["counts_at"])


def _move(candidate: DltCandidate, to: CandidateState, readings: Sequence[Reading]) -> None:
    """The only writer of a candidate's state; every answer keeps what it was given on."""
    CANDIDATE.check(candidate.state, to)
    candidate.state = to
    candidate.settled = settled_as(candidate.event, readings)
    candidate.save(update_fields=["state", "settled"])


def _record_raised(change: Change, event: AdverseEvent, readings: Sequence[Reading]) -> None:
    why = "; ".join(reading.sentence for reading in raised_by(readings))
    detail = f"{event.term}: dose-limiting or not? {why}."
    _tell(change, event, "DLT_CANDIDATE", "an event may be dose-limiting", detail=detail)


def _tell(change: Change, event: AdverseEvent, kind: str, what: str, *, detail: str) -> None:
    """Record what is asked or said about an event. What the event is, and what a person typed, is
    the detail: no mail has it."""
    record_of(change, event.participant, kind, f"{what}: {detail}", detail=detail)


def _keep_words(event: AdverseEvent, readings: Sequence[Reading]) -> None:
    """What reports and adjudications say is kept beside what the criteria say at that moment."""
    for report in DltReport.objects.filter(event=event).exclude(words__speaker=Role.INVESTIGATOR):
        if not report.words.filter(speaker=Role.MEDICAL_MONITOR).exists():
            _say(
                event,
                readings,
                speaker=Role.INVESTIGATOR,
                is_dlt=True,
                criterion=report.criterion,
                report=report,
                said_at=report.reported_at,
                said_by=report.reported_by,
            )
    ruled = Adjudication.objects.filter(report__event=event).exclude(
        report__words__speaker=Role.MEDICAL_MONITOR
    )
    for word in ruled.select_related("report", "signature__signer"):
        _say(
            event,
            readings,
            speaker=Role.MEDICAL_MONITOR,
            is_dlt=word.is_confirmed,
            criterion=word.report.criterion,
            reason=word.reason,
            report=word.report,
            signature=word.signature,
            said_at=word.signature.signed_at,
            said_by=word.signature.signer,
        )


def _say(event: AdverseEvent, readings: Sequence[Reading], **said: Any) -> EventWord:
    kept = [
        {"criterion": one.criterion, "answer": str(one.answer), "sentence": one.sentence}
        for one in readings
    ]
    return EventWord.objects.create(event=event, rule=strongest(readings), readings=kept, **said)


def state_not_dlt(
    event: AdverseEvent, *, reason: str, by: User, now: datetime | None = None
) -> EventWord:
    """State that an event of the window is not dose-limiting. Investigator's action.

    Where a criterion is met it is a disagreement: the participant stays pending until the medical
    monitor rules. Refuses a blank reason, an event on which no word is asked (`no_candidate`), and
    a "no" while a fact is missing that a criterion asks for (`facts_missing`).
    """
    participant = event.participant
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    if not reason.strip():
        raise Refused("reason_needed", "Say why the event is not dose-limiting.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        event = _whole(AdverseEvent.objects.filter(pk=event.pk)).get()
        readings = read_event(event, now=change.now)
        candidate = check_word(event, readings, wanted=CandidateState.OPEN)
        check_facts(readings)
        word = _say(
            event,
            readings,
            speaker=Role.INVESTIGATOR,
            is_dlt=False,
            reason=reason.strip(),
            said_at=change.now,
            said_by=by,
        )
        met = [one.criterion for one in readings if one.answer is Answer.MEETS]
        _move(candidate, CandidateState.DISPUTED if met else CandidateState.CLOSED, readings)
        kind = "DLT_DISPUTED" if met else "EVENT_NOT_DLT"
        against = f", and meets {', '.join(met)}; the medical monitor rules" if met else ""
        what = f"an event is stated not dose-limiting{against}"
        _tell(change, event, kind, what, detail=f"{event.term}: {reason.strip()}.")
    return word


def rule_on_event(  # noqa: PLR0913 - the monitor's word, signed
    event: AdverseEvent,
    *,
    is_dlt: bool,
    reason: str,
    by: User,
    password: str,
    criterion: str = "",
    committee_reference: str = "",
    now: datetime | None = None,
) -> EventWord:
    """Rule, signed, on an event that meets a criterion and was stated not dose-limiting.

    A DLT is reported and confirmed at once, by `criterion` or the first one that is met; otherwise
    the question is closed. Refuses a blank reason, an event that is not disputed (`not_disputed`),
    and a death ruled unrelated without the committee's minutes (`committee_needed`).
    """
    participant = event.participant
    study = participant.study
    role = check_role(by, study, [Role.MEDICAL_MONITOR])
    if not reason.strip():
        raise Refused("reason_needed", "Say why it is, or is not, a DLT.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        event = _whole(AdverseEvent.objects.filter(pk=event.pk)).get()
        readings = read_event(event, now=change.now)
        candidate = check_word(event, readings, wanted=CandidateState.DISPUTED)
        check_committee(event, is_dlt=is_dlt, reference=committee_reference)
        reason, minutes = reason.strip(), committee_reference.strip()
        content = {"event": event.pk, "is_dlt": is_dlt, "why": reason, "minutes": minutes}
        meaning = "rules: a DLT" if is_dlt else "rules: not a DLT"
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning=meaning,
            hash_of=content_hash(content),
        )
        said = _Ruling(is_dlt, reason, criterion or _first_met(readings), minutes, signature)
        word = _take_in(change, candidate, readings, said)
    return word


@dataclass(frozen=True)
class _Ruling:
    """The medical monitor's signed word."""

    is_dlt: bool
    reason: str
    criterion: str
    minutes: str
    signature: Signature


def _take_in(
    change: Change, candidate: DltCandidate, readings: Sequence[Reading], said: _Ruling
) -> EventWord:
    """What follows from a ruling: a confirmed report, or a closed question."""
    event = candidate.event
    criterion = said.criterion if said.is_dlt else ""
    word = _say(
        event,
        readings,
        speaker=Role.MEDICAL_MONITOR,
        is_dlt=said.is_dlt,
        criterion=criterion,
        reason=said.reason,
        committee_reference=said.minutes,
        report=_confirm(change, event, said) if said.is_dlt else None,
        signature=said.signature,
        said_at=change.now,
        said_by=said.signature.signer,
    )
    to = CandidateState.REPORTED if said.is_dlt else CandidateState.CLOSED
    _move(candidate, to, readings)
    kind, words = ("DLT_CONFIRMED", "a DLT") if said.is_dlt else ("EVENT_NOT_DLT", "not a DLT")
    detail = f"{event.term}: {said.reason}"
    _tell(change, event, kind, f"an event is ruled {words}", detail=detail)
    return word


def _first_met(readings: Sequence[Reading]) -> str:
    return next((one.criterion for one in readings if one.answer is Answer.MEETS), "")


def _confirm(change: Change, event: AdverseEvent, said: _Ruling) -> DltReport:
    """A report that the medical monitor's signed word confirms; it counts as the change ends."""
    report = DltReport.objects.create(
        event=event,
        criterion=said.criterion,
        state=DltReportState.CONFIRMED,
        reported_at=change.now,
        reported_by=said.signature.signer,
        was_in_window=True,
    )
    Adjudication.objects.create(
        report=report, is_confirmed=True, reason=said.reason, signature=said.signature
    )
    return report
