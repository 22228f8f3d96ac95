"""Participants: their list, and one participant's page, made of panels."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from cohorts.models import Participant
from cohorts.queries import (
    Viewer,
    find_participant,
    list_participants,
    read_participant_deviations,
    read_seat,
    viewer_of,
)
from cohorts.queries.consents import read_participant_consents
from cohorts.queries.screening import read_screening
from cohorts.queries.words import name_answer, name_flag
from cohorts.states import ParticipantState
from dosing.queries import read_courses, read_infusions, read_measurement_panel, read_medications
from ntrust import clock
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.states import Role
from safety.queries import (
    gate_ledger,
    may_read_ledger,
    read_next,
    read_statement,
    read_take_overs,
)
from safety.spreadsheets import MOST_BYTES, make_template, read_workbook
from safety.takeover import SHEETS, Book, DryRun, dry_run

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

_TAKES_OVER: Final = {Role.STUDY_MANAGER.label, Role.MEDICAL_MONITOR.label}
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
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


@require_http_methods(["GET", "POST"])
def take_over(request: HttpRequest, key: str) -> HttpResponse:
    """Check the spreadsheet of a trial that runs elsewhere, and say what would follow; what is
    staged and signed. Nothing is kept here."""
    viewer = _viewer(request, key)
    if not _TAKES_OVER & set(viewer.roles):
        raise PermissionDenied
    context: dict[str, Any] = {
        "study": viewer.study,
        "as_of": clock.now(),
        "sheets": SHEETS,
        "staged": read_take_overs(viewer.study),
        "may_stage": viewer.holds([Role.STUDY_MANAGER]),
    }
    status = 200
    if request.method == "POST":
        try:
            found = dry_run(_uploaded(request), study=viewer.study, now=clock.now())
            status = 422 if found.faults else 200
            context |= {"found": found, "said": _say(found)}
        except Refused as refusal:
            status = 409
            context["refusal"] = refusal
    return render(request, "safety/take_over.html", context, status=status)


@require_GET
def take_over_template(request: HttpRequest, key: str) -> HttpResponse:
    """The workbook to fill in."""
    viewer = _viewer(request, key)
    if not _TAKES_OVER & set(viewer.roles):
        raise PermissionDenied
    answer = HttpResponse(make_template(), content_type=_XLSX)
    answer["Content-Disposition"] = 'attachment; filename="take-over.xlsx"'
    return answer


def _uploaded(request: HttpRequest) -> Book:
    file = request.FILES.get("workbook")
    if file is None:
        raise Refused("bad_spreadsheet", "Choose the workbook.")
    return read_workbook(file.read(MOST_BYTES + 1))


def _say(found: DryRun) -> dict[str, Any] | None:
    """What the rules would say, in the words of every other page."""
    advice = found.advice
    if advice is None:
        return None
    answers = (advice.answer, *advice.bounds)
    now, *bounds = [name_answer(one.verdict, one.level, one.outcome, one.mtd) for one in answers]
    return {"now": now, "bounds": bounds, "flags": [name_flag(flag) for flag in advice.flags]}


@require_GET
def show_gates(request: HttpRequest, key: str) -> HttpResponse:
    """Why can't we enrol or dose now, and when can we?"""
    viewer = _viewer(request, key)
    if not may_read_ledger(viewer):
        raise Http404
    now = clock.now()
    steps = gate_ledger(viewer.study, now=now, viewer=viewer)
    context = {"study": viewer.study, "viewer": viewer, "steps": steps, "as_of": now}
    return render(request, "safety/gates.html", context)


def _fill(person: Participant, viewer: Viewer, now: datetime) -> list[dict[str, Any]]:
    panels = _in_order(person)
    filled = [(name, query(person, viewer=viewer, now=now)) for name, query in panels]
    return [{"template": name, "panel": panel} for name, panel in filled if panel is not None]


def _in_order(person: Participant) -> tuple[Panel, ...]:
    """What is next, what this participant is about, and the rest."""
    first = _FIRST.get(person.state, ())
    return (PANELS[0], *first, *(panel for panel in PANELS[1:] if panel not in first))


def _viewer(request: HttpRequest, key: str) -> Viewer:
    """Who looks: a member, but not the committee, which reads packets under subject numbers."""
    assert isinstance(request.user, User)  # the log-in middleware lets nobody else through
    viewer = viewer_of(request.user, key)
    if viewer is None or not _READERS & set(viewer.roles):
        raise Http404
    return viewer
