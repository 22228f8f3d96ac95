"""DLT reports are superseded, never edited: what counts less waits for the medical monitor."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from dosing.models import DltWindow
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import Signature, User
from ntrust.policies import check_role
from ntrust.signing import sign
from ntrust.states import Role
from safety.actions.reports import hash_of_word, lapse_supersedings, push_dlt
from safety.actions.statements import withdraw_statement
from safety.actions.telling import record_of
from safety.models import Adjudication, DltReport, Superseding
from safety.policies import (
    check_committee,
    check_in_force,
    check_twin,
    counts_less,
    counts_nowhere,
    first_state,
    head_of,
    is_of_window,
)
from safety.states import (
    COUNTED_REPORTS,
    STILL_DLT,
    SUPERSEDING,
    DltReportState,
    SupersedingKind,
    SupersedingState,
)

_OTHER_WORD: Final = {
    DltReportState.CONFIRMED: DltReportState.REFUTED,
    DltReportState.REFUTED: DltReportState.CONFIRMED,
    DltReportState.CLEARED: DltReportState.CONFIRMED,
}
"""What the medical monitor's second word makes of a report."""


def supersede_dlt(  # noqa: PLR0913 - what is asked of the site
    report: DltReport,
    *,
    kind: str,
    reason: str,
    by: User,
    criterion: str = "",
    twin: DltReport | None = None,
    now: datetime | None = None,
) -> Superseding:
    """State that a report is to be superseded. The site's investigator, from any state.

    What counts as much as the report or more is in force at once: graded worse, learned late, a
    criterion that waits for nothing. What would count less, or wait longer, is proposed to the
    medical monitor; until the ruling the report stands, and its clock runs.

    Refuses a blank reason, a report that is not in force (`not_in_force`), a second proposal while
    one waits (`already_waiting`), to take away what counts nowhere (`counts_nowhere`), and a
    duplicate of a report that does not count (`no_twin`). What makes it worse is never refused for
    order: it supersedes the report in force.
    """
    participant = report.event.participant
    check_role(by, participant.study, [Role.INVESTIGATOR], site=participant.site)
    if kind not in SupersedingKind.values:
        raise Refused("unknown_kind", "Say why the report is superseded.")
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        if kind in STILL_DLT:
            return _restate(change, report, kind=kind, criterion=criterion, by=by)
        standing = DltReport.objects.select_related("event__participant__site").get(pk=report.pk)
        check_in_force(standing)
        if counts_nowhere(standing):
            raise Refused("counts_nowhere", "This report counts nowhere: nothing is taken away.")
        if kind == SupersedingKind.DUPLICATE:
            twin = None if twin is None else head_of(twin)
            check_twin(standing, twin)
        return _ask_monitor(change, standing, kind=kind, criterion="", by=by, twin=twin)


def _restate(
    change: Change, report: DltReport, *, kind: str, criterion: str, by: User
) -> Superseding:
    """The report in force, said again: at once, or by the monitor's word where it counts less."""
    standing = head_of(report)
    named = criterion or standing.criterion
    if kind == SupersedingKind.CRITERION and not criterion:
        raise Refused("criterion_needed", "Name the criterion.")
    is_said = (standing.criterion, standing.reason) == (named, change.reason)
    if standing.pk != report.pk and is_said:
        raise Refused("already_entered", "This is entered already; nothing is lost.")
    state, counts_at = _restated(standing, kind, named, change)
    if counts_less(standing, state=state, counts_at=counts_at):
        return _ask_monitor(change, standing, kind=kind, criterion=named, by=by)
    entered = _propose(change, standing, kind=kind, criterion=named, by=by)
    _put_in_force(change, entered, state=state, counts_at=counts_at)
    return entered


def _restated(
    report: DltReport, kind: str, criterion: str, change: Change
) -> tuple[str, datetime | None]:
    """The state a restated report begins in. Only another criterion may have a clock."""
    if criterion:
        state = first_state(report.event, criterion, now=change.now)  # refuses one not in it
        if kind == SupersedingKind.CRITERION:
            return state
    return DltReportState.REPORTED, None


def _propose(
    change: Change,
    report: DltReport,
    *,
    kind: str,
    criterion: str,
    by: User,
    twin: DltReport | None = None,
) -> Superseding:
    """The row, not yet written: what is in force at once never waits."""
    return Superseding(
        report=report,
        kind=kind,
        criterion=criterion,
        twin=twin,
        reason=change.reason,
        state=SupersedingState.WAITING,
        proposed_at=change.now,
        proposed_by=by,
    )


def _ask_monitor(
    change: Change,
    report: DltReport,
    *,
    kind: str,
    criterion: str,
    by: User,
    twin: DltReport | None = None,
) -> Superseding:
    """Propose it; nothing that counts changes."""
    if report.supersedings.filter(state=SupersedingState.WAITING).exists():
        raise Refused("already_waiting", "The medical monitor has yet to rule on this report.")
    proposed = _propose(change, report, kind=kind, criterion=criterion, by=by, twin=twin)
    Superseding.objects.bulk_create([proposed])
    label = SupersedingKind(kind).label
    what = f"DLT report to be superseded, {label}; it stands until the medical monitor rules."
    record_of(change, report.event.participant, "SUPERSEDING_PROPOSED", what)
    return proposed


def _put_in_force(
    change: Change,
    superseding: Superseding,
    *,
    state: str,
    counts_at: datetime | None,
    signature: Signature | None = None,
) -> DltReport:
    """Write the report that supersedes; statements and counts follow it."""
    report = superseding.report
    successor = _succeed(
        change,
        report,
        state=state,
        counts_at=counts_at,
        criterion=superseding.criterion or report.criterion,
        reason=superseding.reason,
        by=superseding.proposed_by,
    )
    superseding.state, superseding.successor = SupersedingState.ACCEPTED, successor
    superseding.ended_at, superseding.signature = change.now, signature
    if superseding._state.adding:
        Superseding.objects.bulk_create([superseding])
    else:
        superseding.save(update_fields=["state", "successor", "ended_at", "signature"])
    lapse_supersedings(change, report, because="The report was superseded meanwhile.")
    label = superseding.get_kind_display()
    named = f", criterion {successor.criterion}" if successor.criterion else ""
    what = f"DLT report superseded, {label}: {successor.get_state_display()}{named}."
    record_of(change, report.event.participant, "DLT_SUPERSEDED", what)
    return successor


def _succeed(  # noqa: PLR0913 - the report's own fields
    change: Change,
    report: DltReport,
    *,
    state: str,
    counts_at: datetime | None,
    criterion: str,
    reason: str,
    by: User,
) -> DltReport:
    """The row that takes a report's place, of the window if that one was."""
    participant = report.event.participant
    successor = DltReport.objects.create(
        event=report.event,
        criterion=criterion,
        state=state,
        counts_at=counts_at,
        reported_at=change.now,
        reported_by=by,
        was_in_window=report.was_in_window,
        supersedes=report,
        reason=reason,
    )
    push_dlt(change, participant)
    if state in (DltReportState.PROVISIONAL, *COUNTED_REPORTS):
        window = DltWindow.objects.filter(participant=participant).first()
        if is_of_window(successor, window):
            withdraw_statement(change, participant)
    if state in COUNTED_REPORTS and report.state not in COUNTED_REPORTS:
        record_of(change, participant, "DLT_REPORTED", "it counts as a DLT from now on.")
    return successor


def rule_superseding(  # noqa: PLR0913 - the monitor's word, signed
    superseding: Superseding,
    *,
    is_accepted: bool,
    reason: str,
    by: User,
    password: str,
    committee_reference: str = "",
    now: datetime | None = None,
) -> Superseding:
    """Accept or reject what a site proposed, signed. Medical monitor's action.

    Accepted, a report taken away is superseded by a refuted one with this adjudication; another
    criterion begins with what is left of its clock. Refuses a duplicate whose twin no longer
    counts (`no_twin`), to take a death away without the committee's minutes (`committee_needed`),
    and what was ruled on or has lapsed (`illegal_move`).
    """
    participant = superseding.report.event.participant
    role = check_role(by, participant.study, [Role.MEDICAL_MONITOR])
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        superseding = Superseding.objects.select_related(
            "report__event__participant__site", "proposed_by", "twin__event"
        ).get(pk=superseding.pk)
        to = SupersedingState.ACCEPTED if is_accepted else SupersedingState.REJECTED
        SUPERSEDING.check(superseding.state, to)
        if is_accepted:
            _check_accepted(superseding, committee_reference)
        said = {"superseding": superseding.pk, "accepted": is_accepted, "why": reason}
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning=f"superseding of a DLT report {'accepted' if is_accepted else 'rejected'}",
            hash_of=hash_of_word(said, committee_reference),
        )
        if is_accepted:
            word = {"reason": reason, "committee_reference": committee_reference}
            _accept(change, superseding, signature, **word)
        else:
            _reject(change, superseding, signature, reason=reason)
    return superseding


def _check_accepted(superseding: Superseding, committee_reference: str) -> None:
    """What a duplicate repeats has to count; a death is taken away by the committee alone."""
    report = superseding.report
    check_in_force(report)
    if superseding.twin is not None:
        check_twin(report, head_of(superseding.twin))
    else:
        is_dlt = superseding.kind in STILL_DLT
        check_committee(report.event, is_dlt=is_dlt, reference=committee_reference)


def _accept(
    change: Change,
    superseding: Superseding,
    signature: Signature,
    *,
    reason: str,
    committee_reference: str,
) -> None:
    superseding.ended_because = reason
    superseding.save(update_fields=["ended_because"])
    if superseding.kind in STILL_DLT:
        event, criterion = superseding.report.event, superseding.criterion
        state, counts_at = first_state(event, criterion, now=change.now)
        _put_in_force(change, superseding, state=state, counts_at=counts_at, signature=signature)
        return
    successor = _put_in_force(
        change, superseding, state=DltReportState.REFUTED, counts_at=None, signature=signature
    )
    Adjudication.objects.create(
        report=successor,
        is_confirmed=False,
        reason=reason,
        committee_reference=committee_reference,
        signature=signature,
    )


def _reject(change: Change, superseding: Superseding, signature: Signature, *, reason: str) -> None:
    superseding.state, superseding.signature = SupersedingState.REJECTED, signature
    superseding.ended_at, superseding.ended_because = change.now, reason
    superseding.save(update_fields=["state", "signature", "ended_at", "ended_because"])
    what = f"the DLT report stands; superseding rejected: {reason}"
    participant = superseding.report.event.participant
    record_of(change, participant, "SUPERSEDING_REJECTED", what, detail=reason)


def _succeed_by_word(change: Change, report: DltReport, *, to: str, by: User) -> DltReport:
    """The same report, in the state that the monitor's second word gives it."""
    return _succeed(
        change,
        report,
        state=to,
        counts_at=None,
        criterion=report.criterion,
        reason=change.reason,
        by=by,
    )


def readjudicate_dlt(  # noqa: PLR0913 - the monitor's word, signed
    report: DltReport,
    *,
    reason: str,
    by: User,
    password: str,
    committee_reference: str = "",
    now: datetime | None = None,
) -> DltReport:
    """The medical monitor's second word, signed: a confirmed report is refuted, a refuted or
    cleared one confirmed, by a new report that supersedes it.

    Refuses a report that is not in force (`not_in_force`), one without a first word
    (`illegal_move`): that is adjudicated; and to refute a death without the committee's minutes
    (`committee_needed`).
    """
    participant = report.event.participant
    role = check_role(by, participant.study, [Role.MEDICAL_MONITOR])
    with study_change(participant.study, by=by, reason=reason, now=now) as change:
        report = DltReport.objects.select_related("event__participant__site").get(pk=report.pk)
        check_in_force(report)
        to = _OTHER_WORD.get(DltReportState(report.state))
        if to is None:
            raise Refused("illegal_move", "This report has not been ruled on: adjudicate it.")
        is_dlt = to == DltReportState.CONFIRMED
        check_committee(report.event, is_dlt=is_dlt, reference=committee_reference)
        said = {"report": report.pk, "becomes": to, "why": reason}
        signature = sign(
            change,
            signer=by,
            role=role,
            password=password,
            meaning=f"DLT {to.label}, after it was {report.get_state_display()}",
            hash_of=hash_of_word(said, committee_reference),
        )
        successor = _succeed_by_word(change, report, to=to, by=by)
        word = {"reason": reason, "committee_reference": committee_reference}
        Adjudication.objects.create(
            report=successor, is_confirmed=is_dlt, signature=signature, **word
        )
        lapse_supersedings(change, report, because="The report was ruled on again meanwhile.")
        what = f"DLT {to.label}, after it was {report.get_state_display()}: {reason}"
        record_of(change, participant, f"DLT_{to}", what, detail=reason)
    return successor
