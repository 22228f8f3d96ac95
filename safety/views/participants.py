"""Participants: their list, and one participant's page, made of panels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from cohorts.models import Participant
from cohorts.queries import (
    Viewer,
    find_participant,
    list_participants,
    read_participant_deviations,
    read_seat,
)
from cohorts.queries.consents import read_participant_consents
from cohorts.queries.participants import asked_of
from cohorts.queries.screening import read_screening
from cohorts.states import ParticipantState
from dosing.queries import read_courses, read_infusions, read_measurement_panel, read_medications
from ntrust import clock
from safety.queries import (
    read_data_panel,
    read_next,
    read_statement,
)
from safety.views.viewers import viewer_for

Panel = tuple[str, Callable[..., Any]]
_STATEMENT: Final[Panel] = ("safety/panels/statement.html", read_statement)
_SEAT: Final[Panel] = ("cohorts/panels/seat.html", read_seat)
_COURSE: Final[Panel] = ("dosing/panels/course.html", read_courses)
_INFUSIONS: Final[Panel] = ("dosing/panels/infusions.html", read_infusions)
_SCREENING: Final[Panel] = ("cohorts/panels/screening.html", read_screening)
_CONSENTS: Final[Panel] = ("cohorts/panels/consents.html", read_participant_consents)
PANELS: Final[tuple[Panel, ...]] = (
    ("safety/panels/next.html", read_next),
    _STATEMENT,
    _INFUSIONS,
    _COURSE,
    _SEAT,
    _SCREENING,
    _CONSENTS,
    ("dosing/panels/measurements.html", read_measurement_panel),
    ("dosing/panels/medications.html", read_medications),
    ("cohorts/panels/deviations.html", read_participant_deviations),
    ("safety/panels/data.html", read_data_panel),
)
"""Template and the query that fills it as `panel`: (participant, viewer=, now=)."""

_FIRST: Final[Mapping[str, tuple[Panel, ...]]] = {
    ParticipantState.SCREENING: (_SCREENING, _CONSENTS),
    ParticipantState.SCREEN_FAILED: (_SCREENING, _CONSENTS),
    ParticipantState.ELIGIBLE: (_SEAT, _SCREENING),
    ParticipantState.SLOTTED: (_COURSE, _SEAT, _SCREENING),
    ParticipantState.CONDITIONING: (_COURSE, _INFUSIONS),
}
"""What a participant in this state is about; it follows what is next."""


@require_GET
def participants(request: HttpRequest, key: str) -> HttpResponse:
    """The participants this person may know."""
    viewer = viewer_for(request, key)
    asked = asked_of(request.GET.dict())
    context = {
        "study": viewer.study,
        "rows": list_participants(viewer, asked),
        "viewer": viewer,
        "asked": list(asked.values()),
    }
    return render(request, "safety/participants.html", context)


@require_GET
def participant(request: HttpRequest, key: str, number: str) -> HttpResponse:
    """Everything about one participant, and what can be done next."""
    viewer = viewer_for(request, key)
    person = find_participant(viewer, number)
    if person is None:
        raise Http404
    now = clock.now()
    context = {
        "study": viewer.study,
        "participant": person,
        "viewer": viewer,
        "zone": person.site.timezone,
        "as_of": now,
        "panels": _fill(person, viewer, now),
    }
    return render(request, "safety/participant.html", context)


def _fill(person: Participant, viewer: Viewer, now: datetime) -> list[dict[str, Any]]:
    panels = _in_order(person)
    filled = [(name, query(person, viewer=viewer, now=now)) for name, query in panels]
    return [{"template": name, "panel": panel} for name, panel in filled if panel is not None]


def _in_order(person: Participant) -> tuple[Panel, ...]:
    """What is next, what this participant is about, and the rest."""
    first = _FIRST.get(person.state, ())
    return (PANELS[0], *first, *(panel for panel in PANELS[1:] if panel not in first))
