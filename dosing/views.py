"""Pages to read: product lots, and measurements over time."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cohorts.queries import Viewer, find_participant, viewer_of
from dosing.charts import draw_trend
from dosing.queries import (
    list_calls,
    list_in_flight,
    list_lots,
    may_read_calls,
    may_read_in_flight,
    may_read_lots,
    read_participant_trends,
    read_study_trend,
)
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
        "trends": [(trend, draw_trend(trend)) for trend in trends],
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
        "chart": draw_trend(trend, by_level=True) if trend else None,
        "as_of": clock.now(),
    }
    return render(request, "dosing/trends.html", context)


@require_GET
def lots(request: HttpRequest, key: str) -> HttpResponse:
    """Every lot, what is left, and who of those this person may know got it."""
    viewer = _viewer(request, key)
    if not may_read_lots(viewer):
        raise Http404
    now = clock.now()
    page = list_lots(viewer, now=now)
    return render(request, "dosing/lots.html", {"study": viewer.study, "page": page, "as_of": now})


@require_GET
def show_in_flight(request: HttpRequest, key: str) -> HttpResponse:
    """What sites are asked about planned infusions; their own for people bound to one."""
    viewer = _viewer(request, key)
    if not may_read_in_flight(viewer):
        raise Http404
    now = clock.now()
    page = list_in_flight(viewer, now=now)
    context = {"study": viewer.study, "page": page, "as_of": now}
    return render(request, "dosing/in_flight.html", context)


@require_GET
def show_calls(request: HttpRequest, key: str) -> HttpResponse:
    """Questions about people in lymphodepletion, the most pressing first."""
    viewer = _viewer(request, key)
    if not may_read_calls(viewer):
        raise Http404
    context = {
        "study": viewer.study,
        "rows": list_calls(viewer, now=clock.now()),
        "can_answer": Role.MEDICAL_MONITOR.label in viewer.roles,
    }
    return render(request, "dosing/calls.html", context)


def _viewer(request: HttpRequest, key: str) -> Viewer:
    """Who looks: a member, but not the committee, which reads packets."""
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    viewer = viewer_of(request.user, key)
    if viewer is None or not set(viewer.roles) - _CLOSED_TO:
        raise Http404
    return viewer
