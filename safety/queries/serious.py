"""The clocks of serious adverse events, read for reminders: by three statements for all studies."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import F

from cohorts.policies import document_of
from cohorts.protocol import RemindersData
from cohorts.queries.words import HARM, QUIET, SETTLED, WAITING, Mark
from ntrust.models import Event, Study
from safety.models import AdverseEvent
from safety.policies.reminders import Moment, report_due, word_due, word_overdue
from safety.policies.serious import (
    ABOUT_CLOCKS,
    SENT,
    TO_SPONSOR,
    WITHDRAWN,
    clocks_of,
    follow_clocks,
    name_clock,
)

_HOURS = "participant__protocol_version__document__safety_reporting__to_sponsor__hours"


def words_awaited(rules: Mapping[int, RemindersData], now: datetime) -> Iterator[Moment | None]:
    """Events of which nobody has said whether they are serious."""
    asking = [study for study, data in rules.items() if data.sae_word_hours is not None]
    rows = AdverseEvent.objects.filter(
        participant__study__in=asking, is_serious__isnull=True, is_legacy=False, entered_at__lte=now
    ).annotate(hours=F(_HOURS))
    for row in rows.select_related("participant__site"):
        yield word_due(row, rules[row.participant.study_id], hours=row.hours)
        yield word_overdue(row, rules[row.participant.study_id], hours=row.hours)


def reports_awaited(rules: Mapping[int, RemindersData], now: datetime) -> Iterator[Moment | None]:
    """Clocks of the sponsor that were started and are not over, of which no report was sent, where
    the event still asks for them."""
    asking = [study for study, data in rules.items() if data.sae_report_days is not None]
    for event, days, ends in _unsent(asking, now=now):
        if ends > now:
            yield report_due(event, rules[event.participant.study_id], days=days, ends=ends)


def reports_overdue(study: Study, *, now: datetime) -> list[tuple[AdverseEvent, int, datetime]]:
    """Event, calendar days and end of each clock that ended without a report. Two statements, one
    where none ever started."""
    return [one for one in _unsent([study.pk], now=now) if one[2] <= now]


@dataclass(frozen=True)
class ClockRow:
    """A clock of one event: in words, until when, and what was said of its report."""

    days: int
    name: str
    ends_at: datetime | None
    mark: Mark
    said: str
    is_sent: bool


def read_clocks(event: AdverseEvent, *, now: datetime) -> tuple[ClockRow, ...]:
    """The clocks of an event, the site's own first; none of one that is not serious. One
    statement."""
    if not event.is_serious:
        return ()
    told = list(Event.objects.filter(kind__in=ABOUT_CLOCKS, data__event=event.pk).order_by("id"))
    ends, sent = follow_clocks((one.kind, one.data) for one in told)
    said = {one.data["days"]: one.sentence for one in told if one.kind in (SENT, WITHDRAWN)}
    own = document_of(event.participant.protocol_version).safety_reporting.to_sponsor
    until: dict[int, datetime | None] = {}
    if own is not None:
        begun = event.aware_at
        until[TO_SPONSOR] = begun + timedelta(hours=own.hours) if begun else None
    until |= {days: end for (_, days), end in sorted(ends.items())}
    return tuple(
        ClockRow(
            days=days,
            name=name_clock(days),
            ends_at=end,
            mark=_mark((event.pk, days) in sent, end, is_own=days == TO_SPONSOR, now=now),
            said=said.get(days, ""),
            is_sent=(event.pk, days) in sent,
        )
        for days, end in until.items()
    )


def _mark(is_sent: bool, end: datetime | None, *, is_own: bool, now: datetime) -> Mark:
    if is_sent:
        return Mark("sent", SETTLED, "●")
    if is_own:
        return Mark("entered here", QUIET, "○")
    return Mark("overdue", HARM, "■") if end and end <= now else Mark("runs", WAITING, "◔")


def _unsent(studies: Iterable[int], *, now: datetime) -> list[tuple[AdverseEvent, int, datetime]]:
    told = Event.objects.filter(study__in=studies, kind__in=ABOUT_CLOCKS, at__lte=now)
    ends, sent = follow_clocks(told.order_by("id").values_list("kind", "data"))
    left = {key: end for key, end in ends.items() if key not in sent}
    events = AdverseEvent.objects.filter(pk__in={event for event, _ in left})
    found = events.select_related("participant__site", "participant__protocol_version").in_bulk()
    return [
        (found[event], days, end)
        for (event, days), end in left.items()
        if days in clocks_of(found[event], document_of(found[event].participant.protocol_version))
    ]
