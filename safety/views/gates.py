"""The ledger of gates."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ntrust import clock
from safety.queries import (
    gate_ledger,
    may_read_ledger,
)
from safety.views.viewers import viewer_for


@require_GET
def show_gates(request: HttpRequest, key: str) -> HttpResponse:
    """Why can't we enrol or dose now, and when can we?"""
    viewer = viewer_for(request, key)
    if not may_read_ledger(viewer):
        raise Http404
    now = clock.now()
    steps = gate_ledger(viewer.study, now=now, viewer=viewer)
    context = {"study": viewer.study, "viewer": viewer, "steps": steps, "as_of": now}
    return render(request, "safety/gates.html", context)
