"""May this be stated or decided now: DLT reports, window statements, reviews."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cohorts.engine.basis import Basis
from cohorts.engine.wire import recommendation_as_dict
from cohorts.models import Outcome, Participant
from cohorts.protocol import ProtocolDocument
from cohorts.states import DltStatus
from dosing.models import DltWindow
from dosing.states import WindowState
from ntrust.errors import Gate, Refused, refuse_unless_clear
from ntrust.signing import content_hash
from safety.models import AdverseEvent, DltReport, Packet
from safety.states import COUNTED_REPORTS, DltReportState
from safety.takeover import DryRun


def began_in_window(event: AdverseEvent, window: DltWindow | None) -> bool:
    """Whether an event can be dose-limiting: it began in the participant's window."""
    if window is None or window.opened_at is None:
        return False
    return window.opened_at <= event.onset_at and (
        window.closes_at is None or event.onset_at < window.closes_at
    )


def _report_states(participant: Participant) -> set[str]:
    """States of the reports in force on events that began in the window."""
    window = DltWindow.objects.filter(participant=participant).first()
    reports = DltReport.objects.filter(
        event__participant=participant, superseded_by__isnull=True
    ).select_related("event")
    return {report.state for report in reports if began_in_window(report.event, window)}


def has_open_question(participant: Participant) -> bool:
    """Whether an event may still become a DLT, or is reported and not adjudicated."""
    return bool(_report_states(participant) & {DltReportState.PROVISIONAL, DltReportState.REPORTED})


def dlt_status(participant: Participant) -> str:
    """What the reports in force add up to: counted before provisional before none."""
    states = _report_states(participant)
    if states & set(COUNTED_REPORTS):
        return DltStatus.COUNTED
    return DltStatus.PROVISIONAL if DltReportState.PROVISIONAL in states else DltStatus.NONE


def has_dlt_elsewhere(participant: Participant) -> bool:
    """Whether a report that is not refuted or cleared is of an event outside the window: in a
    later cycle, or after the window. It is kept and counts nowhere."""
    window = DltWindow.objects.filter(participant=participant).first()
    reports = DltReport.objects.filter(
        event__participant=participant,
        superseded_by__isnull=True,
        state__in=[DltReportState.PROVISIONAL, *COUNTED_REPORTS],
    ).select_related("event")
    return any(not began_in_window(report.event, window) for report in reports)


def has_counted_dlt(participant: Participant) -> bool:
    """Whether a DLT of the participant counts now."""
    return Outcome.objects.filter(participant=participant, dlt=DltStatus.COUNTED).exists()


def gates_for_statement(participant: Participant, *, has_dlt: bool, now: datetime) -> list[Gate]:
    """No window is closed early, with an open question, or against its own reports."""
    window = DltWindow.objects.filter(participant=participant).first()
    is_over = window is not None and window.state == WindowState.AWAITING_STATEMENT
    outcome = Outcome.objects.filter(participant=participant).first()
    status = outcome.dlt if outcome else DltStatus.NONE
    return [
        Gate(
            "window_over",
            is_over,
            "The DLT window is over."
            if is_over
            else "The DLT window is not over, or its statement is signed already.",
            window.closes_at if window else None,
        ),
        Gate(
            "no_open_question",
            status != DltStatus.PROVISIONAL,
            "No event is waiting to become a DLT."
            if status != DltStatus.PROVISIONAL
            else "An event of the window may still become a DLT: its clock is running.",
        ),
        Gate(
            "agrees_with_reports",
            (status == DltStatus.COUNTED) == has_dlt,
            "The statement agrees with the DLT reports."
            if (status == DltStatus.COUNTED) == has_dlt
            else "The statement and the DLT reports disagree: report the DLT, or have it refuted.",
            None,
            "investigator",
        ),
    ]


def check_statement(participant: Participant, *, has_dlt: bool, now: datetime) -> None:
    """Refuse (`no_statement`) with every gate that is not clear."""
    gates = gates_for_statement(participant, has_dlt=has_dlt, now=now)
    refuse_unless_clear("no_statement", gates)


def promise_of(found: DryRun) -> dict[str, Any]:
    """What a dry run without faults comes to, as plain data: what signers of a take-over sign."""
    assert found.advice is not None
    assert found.created is not None
    return {
        "created": dict(found.created),
        "letters": {str(one.level): one.letters for one in found.levels},
        "advice": recommendation_as_dict(found.advice),
        "basis": found.basis,
        "warnings": [fault.sentence for fault in found.warnings],
    }


def check_quorum(document: ProtocolDocument, attendees: int) -> None:
    """Refuse a committee smaller than the protocol's quorum."""
    if attendees < document.review.quorum:
        raise Refused(
            "no_quorum",
            f"The committee needs {document.review.quorum} members; {attendees} attended.",
        )


def check_packet(packet: Packet, *, basis: Basis) -> None:
    """Refuse (`stale_packet`) a packet whose data have changed since its cut."""
    if content_hash(packet.content["basis"]) != content_hash(basis):
        raise Refused(
            "stale_packet",
            "The data have changed since the packet was frozen: convene the review again.",
        )
