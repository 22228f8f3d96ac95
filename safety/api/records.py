"""Reads of the record: who changed what, what was known when, queries and cuts of the data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.http import Http404

from cohorts.models import ProtocolVersion
from cohorts.queries import find_participant, may_read_overrides, read_overrides
from cohorts.queries.impact import Impact, read_impact
from cohorts.queries.protocols import (
    Comparison,
    VersionPage,
    compare_with,
    find_version,
    read_version,
    sees_impact,
)
from cohorts.queries.queue import OverrideRow
from dosing.queries import read_participant_trends, read_study_trend
from dosing.queries.measurements import Trend
from ntrust.api.paging import PAGE, Paged, bad_cursor
from safety.admin import record_list
from safety.api.reads import Ask, only_if, reads
from safety.models import DataCut
from safety.queries import list_queries, read_cuts, read_query, rows_after
from safety.queries.accounts import AccountRow, may_read_accounts, read_accounts
from safety.queries.audit import NAMES, AuditRow, may_read_audit, read_audit, read_filter, read_key
from safety.queries.data_pages import QueryPage
from safety.queries.data_quality import (
    ChangedRow,
    CutRow,
    QueryRow,
    find_query,
    verified_table,
)
from safety.queries.known import Known, may_read_past, read_known, revision_asked
from safety.queries.records import AT_SITES, RECORD_LISTS, reading_of


@dataclass(frozen=True)
class VerifiedLine:
    """How many rows of one kind, or at one level, are verified against the source."""

    heading: str
    what: str
    verified: int
    rows: int


@dataclass(frozen=True)
class DataPage:
    """What is verified, and which cuts are locked."""

    verified: tuple[VerifiedLine, ...]
    cuts: tuple[CutRow, ...]


@dataclass(frozen=True)
class CutPage:
    """A locked cut, and every row that was written after it."""

    cut: CutRow
    after: tuple[ChangedRow, ...]


@dataclass(frozen=True)
class TakenList:
    """A list that may be taken away as a file: all of it, or the rows of one's own sites."""

    name: str
    title: str
    is_whole: bool


@dataclass(frozen=True)
class TrendPage:
    """A measurement over time, and the keys of those there are."""

    keys: tuple[str, ...]
    trend: Trend | None


@reads("audit/", "Every version of every clinical row, newest first.", filters=NAMES)
def audit(ask: Ask) -> list[AuditRow]:
    only_if(may_read_audit(ask.viewer))
    before = read_key(ask.after)
    if ask.after and before is None:
        raise bad_cursor()
    page = read_audit(ask.viewer, read_filter(ask.filters), before=before, size=PAGE)
    return Paged(page.rows, page.older)


@reads("accounts/", "What happened to the accounts of the study's people, newest first.")
def accounts(ask: Ask) -> list[AccountRow]:
    only_if(may_read_accounts(ask.viewer))
    before = _moment(ask.after)
    if ask.after and before is None:
        raise bad_cursor()
    page = read_accounts(ask.viewer, before=before)
    return Paged(page.rows, page.older.isoformat() if page.older else "")


@reads("known/", "The study as known at a moment or revision.", filters=("at", "revision"))
def known(ask: Ask) -> Known:
    only_if(may_read_past(ask.viewer))
    asked = {name: ask.filters.get(name, "").strip() for name in ("at", "revision")}
    revision = revision_asked(ask.viewer.study, **asked)
    if not any(asked.values()):
        revision = ask.viewer.study.revision
    if revision is None:
        raise Http404
    return read_known(ask.viewer, revision)


@reads(
    "queries/",
    "Queries about the data, of the sites this person sees.",
    filters=("state", "site"),
    key=("number",),
)
def queries(ask: Ask) -> list[QueryRow]:
    chosen = {name: ask.filters.get(name, "")[:40] for name in ("state", "site")}
    return list(list_queries(ask.viewer, now=ask.now, **chosen).rows)


@reads("queries/<int:number>/", "One query, with everything that was said.")
def query(ask: Ask) -> QueryPage:
    found = find_query(ask.viewer, ask.kwargs["number"])
    if found is None:
        raise Http404
    return read_query(ask.viewer, found, now=ask.now)


@reads("data/", "What is verified, and which cuts are locked. For those who see every site.")
def data(ask: Ask) -> DataPage:
    only_if(ask.viewer.sees_every_site)
    lines = tuple(
        VerifiedLine(heading, what, share.verified, share.rows)
        for heading, shares in verified_table(ask.viewer.study)
        for what, share in shares
    )
    return DataPage(lines, tuple(read_cuts(ask.viewer.study)))


@reads("data/<int:number>/", "A locked cut, and what was written after it.")
def cut(ask: Ask) -> CutPage:
    only_if(ask.viewer.sees_every_site)
    found = DataCut.objects.filter(study=ask.viewer.study, number=ask.kwargs["number"]).first()
    if found is None:
        raise Http404
    row = next(one for one in read_cuts(ask.viewer.study) if one.number == found.number)
    return CutPage(row, tuple(rows_after(found)))


@reads("export/", "Lists that this person may take away as files.", key=("name",))
def exports(ask: Ask) -> list[TakenList]:
    reading, study = reading_of(ask.user), ask.viewer.study.pk
    return [
        TakenList(name, one.title, study in reading.studies(name))
        for name in dict.fromkeys([*RECORD_LISTS, *AT_SITES])
        if reading.takes(name, study) and (one := record_list(name)) is not None
    ]


@reads("queue/overrides/", "Every time the queue was passed over.", key=("at", "name"))
def overrides(ask: Ask) -> list[OverrideRow]:
    only_if(may_read_overrides(ask.viewer))
    return list(read_overrides(ask.viewer))


@reads("participants/<str:number>/measurements/", "Every measurement of one participant.")
def measurements(ask: Ask) -> tuple[Trend, ...]:
    person = find_participant(ask.viewer, ask.kwargs["number"])
    if person is None:
        raise Http404
    return read_participant_trends(person, viewer=ask.viewer)


@reads("trends/", "One measurement of all participants, by level.", filters=("measurement",))
def trends(ask: Ask) -> TrendPage:
    choices, trend = read_study_trend(ask.viewer, ask.filters.get("measurement", ""))
    return TrendPage(tuple(one.key for one in choices), trend)


@reads("protocols/<str:label>/", "One protocol version in full.", for_committee=True)
def protocol(ask: Ask) -> VersionPage:
    return read_version(_version(ask), viewer=ask.viewer)


@reads(
    "protocols/<str:label>/changes/",
    "A protocol version compared with another, field by field.",
    filters=("since",),
    for_committee=True,
)
def protocol_changes(ask: Ask) -> Comparison:
    found = compare_with(_version(ask), other=ask.filters.get("since", ""))
    if found is None:
        raise Http404
    return found


@reads(
    "protocols/<str:label>/impact/", "What would follow if a version came into force now.",
    for_committee=True,
)  # fmt: skip
def protocol_impact(ask: Ask) -> Impact:
    version = _version(ask)
    only_if(sees_impact(ask.viewer))
    return read_impact(version, now=ask.now)


def _version(ask: Ask) -> ProtocolVersion:
    version = find_version(ask.viewer, ask.kwargs["label"])
    if version is None:
        raise Http404
    return version


def _moment(words: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(words)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
