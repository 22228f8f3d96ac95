"""Pages of what is recorded beside treatment: measurements over time."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_GET

from cohorts.queries import Viewer, find_participant, viewer_of
from dosing.charts import draw_trend
from dosing.queries import Trend, read_participant_trends, read_study_trend
from ntrust import clock
from ntrust.models import User
from ntrust.states import Role

_CLOSED_TO = {Role.COMMITTEE.label}


@require_GET
def show_measurements(request: HttpRequest, key: str, number: str) -> HttpResponse:
    """Every measurement of one participant over time."""
    viewer = _viewer(request, key)
    participant = find_participant(viewer, number)
    if participant is None:
        raise Http404
    trends = read_participant_trends(participant, viewer=viewer)
    context = {
        "study": viewer.study,
        "participant": participant,
        "trends": [(trend, _draw(trend)) for trend in trends],
        "can_record": viewer.is_investigator_at(participant.site_id),
        "as_of": clock.now(),
    }
    return render(request, "dosing/measurements.html", context)


@require_GET
def show_trends(request: HttpRequest, key: str) -> HttpResponse:
    """One measurement of all participants this person may know, by dose level."""
    viewer = _viewer(request, key)
    choices, trend = read_study_trend(viewer, request.GET.get("measurement", ""))
    context = {
        "study": viewer.study,
        "viewer": viewer,
        "choices": choices,
        "trend": trend,
        "chart": _draw(trend, by_level=True) if trend else "",
        "as_of": clock.now(),
    }
    return render(request, "dosing/trends.html", context)


def _draw(trend: Trend, *, by_level: bool = False) -> SafeString:
    drawn = draw_trend(trend, by_level=by_level)
    return mark_safe(drawn)  # noqa: S308 - made by the chart library, which escapes


def _viewer(request: HttpRequest, key: str) -> Viewer:
    """Who looks: a member, but not the committee, which reads packets."""
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    viewer = viewer_of(request.user, key)
    if viewer is None or not set(viewer.roles) - _CLOSED_TO:
        raise Http404
    return viewer
