"""Endpoints of reads, of the feed of events, and of a person's own inbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args, get_origin, get_type_hints

from django.http import Http404, QueryDict
from rest_framework.request import Request
from rest_framework.response import Response

from cohorts.queries import StudyCard, Viewer, may_read_trail, studies_for, viewer_of
from cohorts.queries.trail import TrailRow, read_feed
from ntrust import clock
from ntrust.actions import acknowledge
from ntrust.api.endpoints import Endpoint
from ntrust.api.errors import Unready
from ntrust.api.paging import PAGE, Paged, cursor_to, page_after, read_words
from ntrust.api.plain import plain
from ntrust.api.telling import CURSOR, Acknowledged, Query, Told, data_of, page_of, tells
from ntrust.notifications.inboxes import inbox_of
from ntrust.states import AcknowledgedWhere
from safety.api.reads import Ask, Read
from safety.queries.alerts import InboxRow, read_inbox
from safety.views.viewers import reads_data

FILTERED: Final = {
    "site": "S1",
    "disease": "lupus nephritis",
    "stage": "SCREENING",
    "from": "2026-03-02",
    "at": "2026-03-02",
    "revision": "1",
}
"""Entries of filters, as examples."""
SINCE: Final = Query(
    "since", "The last event that you have read.", {"type": "integer", "minimum": 0}, 0
)


@dataclass(frozen=True)
class Feed:
    """Events, oldest first; `next` is what to send as `since`."""

    results: tuple[TrailRow, ...]
    next: int
    has_more: bool


@dataclass(frozen=True)
class Studies:
    """The studies of a person."""

    as_of: datetime
    results: tuple[StudyCard, ...]
    next: str | None


@dataclass(frozen=True)
class OwnInbox:
    """What a person was told; `awaited` waits for a word."""

    as_of: datetime
    awaited: tuple[InboxRow, ...]
    rest: tuple[InboxRow, ...]


class StudyEndpoint(Endpoint):
    """An endpoint of one study, for its members; for others it is not there."""

    def viewer(self) -> Viewer:
        """Who looks."""
        viewer = viewer_of(self.user, self.kwargs["key"])
        if viewer is None:
            raise Http404
        return viewer


class ReadEndpoint(StudyEndpoint):
    """A query of one study; a list comes in pages."""

    read: Read = None  # type: ignore[assignment]

    def tell(self, method: str) -> Told:
        """The words of the read; its answer by the type of its query's."""
        read = self.read
        answer = get_type_hints(read.query)["return"]
        is_list = get_origin(answer) is list
        asks = [
            Query(name, f"Only with this {name}.", {"type": "string"}, FILTERED.get(name, ""))
            for name in read.filters
        ]
        paged, row = ([CURSOR], get_args(answer)[0]) if is_list else ([], answer)
        return Told(
            summary=read.words.removesuffix("."),
            words="For the committee too." if read.for_committee else "Not for the committee.",
            answer=page_of(row) if is_list else data_of(row),
            asks=[*asks, *paged],
            refuses=(400, 409) if is_list else (),
            has_tag=True,
        )

    def get(self, request: Request, **kwargs: Any) -> Response:
        """What the query says now, for this person."""
        viewer, now = self.viewer(), clock.now()
        if not (self.read.for_committee or reads_data(viewer)):
            raise Http404
        filters = {
            name: request.query_params[name]
            for name in self.read.filters
            if name in request.query_params
        }
        cursor = request.query_params.get("cursor", "")
        own = "" if self.read.key else read_words(cursor)
        found = self.read.query(Ask(viewer, now, filters, kwargs, self.user, own))
        said: dict[str, Any] = {"as_of": plain(now), "revision": viewer.study.revision}
        if isinstance(found, list):
            rows, after = self._page(found, cursor)
            said |= {"results": plain(rows), "next": after}
        else:
            said["data"] = plain(found)
        return Response(said, headers={"ETag": f'"{viewer.study.revision}"'})

    def _page(self, found: list[Any], cursor: str) -> tuple[Sequence[Any], str | None]:
        if isinstance(found, Paged):
            return found, cursor_to(found.after)
        return page_after(found, cursor, key=self.read.key, size=PAGE)


class FeedEndpoint(StudyEndpoint):
    """Everything that happened, oldest first, after the event `since`."""

    @tells(Feed, asks=(SINCE,), refuses=(400,))
    def get(self, request: Request, **kwargs: Any) -> Response:
        """Up to a hundred events; `next` is what to send as `since`, also when there are none."""
        viewer = self.viewer()
        if not may_read_trail(viewer):
            raise Http404
        since = _number(request, "since")
        rows = tuple(read_feed(viewer, since=since, most=PAGE))
        last = rows[-1].number if rows else since
        return Response(plain(Feed(rows, last, has_more=len(rows) == PAGE)))


class StudiesEndpoint(Endpoint):
    """The studies of this person; of a token for one study, that one."""

    @tells(Studies)
    def get(self, request: Request, **kwargs: Any) -> Response:
        """Each with its standing."""
        cards = tuple(card for card in studies_for(self.user) if self.is_within(card.key))
        return Response(plain(Studies(clock.now(), cards, None)))


class InboxEndpoint(Endpoint):
    """What this person was told."""

    @tells(OwnInbox)
    def get(self, request: Request, **kwargs: Any) -> Response:
        """What waits for a word first."""
        now = clock.now()
        inbox = read_inbox(self.user, now=now)
        awaited = tuple(row for row in inbox.awaited if self.is_within(row.study))
        rest = tuple(row for row in inbox.rest if self.is_within(row.study))
        return Response(plain(OwnInbox(now, awaited, rest)))


class AcknowledgeEndpoint(Endpoint):
    """The word that one knows of an alert, and sees to it."""

    @tells(Acknowledged)
    def post(self, request: Request, **kwargs: Any) -> Response:
        """Say it. Others' alerts are not there; a second word is refused with whose was first."""
        return self.once(request, QueryDict(), self._acknowledge)

    def _acknowledge(self) -> Response:
        now = clock.now()
        rows = inbox_of(self.user).select_related("event__study", "recipient", "site")
        row = rows.filter(pk=self.kwargs["row"]).first()
        if row is None or not self.is_within(row.event.study.key):
            raise Http404
        acknowledge(row, by=self.user, where=AcknowledgedWhere.API, now=now)
        return Response(plain(Acknowledged("Acknowledged.", row.pk, now)))


def _number(request: Request, name: str) -> int:
    sent = request.query_params.get(name, "0")
    if not (sent.isascii() and sent.isdigit() and len(sent) < 19):
        raise Unready(400, "bad_number", f"{name} is the number of an event.")
    return int(sent)
