"""What supersedes a DLT report: whether it counts less, and what is in force."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from dosing.models import DltWindow
from ntrust.errors import Refused
from safety.models import AdverseEvent, DltReport
from safety.policies.events import clock_end
from safety.policies.reports import is_of_window
from safety.states import DltReportState

_WEIGHTS: Final = {
    DltReportState.REPORTED: 2,
    DltReportState.CONFIRMED: 2,
    DltReportState.PROVISIONAL: 1,
}
"""How much a report counts: as a DLT, as one that may become one, or not."""


def first_state(
    event: AdverseEvent, criterion: str, *, now: datetime
) -> tuple[str, datetime | None]:
    """The state in which a report of this criterion begins, and the end of its clock while it
    runs. Without a criterion nothing is waited for. Refuses one that nobody knows."""
    counts_at = clock_end(event, criterion)
    if counts_at is not None and counts_at > now:
        return DltReportState.PROVISIONAL, counts_at
    return DltReportState.REPORTED, None


def counts_less(report: DltReport, *, state: str, counts_at: datetime | None) -> bool:
    """Whether a report in `state` would count less than this one, or its clock end later."""
    before, after = _WEIGHTS.get(_state(report), 0), _WEIGHTS.get(DltReportState(state), 0)
    if before != after or counts_at is None or report.counts_at is None:
        return after < before
    return counts_at > report.counts_at


def _state(report: DltReport) -> DltReportState:
    return DltReportState(report.state)


def counts_nowhere(report: DltReport) -> bool:
    """Whether there is nothing in a report that could be taken away."""
    return _state(report) not in _WEIGHTS


def head_of(report: DltReport) -> DltReport:
    """The report in force at the end of the line of those that superseded this one."""
    while (successor := DltReport.objects.filter(supersedes=report).first()) is not None:
        report = successor
    return DltReport.objects.select_related("event__participant__site").get(pk=report.pk)


def check_in_force(report: DltReport) -> None:
    """Refuse (`not_in_force`) a report that another one has superseded."""
    if DltReport.objects.filter(supersedes=report).exists():
        raise Refused("not_in_force", "This report has been superseded: see the one in force.")


def check_twin(report: DltReport, twin: DltReport | None) -> None:
    """Refuse (`no_twin`) a duplicate of a report that does not count as much: the DLT would be
    lost."""
    if twin is None or twin.pk == report.pk:
        raise Refused("no_twin", "Name the other report that is the same DLT.")
    window = DltWindow.objects.filter(participant=report.event.participant).first()
    is_same = twin.event.participant_id == report.event.participant_id
    counts = not counts_less(report, state=twin.state, counts_at=twin.counts_at)
    is_kept = is_of_window(twin, window) or not is_of_window(report, window)
    if not (is_same and counts and is_kept):
        raise Refused(
            "no_twin", "The other report does not count as this one does: the DLT would be lost."
        )
