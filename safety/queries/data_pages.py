"""What the pages about data quality show: the list of queries, and a participant's panel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cohorts.models import Participant
from cohorts.queries import Viewer
from ntrust.signing import moment_in_words
from ntrust.states import Role
from safety.models import DataQuery
from safety.policies import ANSWERERS, ASKERS, SOURCES, VERIFIERS, source_rows
from safety.queries.data_quality import QueryRow, read_queries
from safety.states import DataQueryState, DataQueryStep

OVERDUE = "overdue"


@dataclass(frozen=True)
class Choice:
    """A value of a filter, and how many queries have it."""

    value: str
    label: str
    count: int
    is_chosen: bool


@dataclass(frozen=True)
class QueryList:
    """The queries this person may know, filtered."""

    rows: tuple[QueryRow, ...]
    total: int
    choices: Mapping[str, tuple[Choice, ...]]


@dataclass(frozen=True)
class Said:
    """A step of a query."""

    step: str
    text: str
    role: str
    at: str


@dataclass(frozen=True)
class QueryPage:
    """A query with everything that was said, and what this person can do."""

    row: QueryRow
    said: tuple[Said, ...]
    can_answer: bool
    can_close: bool
    can_reopen: bool


@dataclass(frozen=True)
class VerifiedRow:
    """A row that counts, and whether it is verified. `number`: of the verification."""

    table: str
    words: str
    is_verified: bool
    has_lapsed: bool
    source: str
    verified: str
    number: int | None


@dataclass(frozen=True)
class DataPanel:
    """What of a participant is verified, and what is asked."""

    rows: tuple[VerifiedRow, ...]
    verified: int
    queries: tuple[QueryRow, ...]
    can_verify: bool
    can_withdraw: bool
    can_ask: bool


def list_queries(viewer: Viewer, *, now: datetime, state: str = "", site: str = "") -> QueryList:
    """Queries of the sites this person sees; `state` may be overdue. Unsettled ones first."""
    rows = read_queries(viewer.study, now=now, site_ids=_sites(viewer))
    states = Counter(row.state for row in rows)
    sites = Counter(row.site for row in rows)
    late = sum(row.is_overdue for row in rows)
    by_state = [
        *(
            Choice(word.value, word.label, states[word.label], word.value == state)
            for word in DataQueryState
        ),
        Choice(OVERDUE, OVERDUE, late, state == OVERDUE),
    ]
    chosen = [
        row
        for row in rows
        if (row.is_overdue if state == OVERDUE else _is_in(row, state)) and site in ("", row.site)
    ]
    closed = DataQueryState.CLOSED.label
    return QueryList(
        rows=tuple(sorted(chosen, key=lambda row: (row.state == closed, row.number))),
        total=len(rows),
        choices={
            "state": tuple(by_state),
            "site": tuple(
                Choice(code, code, count, code == site) for code, count in sorted(sites.items())
            ),
        },
    )


def _is_in(row: QueryRow, state: str) -> bool:
    return not state or (
        state in DataQueryState.values and row.state == DataQueryState(state).label
    )


def _sites(viewer: Viewer) -> frozenset[int] | None:
    return None if viewer.sees_every_site else viewer.site_ids


def read_query(viewer: Viewer, query: DataQuery, *, now: datetime) -> QueryPage:
    """One query in full. Who said it is named by role: answers are the site's."""
    rows = read_queries(viewer.study, now=now, participant=query.participant)
    row = next(one for one in rows if one.pk == query.pk)
    is_answerer = viewer.holds(ANSWERERS) and query.site_id in viewer.site_ids
    may_ask = viewer.holds(ASKERS)
    return QueryPage(
        row=row,
        said=tuple(
            Said(
                step=DataQueryStep(entry.step).label,
                text=entry.text,
                role=Role(entry.role).label,
                at=moment_in_words(entry.at),
            )
            for entry in query.entries.all()
        ),
        can_answer=is_answerer and query.state == DataQueryState.OPEN,
        can_close=may_ask and query.state != DataQueryState.CLOSED,
        can_reopen=may_ask and query.state != DataQueryState.OPEN,
    )


def read_data_panel(participant: Participant, *, viewer: Viewer, now: datetime) -> DataPanel | None:
    """None while there is nothing to verify and nothing asked."""
    rows = source_rows(viewer.study, people=[participant])
    queries = read_queries(viewer.study, now=now, participant=participant)
    can_ask, can_verify = viewer.holds(ASKERS), viewer.holds(VERIFIERS)
    if not rows and not queries and not can_ask:
        return None
    shown = []
    for row in rows:
        held = row.verified
        shown.append(
            VerifiedRow(
                table=SOURCES[row.table].label,
                words=row.words,
                is_verified=row.is_verified,
                has_lapsed=row.has_lapsed,
                source=held.source if held else "",
                verified=moment_in_words(held.verified_at) if held else "",
                number=held.pk if held else None,
            )
        )
    return DataPanel(
        rows=tuple(shown),
        verified=sum(row.is_verified for row in rows),
        queries=tuple(queries),
        can_verify=can_verify and not all(row.is_verified for row in rows),
        can_withdraw=can_verify,
        can_ask=can_ask,
    )
