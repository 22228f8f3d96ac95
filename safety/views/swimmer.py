"""Every participant day by day, with their events; a site's people see their own."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ntrust import clock
from safety.charts import draw_grades, draw_swimmers, draw_timeline
from safety.queries.events import may_read_events
from safety.queries.grades import count_grades
from safety.queries.lanes import read_lanes
from safety.queries.timeline import read_timeline
from safety.views.viewers import viewer_for


@require_GET
def show_swimmer(request: HttpRequest, key: str) -> HttpResponse:
    """Swimmer plot, worst grades and DLT reports, for those who may read events."""
    viewer = viewer_for(request, key)
    if not may_read_events(viewer):
        raise Http404
    now, study = clock.now(), viewer.study
    of = study.protocol_number or study.key
    lanes = read_lanes(study, now=now, viewer=viewer)
    context = {
        "study": study,
        "viewer": viewer,
        "as_of": now,
        "swimmers": draw_swimmers(lanes, of=of),
        "grades": draw_grades(count_grades(lanes), of=of),
        "timeline": draw_timeline(read_timeline(study, viewer=viewer), of=of),
    }
    return render(request, "safety/swimmer.html", context)
