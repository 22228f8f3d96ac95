"""Decisions: the list, and one with its signatures, its readers and its re-reviews."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from ntrust import clock
from safety.queries.decisions import find_decision, list_decisions, read_decision
from safety.queries.reviews import may_read_packets
from safety.views.reviews import member_of


@require_GET
def show_decisions(request: HttpRequest, key: str) -> HttpResponse:
    """Every decision, newest first, for every member; unsigned ones for those who read packets."""
    viewer = member_of(request, key)
    rows = list_decisions(viewer)
    if not may_read_packets(viewer):
        rows = [row for row in rows if row.signed_at is not None]
    context = {"study": viewer.study, "as_of": clock.now(), "decisions": rows}
    return render(request, "safety/decisions.html", context)


@require_GET
def show_decision(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """One decision."""
    viewer = member_of(request, key)
    decision = find_decision(viewer.study, number)
    page = read_decision(viewer, decision) if decision is not None else None
    if page is None:
        raise Http404
    context = {"study": viewer.study, "page": page, "decision": page.row, "as_of": clock.now()}
    return render(request, "safety/decision.html", context)
