"""Reads of those who oversee: packets and reviews, what people are told, what lies ahead."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from django.http import Http404

from cohorts.queries.viewers import mask_for
from ntrust.states import Role
from safety.api.reads import Ask, only_if, reads
from safety.queries.calendar import Calendar, may_read_calendar, read_calendar
from safety.queries.characteristics import Ahead, DesignPage, read_ahead, read_design_page
from safety.queries.events import may_read_events
from safety.queries.lanes import Lane, read_lanes
from safety.queries.noise import NoiseRow, may_read_noise, read_noise
from safety.queries.packet_files import FileRow, read_files
from safety.queries.packet_pages import read_packet_page
from safety.queries.reviews import (
    Meeting,
    ReviewRow,
    may_read_packets,
    read_review,
    read_reviews,
)
from safety.queries.site_home import SiteHome, may_open_site, read_site_home
from safety.queries.take_overs import TakeOverRow, read_take_overs
from safety.queries.today import Today, may_read_today, read_today
from safety.queries.undelivered import (
    Course,
    Webhook,
    may_read_undelivered,
    read_course,
    read_webhooks,
)
from safety.reports.record import make_record
from safety.views.reviews import covered


@dataclass(frozen=True)
class PacketLine:
    """A packet in the list, under the number of its review."""

    review: int
    convened_at: datetime
    cut_revision: int
    outcome: str
    decision: int | None


@dataclass(frozen=True)
class OnePacket:
    """A packet as it was frozen, in the form of its JSON file; `edition` is another one as soon as
    somebody signs, and so are its files."""

    review: int
    cut_at: datetime
    packet_hash: str
    is_sealed: bool
    edition: str
    record: Mapping[str, Any]
    files: tuple[FileRow, ...]
    are_files_ready: bool


@dataclass(frozen=True)
class OneReview:
    """A review: what it is about, and the meeting once it is concluded."""

    row: ReviewRow
    cut_at: datetime
    packet_hash: str
    is_sealed: bool
    meeting: Meeting | None


@reads(
    "packets/",
    "Packets of the reviews, newest first, for those who read them.",
    for_committee=True,
    key=("review",),
)
def packets(ask: Ask) -> list[PacketLine]:
    only_if(may_read_packets(ask.viewer))
    return [
        PacketLine(row.number, row.convened_at, row.cut_revision, row.outcome, row.decision)
        for row in read_reviews(ask.viewer.study)
    ]


@reads("packets/<int:number>/", "One packet, and how far its files are.", for_committee=True)
def packet(ask: Ask) -> OnePacket:
    only_if(may_read_packets(ask.viewer))
    page = read_packet_page(ask.viewer.study, ask.kwargs["number"])
    if page is None:
        raise Http404
    files = read_files(page, now=ask.now)
    return OnePacket(
        review=page.review,
        cut_at=page.page.cut_at,
        packet_hash=page.page.packet_hash,
        is_sealed=page.page.is_sealed,
        edition=page.edition,
        record=make_record(page),
        files=files.rows,
        are_files_ready=files.is_ready,
    )


@reads("reviews/<int:number>/", "One review, and what the minutes say.", for_committee=True)
def review(ask: Ask) -> OneReview:
    only_if(may_read_packets(ask.viewer))
    page = read_review(ask.viewer.study, ask.kwargs["number"])
    if page is None:
        raise Http404
    meeting = covered(page.meeting, mask_for(ask.viewer))
    return OneReview(page.row, page.cut_at, page.packet_hash, page.is_sealed, meeting)


@reads(
    "noise/", "Alerts a person and week, and how soon they were answered.",
    key=("week", "person", "role"),
)  # fmt: skip
def noise(ask: Ask) -> list[NoiseRow]:
    only_if(may_read_noise(ask.viewer))
    return list(read_noise(ask.viewer, now=ask.now))


@reads("webhooks/", "Other systems that hear of the study's events.", key=("number",))
def webhooks(ask: Ask) -> list[Webhook]:
    only_if(may_read_undelivered(ask.viewer))
    return list(read_webhooks(ask.viewer))


@reads("undelivered/<int:number>/", "What became of one message.")
def delivery(ask: Ask) -> Course:
    only_if(may_read_undelivered(ask.viewer))
    course = read_course(ask.viewer, ask.kwargs["number"])
    if course is None:
        raise Http404
    return course


@reads("today/", "What needs somebody, in order of harm.")
def today(ask: Ask) -> Today:
    only_if(may_read_today(ask.viewer))
    return read_today(ask.viewer, now=ask.now)


@reads("own-site/", "What is urgent and owed at one's own sites, and everybody's next step.")
def own_site(ask: Ask) -> SiteHome:
    only_if(may_open_site(ask.viewer))
    return read_site_home(ask.viewer, now=ask.now)


@reads(
    "calendar/",
    "Two weeks from a day: lymphodepletion, infusions, windows. Own sites for their people.",
    filters=("from",),
)
def calendar(ask: Ask) -> Calendar:
    viewer = ask.viewer
    if not may_read_today(viewer):
        only_if(may_open_site(viewer) and may_read_calendar(viewer))
        viewer = replace(viewer, sees_every_site=False)
    return read_calendar(viewer, now=ask.now, start=_day(ask.filters.get("from", "")))


@reads("look-ahead/", "Every turn the trial can take from here.", filters=("cohorts",))
def look_ahead(ask: Ask) -> Ahead:
    only_if(may_read_today(ask.viewer))
    cohorts = 2 if ask.filters.get("cohorts") == "2" else 1
    return read_ahead(ask.viewer, cohorts=cohorts, now=ask.now)


@reads("design/", "What the design would do under the rates that the protocol supposes.")
def design(ask: Ask) -> DesignPage | None:
    only_if(may_read_today(ask.viewer))
    return read_design_page(ask.viewer)


@reads("swimmer/", "Everybody's treatment and events by day of the window.", key=("subject",))
def swimmer(ask: Ask) -> list[Lane]:
    only_if(may_read_events(ask.viewer))
    return list(read_lanes(ask.viewer.study, now=ask.now, viewer=ask.viewer))


@reads("take-over/", "What was staged of a trial on paper.", key=("content_hash", "staged_at"))
def take_over(ask: Ask) -> list[TakeOverRow]:
    only_if(ask.viewer.holds([Role.STUDY_MANAGER, Role.MEDICAL_MONITOR]))
    return read_take_overs(ask.viewer.study)


def _day(asked: str) -> date | None:
    """A day of any trial; None for what is none."""
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        return None
    return day if 2000 <= day.year < 2100 else None
