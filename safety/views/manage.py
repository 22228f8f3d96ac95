"""The manager's face: what needs somebody today, the calendar, the look-ahead, the design."""

from __future__ import annotations

from datetime import date
from typing import Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from cohorts.charts import draw_turns
from cohorts.queries import Viewer, ladder, studies_for
from cohorts.queries.part_2 import read_rde_line
from ntrust import clock
from ntrust.models import User
from safety.forms.rates import RatesForm
from safety.queries.calendar import read_calendar
from safety.queries.characteristics import (
    MOST_AHEAD,
    ladder_of,
    read_ahead,
    read_design_page,
)
from safety.queries.today import may_read_today, read_today
from safety.views.viewers import viewer_for

_YEARS: Final = range(2000, 2100)
"""Years of any trial; the calendar of another is not asked for."""


@require_GET
def manage(request: HttpRequest) -> HttpResponse:
    """The one study a person oversees, or the choice among several."""
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    cards = [card for card in studies_for(request.user) if card.is_overseen]
    if not cards:
        raise Http404
    if len(cards) == 1:
        return redirect("safety:today", cards[0].key)
    return render(request, "cohorts/studies.html", {"cards": cards, "as_of": clock.now()})


@require_GET
def show_today(request: HttpRequest, key: str) -> HttpResponse:
    """What needs somebody, in order of harm; the ladder; enrolment; what happened."""
    viewer = _overseer(request, key)
    now = clock.now()
    context = {
        "study": viewer.study,
        "today": read_today(viewer, now=now),
        "page": ladder(viewer.study, viewer=viewer, now=now),
        "rde": read_rde_line(viewer.study),
        "as_of": now,
    }
    return render(request, "safety/manage/today.html", context)


@require_GET
def show_calendar(request: HttpRequest, key: str) -> HttpResponse:
    """Two weeks of every site: lymphodepletion, infusions, windows."""
    viewer = _overseer(request, key)
    start = _day(request.GET.get("from", ""))
    calendar = read_calendar(viewer, now=clock.now(), start=start)
    context = {"study": viewer.study, "calendar": calendar}
    return render(request, "safety/manage/calendar.html", context)


@require_GET
def show_ahead(request: HttpRequest, key: str) -> HttpResponse:
    """Every turn the trial can take from here, a few cohorts deep."""
    viewer = _overseer(request, key)
    depths = [str(number) for number in range(1, MOST_AHEAD + 1)]
    asked = request.GET.get("cohorts", "")
    ahead = read_ahead(viewer, cohorts=int(asked) if asked in depths else 1, now=clock.now())
    chart = None
    if ahead.now is not None and ahead.now.turns:
        study = viewer.study
        chart = draw_turns(ahead.drawn, of=study.protocol_number or study.key)
    context = {"study": viewer.study, "ahead": ahead, "depths": depths, "chart": chart}
    return render(request, "safety/manage/ahead.html", context)


@require_GET
def show_design(request: HttpRequest, key: str) -> HttpResponse:
    """What the design would do under supposed true DLT rates, exactly."""
    viewer = _overseer(request, key)
    form = RatesForm(request.GET or None, levels=ladder_of(viewer))
    entered = form.rates() if form.is_valid() else None
    context = {
        "study": viewer.study,
        "form": form,
        "design": read_design_page(viewer, entered=entered),
        "as_of": clock.now(),
    }
    return render(request, "safety/manage/design.html", context)


def _overseer(request: HttpRequest, key: str) -> Viewer:
    """Manager, monitor or auditor of the study; for everybody else it is not there."""
    viewer = viewer_for(request, key)
    if not may_read_today(viewer):
        raise Http404
    return viewer


def _day(asked: str) -> date | None:
    """A day as 2026-11-23; nothing for what is no day of a trial."""
    try:
        day = date.fromisoformat(asked)
    except ValueError:
        return None
    return day if day.year in _YEARS else None
