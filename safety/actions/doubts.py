"""Calls about DLTs that could be read otherwise, handed down before the rules run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from cohorts.actions import push_doubts
from dosing.models import DltWindow
from ntrust.change import Change
from safety.models import AdverseEvent, DltReport
from safety.policies import began_in_window, doubts_of_reports, is_of_window, load_courses
from safety.queries.disagreements import Disagreement, disagreements


def question_reports(change: Change) -> None:
    """Provisional, reported and not adjudicated, refuted, cleared close to the limit: see
    `doubts_of_reports`. Of reports in force that are of the window; and of events of the window
    that count nowhere although the criteria, the investigator or the monitor said DLT."""
    reports = (
        DltReport.objects.filter(event__participant__study=change.study, superseded_by__isnull=True)
        .select_related("event__participant__protocol_version")
        .prefetch_related("supersedings")
        .order_by("id")
    )
    disputed = [one for one in disagreements(change.study) if one.says_dlt]
    people = {report.event.participant_id for report in reports}
    people |= {one.participant.pk for one in disputed}
    windows = {
        window.participant_id: window for window in DltWindow.objects.filter(participant__in=people)
    }
    load_courses((report.event, windows.get(report.event.participant_id)) for report in reports)
    by_person: defaultdict[int, list[DltReport]] = defaultdict(list)
    for report in reports:
        person = report.event.participant_id
        if is_of_window(report, windows.get(person)):
            by_person[person].append(report)
    doubts = {person: doubts_of_reports(found) for person, found in by_person.items()}
    reported = {one.event_id for found in by_person.values() for one in found}
    for person, doubt in _disputed(disputed, windows, reported):
        doubts.setdefault(person, []).append(doubt)
    push_doubts(change, doubts, source="safety")


def _disputed(
    disputed: Iterable[Disagreement], windows: dict[int, DltWindow], reported: set[int]
) -> Iterator[tuple[int, dict[str, str]]]:
    """Events without a report that somebody holds to be dose-limiting, with their participants."""
    for one in disputed:
        if one.event in reported:
            continue
        event = AdverseEvent.objects.get(pk=one.event)
        if began_in_window(event, windows.get(one.participant.pk)):
            because = f"{one.what}: not agreed whether it is a DLT"
            yield one.participant.pk, {"kind": "disagreement", "reads_as": "T", "because": because}
