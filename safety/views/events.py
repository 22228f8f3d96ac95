"""Adverse events: the list, one event, and what the criteria would say of an alert."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from cohorts.models import Participant
from cohorts.policies import document_of
from cohorts.queries import find_participant
from ntrust import clock
from safety.forms.events import EventForm
from safety.queries import find_event, may_read_events, read_draft, read_event_page, read_events
from safety.views.viewers import viewer_for


@require_GET
def events(request: HttpRequest, key: str) -> HttpResponse:
    """The study's events, filtered; of their own site for people bound to one."""
    viewer = viewer_for(request, key)
    if not may_read_events(viewer):
        raise Http404
    now = clock.now()
    context = {
        "study": viewer.study,
        "viewer": viewer,
        "log": read_events(viewer, request.GET.dict(), now=now),
        "as_of": now,
    }
    return render(request, "safety/events.html", context)


@require_GET
def one_event(request: HttpRequest, key: str, event: int) -> HttpResponse:
    """One event: its course, what the criteria say, what people said, and what is owed."""
    viewer = viewer_for(request, key)
    found = find_event(viewer, event)
    if found is None:
        raise Http404
    now = clock.now()
    context = {
        "study": viewer.study,
        "viewer": viewer,
        "page": read_event_page(found, viewer=viewer, now=now),
        "zone": found.participant.site.timezone,
        "as_of": now,
    }
    return render(request, "safety/event.html", context)


@require_GET
def event_reading(request: HttpRequest, key: str, number: str) -> HttpResponse:
    """A part of a page: what the criteria would say of what is filled in. Nothing is kept."""
    viewer = viewer_for(request, key)
    person = find_participant(viewer, number)
    if person is None or not viewer.is_investigator_at(person.site_id):
        raise Http404
    rows = read_draft(person, _filled_in(request, person), now=clock.now())
    return render(request, "safety/readings.html", {"rows": rows, "zone": person.site.timezone})


def _filled_in(request: HttpRequest, person: Participant) -> dict[str, Any]:
    """The fields of the alert that are right so far."""
    with timezone.override(person.site.timezone):
        form = EventForm(request.GET)
        form.fit(document_of(person.protocol_version))
        form.is_valid()
    return form.cleaned_data
