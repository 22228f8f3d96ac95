"""Reviews: the list, and one with its packet and its meeting."""

from __future__ import annotations

from dataclasses import replace

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cohorts.queries import Viewer, viewer_of
from cohorts.queries.viewers import Mask, mask_for
from ntrust import clock
from ntrust.models import User
from ntrust.states import Role
from safety.queries.packet_files import read_file
from safety.queries.packet_pages import PacketPage, read_packet_page
from safety.queries.reviews import (
    Meeting,
    decisions_to_re_review,
    may_read_packets,
    read_review,
    read_reviews,
)
from safety.reports import document_of, undrawn
from safety.reports.document import Document
from safety.states import PacketForm


@require_GET
def show_reviews(request: HttpRequest, key: str) -> HttpResponse:
    """Every review, newest first, for those who read packets."""
    viewer = reader_of(request, key)
    context = {
        "study": viewer.study,
        "as_of": clock.now(),
        "reviews": read_reviews(viewer.study),
        "may_convene": viewer.holds([Role.STUDY_MANAGER]),
        "marked": decisions_to_re_review(viewer.study),
    }
    return render(request, "safety/reviews.html", context)


@require_GET
def show_review(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """One review: its packet as it was frozen, and what the minutes say."""
    viewer = reader_of(request, key)
    page = read_review(viewer.study, number)
    if page is None:
        raise Http404
    packet = read_packet_page(viewer.study, number)
    assert packet is not None
    context = {
        "study": viewer.study,
        "page": page,
        "meeting": covered(page.meeting, mask_for(viewer)),
        "document": drawn_document(packet),
        "may_conclude": page.row.is_open and viewer.holds([Role.STUDY_MANAGER]),
    }
    return render(request, "safety/review.html", context)


def covered(meeting: Meeting | None, mask: Mask) -> Meeting | None:
    if meeting is None:
        return None
    words, reference = mask.cover(meeting.words), mask.cover(meeting.reference)
    return replace(meeting, words=words, reference=reference)


def drawn_document(page: PacketPage) -> Document | None:
    """A packet as it was drawn; without charts until then; None for an older form."""
    if page.content is None:
        return None
    drawn = read_file(page, PacketForm.PAGE)
    return document_of(drawn) if drawn is not None else undrawn(page)


def member_of(request: HttpRequest, key: str) -> Viewer:
    """Who looks; a study that is not theirs is not there."""
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    viewer = viewer_of(request.user, key)
    if viewer is None:
        raise Http404
    return viewer


def reader_of(request: HttpRequest, key: str) -> Viewer:
    """Who looks at packets: not the sites."""
    viewer = member_of(request, key)
    if not may_read_packets(viewer):
        raise PermissionDenied
    return viewer
