"""Pages of what could not be sent, and of webhooks."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cohorts.queries import Viewer
from ntrust import clock
from ntrust.states import Role
from safety.queries.undelivered import (
    may_read_undelivered,
    read_course,
    read_undelivered,
    read_webhooks,
)
from safety.views.viewers import viewer_for


@require_GET
def show_undelivered(request: HttpRequest, key: str) -> HttpResponse:
    """What has failed, with the way to send it again."""
    viewer = _reader(request, key)
    context = {"study": viewer.study, "page": read_undelivered(viewer), "as_of": clock.now()}
    return render(request, "safety/undelivered.html", context)


@require_GET
def show_course(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """What became of one message."""
    viewer = _reader(request, key)
    course = read_course(viewer, number)
    if course is None:
        raise Http404
    context = {"study": viewer.study, "course": course, "as_of": clock.now()}
    return render(request, "safety/delivery.html", context)


@require_GET
def show_webhooks(request: HttpRequest, key: str) -> HttpResponse:
    """The other systems that hear of the study's events."""
    viewer = _reader(request, key)
    context = {
        "study": viewer.study,
        "rows": read_webhooks(viewer),
        "can_act": viewer.holds([Role.STUDY_MANAGER]),
        "as_of": clock.now(),
    }
    return render(request, "safety/webhooks.html", context)


def _reader(request: HttpRequest, key: str) -> Viewer:
    viewer = viewer_for(request, key)
    if not may_read_undelivered(viewer):
        raise Http404
    return viewer
