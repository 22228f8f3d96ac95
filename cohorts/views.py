"""Pages of the escalation, read-only: my studies, the ladder, the escalation path."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET

from cohorts.charts import draw_path
from cohorts.queries import Viewer, escalation_path, ladder, studies_for, viewer_of
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
    return render(request, "cohorts/ladder.html", {"study": viewer.study, "page": page})


@require_GET
def show_path(request: HttpRequest, key: str) -> HttpResponse:
    """The escalation path as a chart, and the same facts as tables."""
    viewer = _viewer(request, key)
    page = escalation_path(viewer.study, viewer=viewer, now=clock.now())
    chart = mark_safe(draw_path(page))  # noqa: S308 - made by the chart library, which escapes
    context = {"study": viewer.study, "page": page, "chart": chart}
    return render(request, "cohorts/path.html", context)


def _user(request: HttpRequest) -> User:
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    return request.user


def _viewer(request: HttpRequest, key: str) -> Viewer:
    """Who looks; the same 404 for a study that is not theirs and for one that is not."""
    viewer = viewer_of(_user(request), key)
    if viewer is None:
        raise Http404
    return viewer
