"""Which calls about DLTs could be read otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, timedelta
from typing import Any

from cohorts.policies import document_of
from safety.models import DltReport
from safety.states import COUNTED_REPORTS, DltReportState, SupersedingState

Doubt = dict[str, Any]


def doubts_of_reports(reports: Sequence[DltReport]) -> list[Doubt]:
    """Doubts that one participant's reports in force, all of the window, leave open.

    Provisional: may count. Reported and not adjudicated, or proposed to the monitor as superseded:
    may be taken away, unless another one stands beyond doubt. Where none counts, a refuted one and
    one cleared close to its limit might have counted.
    """
    counted = [report for report in reports if report.state in COUNTED_REPORTS]
    if not counted:
        return [doubt for report in reports for doubt in _possible(report)]
    if any(not _is_open(report) for report in counted):
        return []
    named = "; ".join(_name(report) for report in counted)
    if all(report.state == DltReportState.REPORTED for report in counted):
        return [_doubt("reported", "N", f"{named}: not adjudicated")]
    return [_doubt("disputed", "N", f"{named}: confirmed, proposed to be superseded")]


def _is_open(report: DltReport) -> bool:
    """Whether a counted report still waits for a word of the medical monitor."""
    return report.state == DltReportState.REPORTED or any(
        one.state == SupersedingState.WAITING for one in report.supersedings.all()
    )


def _possible(report: DltReport) -> Iterator[Doubt]:
    if report.state == DltReportState.PROVISIONAL and report.counts_at is not None:
        until = report.counts_at.astimezone(UTC).isoformat()
        yield {**_doubt("provisional", "T", _name(report)), "until": until}
    elif report.state == DltReportState.REFUTED:
        yield _doubt("refuted", "T", f"{_name(report)}: refuted")
    elif report.state == DltReportState.CLEARED and _is_narrow(report):
        yield _doubt("cleared", "T", f"{_name(report)}: resolved close to its limit")


def _is_narrow(report: DltReport) -> bool:
    """Whether it resolved within the protocol's margin before its clock ended."""
    ended_at = report.event.ended_at
    if report.counts_at is None or ended_at is None:
        return False
    document = document_of(report.event.participant.protocol_version)
    margin = timedelta(hours=document.borderline.clearance_hours)
    return bool(margin) and report.counts_at - ended_at <= margin


def _name(report: DltReport) -> str:
    return f"{report.event} ({report.criterion})" if report.criterion else str(report.event)


def _doubt(kind: str, reads_as: str, because: str) -> Doubt:
    return {"kind": kind, "reads_as": reads_as, "because": because}
