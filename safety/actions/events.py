"""Adverse events, DLT reports and their adjudication, and the statement at a window's end."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import F, Q

from cohorts.actions import update_outcome
from cohorts.models import Outcome, Participant
from cohorts.policies import document_of
from cohorts.states import DltStatus
from dosing.actions import move_window
from dosing.models import DltWindow
from dosing.states import WindowState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.signing import content_hash, sign
from ntrust.states import Role
from safety.models import Adjudication, AdverseEvent, DltReport, WindowStatement
from safety.policies import (
    began_in_window,
    check_statement,
    dlt_status,
    has_dlt_elsewhere,
    has_open_question,
)
from safety.states import DLT_REPORT, DltReportState


def report_event(  # noqa: PLR0913 - what is asked at the bedside
    participant: Participant,
    *,
    term: str,
    onset_at: datetime,
    grade: int,
    grading_system: str,
    causality: str,
    is_serious: bool,
    aware_at: datetime,
    by: User,
    criterion: str | None = None,
    now: datetime | None = None,
) -> AdverseEvent:
    """Enter an adverse event; with a `criterion` ("" when not yet stated) it is reported as a DLT
    in the same change. Refuses a grade outside 1 to 5 and times in the future."""
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="adverse event", now=now) as change:
        if not 1 <= grade <= 5:
            raise Refused("bad_grade", "A grade is 1 to 5.")
        if onset_at > change.now or aware_at > change.now:
            raise Refused("future_date", "This time lies in the future.")
        event = AdverseEvent.objects.create(
            participant=participant,
            term=term.strip(),
            onset_at=onset_at,
            grade=grade,
            grading_system=grading_system,
            causality=causality,
            is_serious=is_serious,
            aware_at=aware_at,
            entered_at=change.now,
            entered_by=by,
        )
        _record(change, participant, "EVENT_REPORTED", f"adverse event, grade {grade}.")
        if criterion is not None:
            report_dlt(event, criterion=criterion, by=by)
    return event


def report_dlt(
    event: AdverseEvent, *, by: User, criterion: str = "", now: datetime | None = None
) -> DltReport:
    """State that an event is dose-limiting. Never refused for state, order or completeness: the
    criterion may follow later.

    A criterion with a clock that is still running makes the report provisional: it counts as a DLT
    when the clock ends, unless a resolution inside the limit is signed before. Any other report
    counts from now on, until refuted.
    """
    participant = event.participant
    study = participant.study
    check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="DLT report", now=now) as change:
        hours = _clock_hours(event, criterion)
        counts_at = event.onset_at + timedelta(hours=hours)
        is_running = counts_at > change.now and event.ended_at is None
        state = DltReportState.PROVISIONAL if is_running else DltReportState.REPORTED
        report = DltReport.objects.create(
            event=event,
            criterion=criterion,
            state=state,
            counts_at=counts_at if is_running else None,
            reported_at=change.now,
            reported_by=by,
        )
        _push_dlt(change, participant)
        if began_in_window(event, DltWindow.objects.filter(participant=participant).first()):
            _withdraw_statement(change, participant)
        what = "provisional DLT" if is_running else "DLT"
        kind = "DLT_PROVISIONAL" if is_running else "DLT_REPORTED"
        stated = f"criterion {criterion}" if criterion else "criterion not yet stated"
        _record(change, participant, kind, f"{what} reported, {stated}.")
    return report


def _clock_hours(event: AdverseEvent, criterion: str) -> int:
    """Hours the criterion leaves an event of this grade to resolve; none when it is not stated."""
    if not criterion:
        return 0
    rule = document_of(event.participant.protocol_version).criterion(criterion)
    if rule.at_once_from is not None and event.grade >= rule.at_once_from:
        return 0
    return rule.clock_hours or 0


def clear_dlt(
    report: DltReport,
    *,
    resolved_at: datetime,
    by: User,
    password: str,
    now: datetime | None = None,
) -> DltReport:
    """Sign that a provisional DLT resolved inside its limit.

    Refuses (`too_late`) a resolution after the limit, and one in the future or before the onset.
    """
    participant = report.event.participant
    study = participant.study
    role = check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="event resolved", now=now) as change:
        report = DltReport.objects.select_related("event__participant__site").get(pk=report.pk)
        DLT_REPORT.check(report.state, DltReportState.CLEARED)
        event = report.event
        if resolved_at > change.now or resolved_at < event.onset_at:
            raise Refused("impossible_order", "The resolution lies between the onset and now.")
        if report.counts_at is not None and resolved_at > report.counts_at:
            raise Refused("too_late", "It resolved after the limit: it counts as a DLT.")
        sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning="resolved inside the limit: no DLT",
            hash_of=content_hash({"report": report.pk, "resolved_at": resolved_at}),
        )
        event.ended_at = resolved_at
        event.save(update_fields=["ended_at"])
        _move_report(report, to=DltReportState.CLEARED)
        _push_dlt(change, participant)
        _record(change, participant, "DLT_CLEARED", "resolved inside the limit: no DLT.")
    return report


def adjudicate_dlt(  # noqa: PLR0913 - the monitor's word, signed
    report: DltReport,
    *,
    is_confirmed: bool,
    reason: str,
    by: User,
    password: str,
    now: datetime | None = None,
) -> DltReport:
    """Confirm or refute a reported DLT, signed. Medical monitor's action; a reason is needed."""
    participant = report.event.participant
    study = participant.study
    role = check_role(by, study, [Role.MEDICAL_MONITOR])
    if not reason.strip():
        raise Refused("reason_needed", "Say why the DLT is confirmed or refuted.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        report = DltReport.objects.select_related("event__participant__site").get(pk=report.pk)
        to = DltReportState.CONFIRMED if is_confirmed else DltReportState.REFUTED
        DLT_REPORT.check(report.state, to)
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning=f"DLT {to.label}",
            hash_of=content_hash({"report": report.pk, "confirmed": is_confirmed, "why": reason}),
        )
        Adjudication.objects.create(
            report=report, is_confirmed=is_confirmed, reason=reason, signature=signature
        )
        _move_report(report, to=to)
        _push_dlt(change, participant)
        what = f"DLT {to.label}: {reason}"
        _record(change, participant, f"DLT_{to}", what, detail=reason)
    return report


def sign_window_statement(
    participant: Participant,
    *,
    has_dlt: bool,
    by: User,
    password: str,
    now: datetime | None = None,
) -> WindowStatement:
    """Sign "no DLT in the window", or that there was one. Refuses (`no_statement`) before the
    window's end, with an open question, and against the reports."""
    study = participant.study
    role = check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="window statement", now=now) as change:
        check_statement(participant, has_dlt=has_dlt, now=change.now)
        words = "a DLT occurred in the window" if has_dlt else "no DLT in the window"
        content = {"participant": str(participant), "statement": words}
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning=words,
            hash_of=content_hash(content),
        )
        statement = WindowStatement.objects.create(
            participant=participant,
            has_dlt=has_dlt,
            signature=signature,
            signed_at=change.now,
            signed_by=by,
        )
        move_window(DltWindow.objects.get(participant=participant), to=WindowState.CLOSED)
        update_outcome(change, participant, has_signed_statement=not has_dlt)
        _record(change, participant, "STATEMENT_SIGNED", f"signed: {words}.")
    return statement


def pass_time(change: Change) -> None:
    """A provisional DLT whose clock has ended without a signed resolution counts as a DLT."""
    ended = DltReport.objects.filter(
        event__participant__study=change.study,
        state=DltReportState.PROVISIONAL,
        counts_at__lte=change.now,
    ).select_related("event__participant__site")
    for report in ended:
        _move_report(report, to=DltReportState.REPORTED)
        participant = report.event.participant
        _push_dlt(change, participant)
        _record(change, participant, "DLT_REPORTED", "the clock has ended: it counts as a DLT.")


def count_reports(change: Change) -> None:
    """Before the rules run: reports, statements and windows may have been entered in any order.

    A DLT reported before its infusion was entered began in no window yet; it counts from the change
    that opens the window around it. A statement signed before the close its window has now is
    withdrawn: it did not speak of the whole window.
    """
    _withdraw_early_statements(change)
    reported = Outcome.objects.filter(
        study=change.study, participant__adverse_events__dlt_reports__isnull=False
    )
    for outcome in reported.select_related("participant__site").distinct():
        status, elsewhere = dlt_status(outcome.participant), has_dlt_elsewhere(outcome.participant)
        if (status, elsewhere) != (outcome.dlt, outcome.has_dlt_elsewhere):
            _push_dlt(change, outcome.participant)


def _push_dlt(change: Change, participant: Participant) -> None:
    """Hand the sum of the reports down. Before a seat is confirmed there is no outcome to tell.

    A DLT that no longer counts leaves the window without a statement: one is owed again.
    """
    if not Outcome.objects.filter(participant=participant).exists():
        return
    status = dlt_status(participant)
    if status != DltStatus.COUNTED:
        _withdraw_statement(change, participant, had_dlt=True)
    update_outcome(
        change,
        participant,
        dlt=status,
        has_open_dlt_question=has_open_question(participant),
        has_dlt_elsewhere=has_dlt_elsewhere(participant),
    )


def _withdraw_statement(change: Change, participant: Participant, *, had_dlt: bool = False) -> None:
    """A statement that the reports contradict is withdrawn, and one is owed again."""
    statement = WindowStatement.objects.filter(
        participant=participant, withdrawn_at__isnull=True, has_dlt=had_dlt
    ).first()
    if statement is not None:
        because = (
            "The DLT no longer counts." if had_dlt else "A DLT was reported after it was signed."
        )
        _withdraw(change, statement, because=because)


def _withdraw_early_statements(change: Change) -> None:
    """Statements whose window was opened again, or closes later than they were signed."""
    early = WindowStatement.objects.filter(
        Q(participant__window__closes_at__gt=F("signed_at"))
        | Q(participant__window__state__in=[WindowState.NOT_OPEN, WindowState.OPEN]),
        participant__study=change.study,
        withdrawn_at__isnull=True,
    )
    for statement in early.select_related("participant__site"):
        _withdraw(change, statement, because="The DLT window moved after it was signed.")
        what = "the window statement is withdrawn: the DLT window moved after it was signed."
        _record(change, statement.participant, "STATEMENT_WITHDRAWN", what)


def _withdraw(change: Change, statement: WindowStatement, *, because: str) -> None:
    participant = statement.participant
    statement.withdrawn_at, statement.withdrawn_because = change.now, because
    statement.save(update_fields=["withdrawn_at", "withdrawn_because"])
    window = DltWindow.objects.get(participant=participant)
    if window.state == WindowState.CLOSED:
        move_window(window, to=WindowState.AWAITING_STATEMENT)
    update_outcome(change, participant, has_signed_statement=False)


def _move_report(report: DltReport, *, to: str) -> None:
    """The only writer of a report's state."""
    DLT_REPORT.check(report.state, to)
    report.state = to
    report.save(update_fields=["state"])


def _record(change: Change, participant: Participant, kind: str, what: str, **data: str) -> None:
    outcome = Outcome.objects.filter(participant=participant).select_related("level").first()
    change.record(
        kind,
        f"{participant}: {what}",
        level=outcome.level.ordinal if outcome else None,
        subject=str(participant),
        site=participant.site,
        **data,
    )
