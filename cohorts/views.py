"""Pages of the escalation, read-only: my studies, the ladder, the escalation path."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET

from cohorts.charts import draw_path
from cohorts.queries import (
    Viewer,
    escalation_path,
    ladder,
    may_read_deviations,
    may_read_trail,
    read_deviations,
    read_trail,
    studies_for,
    viewer_of,
)
from ntrust import clock
from ntrust.models import User


@require_GET
def my_studies(request: HttpRequest) -> HttpResponse:
    """The studies in which the person holds a role."""
    cards = studies_for(_user(request))
    return render(request, "cohorts/studies.html", {"cards": cards, "as_of": clock.now()})


@require_GET
def show_ladder(request: HttpRequest, key: str) -> HttpResponse:
    """The ladder of a study, with the recommendation and why nobody can be enrolled now."""
    viewer = _viewer(request, key)
    page = ladder(viewer.study, viewer=viewer, now=clock.now())
    return _render(request, "cohorts/ladder.html", viewer, page=page)


@require_GET
def show_path(request: HttpRequest, key: str) -> HttpResponse:
    """The escalation path as a chart, and the same facts as tables."""
    viewer = _viewer(request, key)
    page = escalation_path(viewer.study, viewer=viewer, now=clock.now())
    chart = mark_safe(draw_path(page))  # noqa: S308 - made by the chart library, which escapes
    return _render(request, "cohorts/path.html", viewer, page=page, chart=chart)


@require_GET
def show_trail(request: HttpRequest, key: str) -> HttpResponse:
    """Everything that happened in a study, for auditors, managers and monitors."""
    viewer = _viewer(request, key)
    if not may_read_trail(viewer):
        raise PermissionDenied
    before = request.GET.get("before", "")
    trail = read_trail(
        viewer, before=int(before) if before.isascii() and before.isdigit() else None
    )
    return _render(request, "cohorts/trail.html", viewer, trail=trail)


@require_GET
def show_deviations(request: HttpRequest, key: str) -> HttpResponse:
    """The log of protocol deviations, filtered; of their own site for people bound to one."""
    viewer = _viewer(request, key)
    if not may_read_deviations(viewer):
        raise Http404
    log = read_deviations(viewer, request.GET.dict())
    return _render(request, "cohorts/deviations.html", viewer, log=log, as_of=clock.now())


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    return request.user


def _render(request: HttpRequest, template: str, viewer: Viewer, **page: Any) -> HttpResponse:
    """A page of one study."""
    return render(request, template, {"study": viewer.study, **page})


def _viewer(request: HttpRequest, key: str) -> Viewer:
    """Who looks; the same 404 for a study that is not theirs and for one that is not."""
    viewer = viewer_of(_user(request), key)
    if viewer is None:
        raise Http404
    return viewer
