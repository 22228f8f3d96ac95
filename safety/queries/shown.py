"""Which rows a page of a study shows under its filter: what a file of that page has to hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cohorts.queries import Viewer, list_participants, read_deviations
from cohorts.queries.deviations import FILTERS as DEVIATIONS
from cohorts.queries.participants import asked_of
from safety.queries.data_pages import list_queries
from safety.queries.events import FILTERS as EVENTS
from safety.queries.events import read_events

FILTERS: Final[Mapping[str, tuple[str, ...]]] = {
    "participants": ("site", "disease", "stage"),
    "adverse-events": EVENTS,
    "deviations": DEVIATIONS,
    "queries": ("state", "site"),
}
"""Record list to what its page is filtered by, in its address. Other pages have no filter."""


@dataclass(frozen=True)
class Shown:
    """The rows by their values of `field`, and the filter as it was applied."""

    field: str
    values: tuple[int | str, ...]
    asked: Mapping[str, str]


def filter_of(name: str, address: Mapping[str, str]) -> dict[str, str]:
    """What a list's page is filtered by, of all that stands in its address."""
    return {one: address[one] for one in FILTERS.get(name, ()) if address.get(one)}


def shown_rows(
    viewer: Viewer, name: str, address: Mapping[str, str], *, now: datetime
) -> Shown | None:
    """The rows that the list's page shows at this address; None where it is not filtered."""
    asked = filter_of(name, address)
    if name == "participants":
        asked = asked_of(asked)
    if not asked:
        return None
    if name == "participants":
        people = list_participants(viewer, asked)
        return Shown("screening_number", tuple(row.screening_number for row in people), asked)
    if name == "adverse-events":
        events = read_events(viewer, asked, now=now).rows
        return Shown("pk", tuple(row.event.pk for row in events), asked)
    if name == "deviations":
        deviations = read_deviations(viewer, asked).rows
        return Shown("pk", tuple(row.number for row in deviations), asked)
    queries = list_queries(viewer, now=now, **asked).rows
    return Shown("pk", tuple(row.pk for row in queries), asked)
