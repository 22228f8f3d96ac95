"""The page of DLT reports."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ntrust import clock
from safety.queries.disagreements import disagreements
from safety.queries.reports import may_read_reports, read_reports
from safety.views.viewers import viewer_for


@require_GET
def show_reports(request: HttpRequest, key: str) -> HttpResponse:
    """What waits for a word, what is missing, and every report with its history."""
    viewer = viewer_for(request, key)
    if not may_read_reports(viewer):
        raise Http404
    now = clock.now()
    page = read_reports(viewer, now=now)
    context = {
        "study": viewer.study,
        "viewer": viewer,
        "page": page,
        "disputes": [
            one for one in disagreements(viewer.study) if viewer.sees(one.participant.site_id)
        ],
        "as_of": now,
    }
    return render(request, "safety/reports.html", context)
