"""What the DLT reports of a participant add up to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from cohorts.models import Outcome, Participant
from cohorts.states import DltStatus
from dosing.models import DltWindow
from safety.models import AdverseEvent, DltCandidate, DltReport
from safety.policies.course import emerged_at, load_courses
from safety.states import COUNTED_REPORTS, OPEN_CANDIDATES, DltReportState


def began_in_window(event: AdverseEvent, window: DltWindow | None) -> bool:
    """Whether an event can be dose-limiting: it began in the participant's window, or got worse in
    it than it ever was before."""
    if window is None or window.opened_at is None:
        return False
    at = emerged_at(event, opened_at=window.opened_at)
    return at is not None and (window.closes_at is None or at < window.closes_at)


def is_of_window(report: DltReport, window: DltWindow | None) -> bool:
    """Whether a report is of the window: its event lies in it, or did before times were
    corrected."""
    return report.was_in_window or began_in_window(report.event, window)


@dataclass(frozen=True)
class ReportSum:
    """What a participant's reports in force add up to.

    `status`: counted before provisional before none; an unanswered candidate is an event that may
    still become a DLT. `has_open_question`: an event may still become one, or is reported and not
    adjudicated. `has_elsewhere`: a report that is not refuted or cleared is of an event outside the
    window, in a later cycle or after the window; it is kept and counts nowhere.
    """

    status: str
    has_open_question: bool
    has_elsewhere: bool


def sum_of_reports(participant: Participant) -> ReportSum:
    """What the reports add up to now. Three statements, and one for courses."""
    return sums_of_reports([participant])[participant.pk]


def sums_of_reports(people: Collection[Participant]) -> dict[int, ReportSum]:
    """The same of many, by their keys, in as many statements."""
    windows = {row.participant_id: row for row in DltWindow.objects.filter(participant__in=people)}
    rows = DltReport.objects.filter(event__participant__in=people, superseded_by__isnull=True)
    reports = list(rows.select_related("event"))
    load_courses((one.event, windows.get(one.event.participant_id)) for one in reports)
    inside: defaultdict[int, set[str]] = defaultdict(set)
    outside: defaultdict[int, set[str]] = defaultdict(set)
    for report in reports:
        person = report.event.participant_id
        found = inside if is_of_window(report, windows.get(person)) else outside
        found[person].add(report.state)
    candidates = DltCandidate.objects.filter(
        event__participant__in=people, state__in=OPEN_CANDIDATES
    )
    asked = set(candidates.values_list("event__participant_id", flat=True))
    return {
        one.pk: _add_up(inside[one.pk], outside[one.pk], has_candidate=one.pk in asked)
        for one in people
    }


def _add_up(inside: set[str], outside: set[str], *, has_candidate: bool) -> ReportSum:
    is_counted = bool(inside & set(COUNTED_REPORTS))
    may_count = DltReportState.PROVISIONAL in inside or has_candidate
    if is_counted:
        status = DltStatus.COUNTED
    else:
        status = DltStatus.PROVISIONAL if may_count else DltStatus.NONE
    return ReportSum(
        status=status,
        has_open_question=may_count or DltReportState.REPORTED in inside,
        has_elsewhere=bool(outside & {DltReportState.PROVISIONAL, *COUNTED_REPORTS}),
    )


def has_open_question(participant: Participant) -> bool:
    """Whether an event may still become a DLT, or is reported and not adjudicated."""
    return sum_of_reports(participant).has_open_question


def dlt_status(participant: Participant) -> str:
    """Counted, provisional or none: see `ReportSum`."""
    return sum_of_reports(participant).status


def has_counted_dlt(participant: Participant) -> bool:
    """Whether a DLT of the participant counts now."""
    return Outcome.objects.filter(participant=participant, dlt=DltStatus.COUNTED).exists()
