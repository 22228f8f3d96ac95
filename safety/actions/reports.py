"""DLT reports: stated, cleared, adjudicated, and counted before the rules run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q

from cohorts.actions import update_outcome
from cohorts.actions.holds import DLT_NEWS, POSSIBLE_DLT_NEWS
from cohorts.models import Outcome, Participant
from cohorts.states import DltStatus
from dosing.models import DltWindow
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.signing import content_hash, sign
from ntrust.states import Role
from safety.actions.statements import withdraw_early_statements, withdraw_statement
from safety.actions.telling import record_of
from safety.models import Adjudication, AdverseEvent, DltReport, EventGrade
from safety.policies import (
    began_in_window,
    check_committee,
    check_in_force,
    check_not_fatal,
    check_resolution,
    first_state,
    load_courses,
    sum_of_reports,
    sums_of_reports,
    waits_for_nothing,
)
from safety.states import (
    COUNTED_REPORTS,
    DLT_REPORT,
    SUPERSEDING,
    DltReportState,
    SupersedingState,
)

_CORRECTIONS = ("INFUSION_CORRECTED", "INFUSION_NOT_GIVEN")


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
        state, counts_at = first_state(event, criterion, now=change.now)
        report = DltReport.objects.create(
            event=event,
            criterion=criterion,
            state=state,
            counts_at=counts_at,
            reported_at=change.now,
            reported_by=by,
        )
        push_dlt(change, participant)
        if began_in_window(event, DltWindow.objects.filter(participant=participant).first()):
            withdraw_statement(change, participant)
        is_running = state == DltReportState.PROVISIONAL
        what = "provisional DLT" if is_running else "DLT"
        kind = "DLT_PROVISIONAL" if is_running else "DLT_REPORTED"
        stated = f"criterion {criterion}" if criterion else "criterion not yet stated"
        record_of(change, participant, kind, f"{what} reported, {stated}.")
    return report


def clear_dlt(  # noqa: PLR0913 - the resolution, signed
    report: DltReport,
    *,
    resolved_at: datetime,
    by: User,
    password: str,
    grade: int = 0,
    now: datetime | None = None,
) -> DltReport:
    """Sign that a provisional DLT resolved inside its limit: to `grade`, 0 when it is over.

    Refuses (`too_late`) a resolution after the limit, (`not_resolved`) a grade above what the
    criterion asks for, a course that rose again or a death, and a time in the future or before the
    onset.
    """
    participant = report.event.participant
    study = participant.study
    role = check_role(by, study, [Role.INVESTIGATOR], site=participant.site)
    with study_change(study, by=by, reason="event resolved", now=now) as change:
        report = DltReport.objects.select_related("event__participant__site").get(pk=report.pk)
        check_in_force(report)
        DLT_REPORT.check(report.state, DltReportState.CLEARED)
        event = report.event
        if resolved_at > change.now or resolved_at < event.onset_at:
            raise Refused("impossible_order", "The resolution lies between the onset and now.")
        check_not_fatal(event)
        check_resolution(report, resolved_at=resolved_at, grade=grade)
        sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning="resolved inside the limit: no DLT",
            hash_of=content_hash({"report": report.pk, "resolved_at": resolved_at, "grade": grade}),
        )
        _note_resolution(change, event, resolved_at=resolved_at, grade=grade, by=by)
        move_report(report, to=DltReportState.CLEARED)
        push_dlt(change, participant)
        record_of(change, participant, "DLT_CLEARED", "resolved inside the limit: no DLT.")
    return report


def _note_resolution(
    change: Change, event: AdverseEvent, *, resolved_at: datetime, grade: int, by: User
) -> None:
    """The event is over, or its course goes on at a lower grade; the worst one stays."""
    if grade == 0 and event.ended_at is None:
        event.ended_at = resolved_at
        event.save(update_fields=["ended_at"])
    if grade and not event.course.filter(grade=grade, since=resolved_at).exists():
        EventGrade.objects.create(
            event=event, grade=grade, since=resolved_at, entered_at=change.now, entered_by=by
        )


def adjudicate_dlt(  # noqa: PLR0913 - the monitor's word, signed
    report: DltReport,
    *,
    is_confirmed: bool,
    reason: str,
    by: User,
    password: str,
    committee_reference: str = "",
    now: datetime | None = None,
) -> DltReport:
    """Confirm or refute a reported DLT, signed. Medical monitor's action. Refuses a blank reason,
    and (`committee_needed`) to refute a death without the committee's minutes."""
    participant = report.event.participant
    study = participant.study
    role = check_role(by, study, [Role.MEDICAL_MONITOR])
    if not reason.strip():
        raise Refused("reason_needed", "Say why the DLT is confirmed or refuted.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        report = DltReport.objects.select_related("event__participant__site").get(pk=report.pk)
        to = DltReportState.CONFIRMED if is_confirmed else DltReportState.REFUTED
        check_in_force(report)
        DLT_REPORT.check(report.state, to)
        check_committee(report.event, is_dlt=is_confirmed, reference=committee_reference)
        said = {"report": report.pk, "confirmed": is_confirmed, "why": reason}
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning=f"DLT {to.label}",
            hash_of=hash_of_word(said, committee_reference),
        )
        word = {"reason": reason, "committee_reference": committee_reference}
        Adjudication.objects.create(
            report=report, is_confirmed=is_confirmed, signature=signature, **word
        )
        move_report(report, to=to)
        push_dlt(change, participant)
        if not is_confirmed:
            lapse_supersedings(change, report, because="The report was refuted meanwhile.")
        what = f"DLT {to.label}: {reason}"
        record_of(change, participant, f"DLT_{to}", what, detail=reason)
    return report


def hash_of_word(said: dict[str, Any], committee_reference: str) -> str:
    """The hash of what is signed, with the committee's minutes where they are named."""
    minutes = {"committee": committee_reference} if committee_reference else {}
    return content_hash({**said, **minutes})


def pass_time(change: Change) -> None:
    """A provisional DLT whose clock has ended without a signed resolution counts as a DLT."""
    _keep_reports(change)
    ended = DltReport.objects.filter(
        event__participant__study=change.study,
        state=DltReportState.PROVISIONAL,
        counts_at__lte=change.now,
        superseded_by__isnull=True,
    ).select_related("event__participant__site")
    for report in ended:
        _count(change, report, "the clock has ended: it counts as a DLT.")


def _count_what_got_worse(change: Change) -> None:
    """A provisional DLT whose event meets its criterion by now waits for no clock."""
    running = DltReport.objects.filter(
        event__participant__study=change.study,
        state=DltReportState.PROVISIONAL,
        superseded_by__isnull=True,
    ).select_related("event__participant__site", "event__participant__protocol_version")
    for report in running:
        if waits_for_nothing(report, now=change.now):
            _count(change, report, "the event meets the criterion by now: it counts as a DLT.")


def _count(change: Change, report: DltReport, what: str) -> None:
    move_report(report, to=DltReportState.REPORTED)
    push_dlt(change, report.event.participant)
    record_of(change, report.event.participant, "DLT_REPORTED", what)


def count_reports(change: Change) -> None:
    """Before the rules run: reports, statements and windows may have been entered in any order.

    A DLT reported before its infusion was entered began in no window yet; it counts from the change
    that opens the window around it. A statement signed before the close its window has now is
    withdrawn: it did not speak of the whole window.
    """
    _keep_reports(change)
    _count_what_got_worse(change)
    _tell_of_corrected_windows(change)
    withdraw_early_statements(change)
    reported = Outcome.objects.filter(
        Q(participant__adverse_events__dlt_reports__isnull=False)
        | Q(participant__adverse_events__candidate__isnull=False),
        study=change.study,
    )
    outcomes = list(reported.select_related("participant__site").distinct())
    sums = sums_of_reports([outcome.participant for outcome in outcomes]) if outcomes else {}
    for outcome in outcomes:
        found = sums[outcome.participant_id]
        if (found.status, found.has_elsewhere) != (outcome.dlt, outcome.has_dlt_elsewhere):
            before = outcome.dlt
            push_dlt(change, outcome.participant)
            _tell_if_news(change, outcome.participant, before=before, status=found.status)


def _tell_if_news(change: Change, participant: Participant, *, before: str, status: str) -> None:
    """A DLT that begins to count without a new report is news all the same: ruled on by the
    monitor, or reported before the window that it lies in was opened. Holds and the questions about
    what is in flight follow the news."""
    is_worse = status == DltStatus.COUNTED or before == DltStatus.NONE
    if status == DltStatus.NONE or before == status or not is_worse:
        return
    subject = str(participant)
    told = DLT_NEWS if status == DltStatus.COUNTED else POSSIBLE_DLT_NEWS
    if any(it.kind in told and it.subject == subject for it in change.happenings):
        return
    if status == DltStatus.COUNTED:
        record_of(change, participant, "DLT_REPORTED", "it counts as a DLT from now on.")
    else:
        record_of(change, participant, "DLT_PROVISIONAL", "it may become a DLT from now on.")


def _keep_reports(change: Change) -> None:
    """A report whose event lies in the window is of it from now on, whatever is corrected later."""
    not_yet = DltReport.objects.filter(
        event__participant__study=change.study,
        event__participant__window__opened_at__isnull=False,
        was_in_window=False,
    )
    reports = list(not_yet.select_related("event__participant__window"))
    load_courses((report.event, report.event.participant.window) for report in reports)
    for report in reports:
        if began_in_window(report.event, report.event.participant.window):
            report.was_in_window = True
            report.save(update_fields=["was_in_window"])


def _tell_of_corrected_windows(change: Change) -> None:
    """A correction that leaves a DLT outside the window is a question to the medical monitor."""
    corrected = {it.subject for it in change.happenings if it.kind in _CORRECTIONS}
    if not corrected:
        return
    kept = DltReport.objects.filter(
        event__participant__study=change.study,
        was_in_window=True,
        superseded_by__isnull=True,
        state__in=[DltReportState.PROVISIONAL, *COUNTED_REPORTS],
    ).select_related("event__participant__site", "event__participant__window")
    for report in kept:
        participant = report.event.participant
        if str(participant) in corrected and not began_in_window(report.event, participant.window):
            what = "a DLT lies outside the corrected window; it stands until it is adjudicated."
            record_of(change, participant, "DLT_OUTSIDE_WINDOW", what)


def lapse_supersedings(change: Change, report: DltReport, *, because: str) -> None:
    """What waits for the monitor's word on a report is void once the report is out of force."""
    waiting = report.supersedings.filter(state=SupersedingState.WAITING)
    for superseding in waiting:
        SUPERSEDING.check(superseding.state, SupersedingState.LAPSED)
        superseding.state = SupersedingState.LAPSED
        superseding.ended_at, superseding.ended_because = change.now, because
        superseding.save(update_fields=["state", "ended_at", "ended_because"])
        what = f"what was to supersede the DLT report has lapsed. {because}"
        record_of(change, report.event.participant, "SUPERSEDING_LAPSED", what)


def push_dlt(change: Change, participant: Participant) -> None:
    """Hand the sum of the reports down. Before a seat is confirmed there is no outcome to tell.

    A DLT that no longer counts leaves the window without a statement: one is owed again.
    """
    if not Outcome.objects.filter(participant=participant).exists():
        return
    found = sum_of_reports(participant)
    if found.status != DltStatus.COUNTED:
        withdraw_statement(change, participant, had_dlt=True)
    if found.status == DltStatus.PROVISIONAL:
        withdraw_statement(change, participant)
    update_outcome(
        change,
        participant,
        dlt=found.status,
        has_open_dlt_question=found.has_open_question,
        has_dlt_elsewhere=found.has_elsewhere,
    )


def move_report(report: DltReport, *, to: str) -> None:
    """The only writer of a report's state."""
    DLT_REPORT.check(report.state, to)
    report.state = to
    report.save(update_fields=["state"])
