"""DLT reports as far as a person may read them: the worklist, what is missing, and the history."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from cohorts.models import Outcome, Participant
from cohorts.queries import Viewer
from cohorts.queries.words import HARM, QUIET, SETTLED, WAITING, Mark
from ntrust.models import Study
from ntrust.states import Role
from safety.models import Adjudication, DltReport, InboxAlert, Superseding
from safety.policies import due_at, missing_of
from safety.policies.events import WORDS
from safety.states import COUNTED_REPORTS, AlertResult, DltReportState, SupersedingState

READERS: Final = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.INVESTIGATOR,
    Role.AUDITOR,
)
MARKS: Final[Mapping[str, Mark]] = {
    DltReportState.PROVISIONAL: Mark("provisional", WAITING, "▲"),
    DltReportState.REPORTED: Mark("counts, to be adjudicated", HARM, "■"),
    DltReportState.CONFIRMED: Mark("counts, confirmed", HARM, "■"),
    DltReportState.REFUTED: Mark("refuted", QUIET, "○"),
    DltReportState.CLEARED: Mark("resolved in time", SETTLED, "●"),
}
_CRITERION: Final = "the criterion"
_LIVE: Final = (DltReportState.PROVISIONAL, *COUNTED_REPORTS)
_SECOND_WORD: Final = (
    DltReportState.CONFIRMED,
    DltReportState.REFUTED,
    DltReportState.CLEARED,
)


@dataclass(frozen=True)
class SupersedingLine:
    """What was to supersede a report, and what became of it."""

    number: int
    kind: str
    criterion: str
    reason: str
    state: str
    is_waiting: bool
    proposed_at: datetime
    proposed_by: str
    ended_because: str


@dataclass(frozen=True)
class Word:
    """The medical monitor's signed word."""

    is_confirmed: bool
    reason: str
    name: str
    signed_at: datetime


@dataclass(frozen=True)
class ReportLine:
    """One report. `is_in_force` is False once another one superseded it; `supersedes` is its
    number. `missing` is what is still to be entered, due at `due_at`."""

    number: int
    who: str
    screening_number: str
    site: str
    site_id: int
    zone: str
    level: int | None
    event: str
    onset_at: datetime
    criterion: str
    mark: Mark
    state: str
    counts_at: datetime | None
    reported_at: datetime
    reported_by: str
    reason: str
    supersedes: int | None
    is_in_force: bool
    word: Word | None
    supersedings: tuple[SupersedingLine, ...]
    missing: tuple[str, ...]
    due_at: datetime | None
    is_overdue: bool

    @property
    def waiting(self) -> SupersedingLine | None:
        """What waits for the medical monitor."""
        return next((one for one in self.supersedings if one.is_waiting), None)

    @property
    def is_to_adjudicate(self) -> bool:
        """Whether the medical monitor has yet to give a word on it."""
        return self.is_in_force and self.state == DltReportState.REPORTED

    @property
    def has_clock(self) -> bool:
        """Whether it counts when its clock ends."""
        return self.is_in_force and self.state == DltReportState.PROVISIONAL

    @property
    def takes_second_word(self) -> bool:
        """Whether it was ruled on, so that only another signed report changes it."""
        return self.is_in_force and self.state in _SECOND_WORD


@dataclass(frozen=True)
class Owed:
    """What is still to be entered on a DLT report; `is_clock`: decided before its clock ends."""

    number: int
    what: str
    due_at: datetime | None
    is_overdue: bool
    is_clock: bool = False
    lacks_criterion: bool = False


@dataclass(frozen=True)
class AlertLine:
    """An alert in the inbox: waiting to be applied, or failed and to be looked at."""

    number: int
    kind: str
    who: str
    received_at: datetime
    received_by: str
    failure: str
    content: str


@dataclass(frozen=True)
class ReportPage:
    """Every report this person may read, newest first; the lists before it are of the same."""

    lines: tuple[ReportLine, ...]
    alerts: tuple[AlertLine, ...]
    is_monitor: bool
    is_manager: bool
    investigates: frozenset[int]

    @property
    def to_adjudicate(self) -> tuple[ReportLine, ...]:
        return tuple(line for line in self.lines if line.is_to_adjudicate)

    @property
    def with_clock(self) -> tuple[ReportLine, ...]:
        """Provisional reports, the next clock to end first."""
        running = [line for line in self.lines if line.has_clock]
        return tuple(sorted(running, key=lambda line: (line.counts_at, line.number)))

    @property
    def to_rule(self) -> tuple[ReportLine, ...]:
        """Reports that are to be superseded, if the medical monitor agrees."""
        return tuple(line for line in self.lines if line.waiting)

    @property
    def incomplete(self) -> tuple[ReportLine, ...]:
        """Reports with something missing, what is due first."""
        late = [line for line in self.lines if line.missing]
        return tuple(sorted(late, key=lambda line: (line.due_at or line.reported_at, line.number)))


def may_read_reports(viewer: Viewer) -> bool:
    """Everybody but pharmacists and the committee; investigators read their own site's."""
    return viewer.holds(READERS)


def read_reports(viewer: Viewer, *, now: datetime) -> ReportPage:
    """The page for this person."""
    is_manager = viewer.holds([Role.STUDY_MANAGER])
    is_monitor = viewer.holds([Role.MEDICAL_MONITOR])
    return ReportPage(
        lines=tuple(_lines(_reports(viewer), viewer.study, now)),
        alerts=tuple(_alerts(viewer.study)) if is_manager or is_monitor else (),
        is_monitor=is_monitor,
        is_manager=is_manager,
        investigates=viewer.investigates,
    )


def read_owed(participant: Participant, *, now: datetime) -> tuple[Owed, ...]:
    """What a site owes on the DLT reports of a participant, what is due first."""
    return owed_of([participant], now=now).get(participant.pk, ())


def owed_of(people: Iterable[Participant], *, now: datetime) -> dict[int, tuple[Owed, ...]]:
    """The same for several, by their key. One statement."""
    rows = DltReport.objects.filter(
        event__participant__in=list(people), superseded_by__isnull=True, state__in=_LIVE
    ).select_related("event__participant__protocol_version")
    owed: dict[int, list[Owed]] = {}
    for row in rows:
        owed.setdefault(row.event.participant_id, []).extend(_owed(row, now))
    return {
        pk: tuple(sorted(found, key=lambda one: (one.due_at is None, one.due_at, one.number)))
        for pk, found in owed.items()
    }


def _owed(row: DltReport, now: datetime) -> Iterable[Owed]:
    if row.state == DltReportState.PROVISIONAL and row.counts_at is not None:
        what = "sign the resolution of the event, or it counts as a DLT"
        yield Owed(row.pk, what, row.counts_at, row.counts_at < now, is_clock=True)
    if missing := _missing(row):
        due = due_at(row.event)
        what = f"still to be entered: {', '.join(missing)}"
        is_late, lacks = due is not None and due < now, missing[0] == _CRITERION
        yield Owed(row.pk, what, due, is_late, lacks_criterion=lacks)


def find_report(viewer: Viewer, number: int) -> DltReport | None:
    """A report by its number, where this person may know it."""
    return _reports(viewer).filter(pk=number).first()


def find_superseding(viewer: Viewer, number: int) -> Superseding | None:
    """What is to supersede a report, where this person may know it."""
    rows = Superseding.objects.filter(report__in=_reports(viewer), pk=number)
    return rows.select_related(
        "report__event__participant__site", "report__event__participant__study", "proposed_by"
    ).first()


def find_alert(study: Study, number: int) -> InboxAlert | None:
    """An alert that could not be applied and is not settled."""
    failed = InboxAlert.objects.filter(study=study, results__result=AlertResult.FAILED)
    return failed.exclude(results__result=AlertResult.SETTLED).filter(pk=number).first()


def _reports(viewer: Viewer) -> QuerySet[DltReport]:
    rows = DltReport.objects.filter(event__participant__study=viewer.study)
    if not viewer.sees_every_site:
        rows = rows.filter(event__participant__site_id__in=viewer.site_ids)
    return rows.select_related(
        "event__participant__site",
        "event__participant__study",
        "event__participant__protocol_version",
        "reported_by",
    ).order_by("-id")


def _lines(reports: QuerySet[DltReport], study: Study, now: datetime) -> Iterable[ReportLine]:
    levels = dict(
        Outcome.objects.filter(study=study).values_list("participant_id", "level__ordinal")
    )
    rows = list(reports)
    superseded = {row.supersedes_id for row in rows}
    words = {
        one.report_id: Word(
            one.is_confirmed, one.reason, one.signature.printed_name, one.signature.signed_at
        )
        for one in Adjudication.objects.filter(report__in=rows).select_related("signature")
    }
    supersedings: dict[int, list[SupersedingLine]] = {}
    for one in Superseding.objects.filter(report__in=rows).select_related("proposed_by"):
        supersedings.setdefault(one.report_id, []).append(_superseding(one))
    for row in rows:
        yield _line(
            row,
            level=levels.get(row.event.participant_id),
            is_in_force=row.pk not in superseded,
            word=words.get(row.pk),
            supersedings=tuple(supersedings.get(row.pk, ())),
            now=now,
        )


def _line(  # noqa: PLR0913 - what belongs to a line
    row: DltReport,
    *,
    level: int | None,
    is_in_force: bool,
    word: Word | None,
    supersedings: tuple[SupersedingLine, ...],
    now: datetime,
) -> ReportLine:
    event, person = row.event, row.event.participant
    missing = _missing(row) if is_in_force and row.state in _LIVE else ()
    due = due_at(event) if missing else None
    return ReportLine(
        number=row.pk,
        who=str(person),
        screening_number=person.screening_number,
        site=person.site.code,
        site_id=person.site_id,
        zone=person.site.timezone,
        level=level,
        event=f"{event.term}, grade {event.grade}",
        onset_at=event.onset_at,
        criterion=row.criterion,
        mark=MARKS[row.state],
        state=row.state,
        counts_at=row.counts_at,
        reported_at=row.reported_at,
        reported_by=str(row.reported_by),
        reason=row.reason,
        supersedes=row.supersedes_id,
        is_in_force=is_in_force,
        word=word,
        supersedings=supersedings,
        missing=missing,
        due_at=due,
        is_overdue=due is not None and due < now,
    )


def _missing(row: DltReport) -> tuple[str, ...]:
    criterion = () if row.criterion or row.event.is_legacy else (_CRITERION,)
    return (*criterion, *(WORDS[name] for name in missing_of(row.event)))


def _superseding(row: Superseding) -> SupersedingLine:
    return SupersedingLine(
        number=row.pk,
        kind=row.get_kind_display(),
        criterion=row.criterion,
        reason=row.reason,
        state=row.get_state_display(),
        is_waiting=row.state == SupersedingState.WAITING,
        proposed_at=row.proposed_at,
        proposed_by=str(row.proposed_by),
        ended_because=row.ended_because,
    )


def _alerts(study: Study) -> Iterable[AlertLine]:
    """Alerts that wait or failed, oldest first."""
    rows = InboxAlert.objects.filter(study=study).exclude(
        results__result__in=[AlertResult.APPLIED, AlertResult.SETTLED]
    )
    for row in rows.select_related("received_by").prefetch_related("results").order_by("id"):
        failed = next((one.said for one in row.results.all()), "")
        entered = row.content.get("entered", {}).get("value", {}) if row.content else {}
        plain = [value for _, value in sorted(entered.items()) if isinstance(value, str | int)]
        yield AlertLine(
            number=row.pk,
            kind=row.get_kind_display(),
            who=row.study.key,
            received_at=row.received_at,
            received_by=str(row.received_by),
            failure=failed,
            content=", ".join(map(str, plain)),
        )
