"""How good the data are: queries, shares verified, locked cuts."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cohorts.queries import Viewer
from ntrust import clock
from ntrust.states import Role
from safety.actions import TAKERS
from safety.models import DataCut
from safety.queries import list_queries, read_cuts, read_query, rows_after
from safety.queries.data_quality import find_query, verified_table
from safety.views.viewers import viewer_for


@require_GET
def show_queries(request: HttpRequest, key: str) -> HttpResponse:
    """The queries of the sites this person sees."""
    viewer, now = viewer_for(request, key), clock.now()
    chosen = {name: request.GET.get(name, "")[:40] for name in ("state", "site")}
    listed = list_queries(viewer, now=now, **chosen)
    context = {"study": viewer.study, "viewer": viewer, "list": listed, "as_of": now}
    return render(request, "safety/queries.html", context)


@require_GET
def show_query(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """One query, with everything that was said."""
    viewer, now = viewer_for(request, key), clock.now()
    query = find_query(viewer, number)
    if query is None:
        raise Http404
    page = read_query(viewer, query, now=now)
    context = {"study": viewer.study, "viewer": viewer, "query": page, "as_of": now}
    return render(request, "safety/query.html", context)


@require_GET
def show_data(request: HttpRequest, key: str) -> HttpResponse:
    """What is verified, and which cuts are locked. For those who see every site."""
    viewer, now = _central(request, key), clock.now()
    context = {
        "study": viewer.study,
        "viewer": viewer,
        "tables": verified_table(viewer.study),
        "cuts": read_cuts(viewer.study),
        "can_lock": viewer.holds([Role.STUDY_MANAGER]),
        "can_take": viewer.holds(TAKERS),
        "as_of": now,
    }
    return render(request, "safety/data.html", context)


@require_GET
def show_cut(request: HttpRequest, key: str, number: int) -> HttpResponse:
    """A locked cut, and every row that was written after it."""
    viewer, now = _central(request, key), clock.now()
    cut = DataCut.objects.filter(study=viewer.study, number=number).first()
    if cut is None:
        raise Http404
    row = next(one for one in read_cuts(viewer.study) if one.number == number)
    context = {
        "study": viewer.study,
        "viewer": viewer,
        "cut": row,
        "rows": rows_after(cut),
        "can_take": viewer.holds(TAKERS),
        "as_of": now,
    }
    return render(request, "safety/cut.html", context)


def _central(request: HttpRequest, key: str) -> Viewer:
    viewer = viewer_for(request, key)
    if not viewer.sees_every_site:
        raise Http404
    return viewer
