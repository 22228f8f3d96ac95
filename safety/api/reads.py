"""The reads: an address, what it is in words, and the query that its page asks too.

    @reads("studies/<slug:key>/holds/", "Holds in force and lifted.")
    def holds(ask: Ask) -> HoldList:
        return list_holds(ask.viewer)

The type of the answer is what the schema tells of it. What may not be read is not there (404).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.http import Http404

from cohorts.queries import (
    Forecast,
    Ladder,
    ParticipantRow,
    Path,
    Queue,
    Viewer,
    escalation_path,
    find_participant,
    ladder,
    list_participants,
    may_read_deviations,
    may_read_queue,
    read_deviations,
    read_forecast,
    read_queue,
    read_seat,
)
from cohorts.queries.consents import ConsentPage, may_read_consents, read_consents
from cohorts.queries.decisions import DecisionRow
from cohorts.queries.deviations import DeviationRow
from cohorts.queries.holds import HoldList, list_holds
from cohorts.queries.part_2 import Part2, read_part_2
from cohorts.queries.participants import asked_of
from cohorts.queries.protocols import VersionList, list_versions
from cohorts.queries.screening_log import ScreeningLog, may_read_screening, read_screening_log
from cohorts.queries.sites import SiteList, may_read_sites, read_sites
from dosing.queries import (
    CallRow,
    LotsPage,
    list_calls,
    list_in_flight,
    list_lots,
    may_read_calls,
    may_read_in_flight,
    may_read_lots,
    read_courses,
    read_infusions,
    read_measurement_panel,
    read_medications,
)
from dosing.queries.inflight import InFlightList
from ntrust.models import User
from safety.api.rows import EventLine, OneEvent, OneParticipant, line_of, one_event
from safety.queries import (
    Step,
    find_event,
    gate_ledger,
    may_read_events,
    may_read_ledger,
    read_event_page,
    read_events,
    read_next,
    read_statement,
)
from safety.queries.decisions import (
    DecisionPage,
    find_decision,
    list_decisions,
    read_decision,
)
from safety.queries.events import FILTERS
from safety.queries.on_call import OnCall, may_read_on_call, read_on_call
from safety.queries.reports import ReportPage, may_read_reports, read_reports
from safety.queries.reviews import ReviewRow, may_read_packets, read_reviews
from safety.queries.undelivered import Undelivered, may_read_undelivered, read_undelivered


@dataclass(frozen=True)
class Ask:
    """Who asks, when, with which filters, and the variables of the address. `after`: where the
    page begins, for a query that pages by itself."""

    viewer: Viewer
    now: datetime
    filters: Mapping[str, str]
    kwargs: Mapping[str, Any]
    user: User
    after: str = ""


@dataclass(frozen=True)
class Read:
    """An address of the API and what it answers. `filters`: names of those its page has. What is
    not `for_committee` is not there for it: the committee reads under subject numbers. `key`: what
    tells the rows of a list apart; a query without one that answers a list pages by itself."""

    address: str
    words: str
    query: Callable[[Ask], Any]
    filters: tuple[str, ...] = ()
    for_committee: bool = False
    key: tuple[str, ...] = ()


READS: Final[list[Read]] = []
_STUDY: Final = "studies/<slug:key>/"
_Query = Callable[[Ask], Any]


def reads(
    address: str,
    words: str,
    *,
    filters: tuple[str, ...] = (),
    for_committee: bool = False,
    key: tuple[str, ...] = (),
) -> Callable[[_Query], _Query]:
    """Give the query below this address."""

    def add(query: _Query) -> _Query:
        READS.append(Read(f"{_STUDY}{address}", words, query, filters, for_committee, key))
        return query

    return add


def only_if(is_allowed: bool) -> None:
    if not is_allowed:
        raise Http404


@reads(
    "",
    "The ladder: the recommendation, its bounds, who is where.",
    for_committee=True,
)
def standing(ask: Ask) -> Ladder:
    return ladder(ask.viewer.study, viewer=ask.viewer, now=ask.now)


@reads("path/", "The escalation path so far.", for_committee=True)
def path(ask: Ask) -> Path:
    return escalation_path(ask.viewer.study, viewer=ask.viewer, now=ask.now)


@reads("part-2/", "The RDE, expansion cohorts, and their toxicity boundary.", for_committee=True)
def part_2(ask: Ask) -> Part2:
    return read_part_2(ask.viewer, now=ask.now)


@reads(
    "gates/",
    "Every next step with its gates: why not now, and until when.",
    key=("kind", "question", "subject", "screening_number", "level"),
)
def gates(ask: Ask) -> list[Step]:
    only_if(may_read_ledger(ask.viewer))
    return gate_ledger(ask.viewer.study, now=ask.now, viewer=ask.viewer)


@reads(
    "participants/",
    "The participants this person may know.",
    filters=("site", "disease", "stage"),
    key=("screening_number",),
)
def participants(ask: Ask) -> list[ParticipantRow]:
    return list_participants(ask.viewer, asked_of(dict(ask.filters)))


@reads("participants/<str:number>/", "One participant: what is next, and what was given.")
def participant(ask: Ask) -> OneParticipant:
    person = find_participant(ask.viewer, ask.kwargs["number"])
    if person is None:
        raise Http404
    how: dict[str, Any] = {"viewer": ask.viewer, "now": ask.now}
    return OneParticipant(
        screening_number=person.screening_number,
        subject_number=person.subject_number or "",
        state=person.state,
        site=person.site.code,
        timezone=person.site.timezone,
        next=read_next(person, **how),
        statement=read_statement(person, **how),
        infusions=read_infusions(person, **how),
        courses=read_courses(person, **how),
        seat=read_seat(person, **how),
        measurements=read_measurement_panel(person, **how),
        medications=read_medications(person, **how),
    )


@reads("events/", "Adverse events.", filters=FILTERS, key=("number",))
def events(ask: Ask) -> list[EventLine]:
    only_if(may_read_events(ask.viewer))
    log = read_events(ask.viewer, ask.filters, now=ask.now)
    return [line_of(row) for row in log.rows]


@reads("events/<int:event>/", "One adverse event: its course, and what the criteria say.")
def event(ask: Ask) -> OneEvent:
    found = find_event(ask.viewer, ask.kwargs["event"])
    if found is None:
        raise Http404
    return one_event(read_event_page(found, viewer=ask.viewer, now=ask.now))


@reads("reports/", "DLT reports: what waits for a word, and each with its history.")
def reports(ask: Ask) -> ReportPage:
    only_if(may_read_reports(ask.viewer))
    return read_reports(ask.viewer, now=ask.now)


@reads(
    "decisions/",
    "Decisions; unsigned ones for readers of packets.",
    for_committee=True,
    key=("number",),
)
def decisions(ask: Ask) -> list[DecisionRow]:
    rows = list_decisions(ask.viewer)
    is_reader = may_read_packets(ask.viewer)
    return [row for row in rows if is_reader or row.signed_at is not None]


@reads(
    "decisions/<int:number>/",
    "One decision: signatures, readers, re-reviews.",
    for_committee=True,
)
def decision(ask: Ask) -> DecisionPage:
    found = find_decision(ask.viewer.study, ask.kwargs["number"])
    page = read_decision(ask.viewer, found) if found is not None else None
    if page is None:
        raise Http404
    return page


@reads(
    "reviews/",
    "Reviews, newest first, for those who read packets.",
    for_committee=True,
    key=("number",),
)
def reviews(ask: Ask) -> list[ReviewRow]:
    only_if(may_read_packets(ask.viewer))
    return read_reviews(ask.viewer.study)


@reads("holds/", "Holds in force and lifted.", for_committee=True)
def holds(ask: Ask) -> HoldList:
    return list_holds(ask.viewer)


@reads("protocols/", "Protocol versions.", for_committee=True)
def protocols(ask: Ask) -> VersionList:
    return list_versions(ask.viewer)


@reads("sites/", "Sites; their own for people bound to one.")
def sites(ask: Ask) -> SiteList:
    only_if(may_read_sites(ask.viewer))
    return read_sites(ask.viewer)


@reads("consents/", "Consent forms, and who has yet to consent again.")
def consents(ask: Ask) -> ConsentPage:
    only_if(may_read_consents(ask.viewer))
    return read_consents(ask.viewer)


@reads("screening/", "The screening log.")
def screening(ask: Ask) -> ScreeningLog:
    only_if(may_read_screening(ask.viewer))
    return read_screening_log(ask.viewer)


@dataclass(frozen=True)
class QueueNow:
    """Who waits for a seat, and when one will open."""

    queue: Queue | None
    forecast: Forecast | None


@reads("queue/", "Who waits for a seat, as far as this person may know, and when one will open.")
def queue(ask: Ask) -> QueueNow:
    only_if(may_read_queue(ask.viewer))
    return QueueNow(read_queue(ask.viewer), read_forecast(ask.viewer, now=ask.now))


@reads(
    "deviations/",
    "Protocol deviations, newest first.",
    filters=("site", "state", "kind", "severity"),
    key=("number",),
)
def deviations(ask: Ask) -> list[DeviationRow]:
    only_if(may_read_deviations(ask.viewer))
    return list(read_deviations(ask.viewer, ask.filters).rows)


@reads("lots/", "Product lots.")
def lots(ask: Ask) -> LotsPage:
    only_if(may_read_lots(ask.viewer))
    return list_lots(ask.viewer, now=ask.now)


@reads("calls/", "Calls to the medical monitor.", key=("number",))
def calls(ask: Ask) -> list[CallRow]:
    only_if(may_read_calls(ask.viewer))
    return list_calls(ask.viewer, now=ask.now)


@reads("in-flight/", "Planned infusions that a hold concerns, and what the sites answered.")
def in_flight(ask: Ask) -> InFlightList:
    only_if(may_read_in_flight(ask.viewer))
    return list_in_flight(ask.viewer, now=ask.now)


@reads("on-call/", "Who is on call, who is away, and where nobody is.")
def on_call(ask: Ask) -> OnCall:
    only_if(may_read_on_call(ask.viewer))
    return read_on_call(ask.viewer, now=ask.now)


@reads("undelivered/", "Messages that could not be sent.")
def undelivered(ask: Ask) -> Undelivered:
    only_if(may_read_undelivered(ask.viewer))
    return read_undelivered(ask.viewer)
