"""The investigator's and pharmacist's pages, /site/: their own participants and no others."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cohorts.models import Participant
from cohorts.queries import Viewer, find_participant, viewer_of
from dosing.queries import read_courses, read_infusions
from ntrust import clock
from ntrust.acts import DayField
from ntrust.models import User
from safety.queries import gate_ledger
from safety.queries.calendar import read_calendar
from safety.queries.site_home import may_open_site, read_card, read_cards, read_site_home
from safety.queries.site_sent import find_sent, read_sent


def site_viewer(request: HttpRequest, key: str) -> Viewer:
    """Who looks: an investigator or pharmacist; for everybody else the page is not there."""
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    viewer = viewer_of(request.user, key)
    if viewer is None or not may_open_site(viewer):
        raise Http404
    return viewer


def _own(viewer: Viewer, number: str) -> Participant:
    """The participant of that number at one of the viewer's sites."""
    person = find_participant(viewer, number)
    if person is None or person.site_id not in viewer.site_ids:
        raise Http404
    return person


@require_GET
def site_home(request: HttpRequest, key: str) -> HttpResponse:
    """What is urgent, what is owed, and everybody's next step."""
    viewer, now = site_viewer(request, key), clock.now()
    context = {
        "study": viewer.study,
        "viewer": viewer,
        "home": read_site_home(viewer, now=now),
        "as_of": now,
    }
    return render(request, "safety/site/home.html", context)


@require_GET
def site_gates(request: HttpRequest, key: str, number: str) -> HttpResponse:
    """A part of a card: what is in the way of the next step."""
    viewer = site_viewer(request, key)
    person, now = _own(viewer, number), clock.now()
    steps = gate_ledger(viewer.study, now=now, viewer=viewer, participant=person)
    context = {"step": steps[0] if steps else None, "zone": person.site.timezone}
    return render(request, "safety/site/gates.html", context)


@require_GET
def site_report(request: HttpRequest, key: str) -> HttpResponse:
    """Whom the event concerns: the first step of a report."""
    viewer, now = site_viewer(request, key), clock.now()
    if not viewer.investigates:
        raise Http404
    cards = [card for card in read_cards(viewer, now=now) if card.can_report]
    context = {"study": viewer.study, "viewer": viewer, "cards": cards, "as_of": now}
    return render(request, "safety/site/choose.html", context)


@require_GET
def site_sent(request: HttpRequest, key: str, event: int) -> HttpResponse:
    """What was sent, who is told, and what comes next."""
    viewer, now = site_viewer(request, key), clock.now()
    found = find_sent(viewer, event)
    if found is None:
        raise Http404
    context = {
        "study": viewer.study,
        "viewer": viewer,
        "sent": read_sent(found, viewer=viewer, now=now),
        "zone": found.participant.site.timezone,
        "as_of": now,
    }
    return render(request, "safety/site/sent.html", context)


@require_GET
def site_calendar(request: HttpRequest, key: str) -> HttpResponse:
    """Who is in lymphodepletion, is dosed or in the DLT window, for the two weeks from `from`."""
    viewer, now = site_viewer(request, key), clock.now()
    own = replace(viewer, sees_every_site=False)
    start = _day(request.GET.get("from", ""))
    context = {
        "study": viewer.study,
        "viewer": viewer,
        "calendar": read_calendar(own, now=now, start=start),
        "as_of": now,
    }
    return render(request, "safety/site/calendar.html", context)


def _day(asked: str) -> date | None:
    """A day of an address; None for what is none, and outside the years of any trial."""
    try:
        day: date = DayField().clean(asked)
    except ValidationError:
        return None
    return day


@require_GET
def site_today(request: HttpRequest, key: str, number: str) -> HttpResponse:
    """A dosing day: what must be clear, the lot, the cells, the times, and what to enter next."""
    viewer = site_viewer(request, key)
    person, now = _own(viewer, number), clock.now()
    steps = gate_ledger(viewer.study, now=now, viewer=viewer, participant=person)
    infusions = read_infusions(person, viewer=viewer, now=now)
    context = {
        "study": viewer.study,
        "viewer": viewer,
        "participant": person,
        "zone": person.site.timezone,
        "card": read_card(person, viewer=viewer, now=now),
        "step": steps[0] if steps else None,
        "infusions": infusions,
        "courses": read_courses(person, viewer=viewer, now=now),
        "as_of": now,
    }
    return render(request, "safety/site/today.html", context)
