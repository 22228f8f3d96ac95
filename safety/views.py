"""Participants: their list, and one participant's page, made of panels."""

from __future__ import annotations

from collections.abc import Callable
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
    viewer_of,
)
from cohorts.queries.consents import read_participant_consents
from dosing.queries import read_measurement_panel, read_medications
from ntrust import clock
from ntrust.models import User
from ntrust.states import Role
from safety.queries import read_statement

Panel = tuple[str, Callable[..., Any]]
PANELS: Final[tuple[Panel, ...]] = (
    ("safety/panels/statement.html", read_statement),
    ("cohorts/panels/consents.html", read_participant_consents),
    ("dosing/panels/measurements.html", read_measurement_panel),
    ("dosing/panels/medications.html", read_medications),
    ("cohorts/panels/deviations.html", read_participant_deviations),
)
"""Template and the query that fills it as `panel`: (participant, viewer=, now=)."""

_READERS: Final = frozenset(
    role.label
    for role in (
        Role.STUDY_MANAGER,
        Role.MEDICAL_MONITOR,
        Role.INVESTIGATOR,
        Role.PHARMACIST,
        Role.AUDITOR,
    )
)


@require_GET
def participants(request: HttpRequest, key: str) -> HttpResponse:
    """The participants this person may know."""
    viewer = _viewer(request, key)
    context = {"study": viewer.study, "rows": list_participants(viewer), "viewer": viewer}
    return render(request, "safety/participants.html", context)


@require_GET
def participant(request: HttpRequest, key: str, number: str) -> HttpResponse:
    """Everything about one participant, and what can be done next."""
    viewer = _viewer(request, key)
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
    filled = [(name, query(person, viewer=viewer, now=now)) for name, query in PANELS]
    return [{"template": name, "panel": panel} for name, panel in filled if panel is not None]


def _viewer(request: HttpRequest, key: str) -> Viewer:
    """Who looks: a member, but not the committee, which reads packets under subject numbers."""
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    viewer = viewer_of(request.user, key)
    if viewer is None or not _READERS & set(viewer.roles):
        raise Http404
    return viewer
