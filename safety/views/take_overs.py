"""The take-over of a trial that runs elsewhere: checked, and shown."""

from __future__ import annotations

from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from cohorts.queries.words import name_answer, name_flag
from ntrust import clock
from ntrust.errors import Refused
from ntrust.states import Role
from safety.queries import (
    read_take_overs,
)
from safety.spreadsheets import MOST_BYTES, make_template, read_workbook
from safety.takeover import SHEETS, Book, DryRun, dry_run
from safety.views.viewers import viewer_for

_TAKES_OVER: Final = {Role.STUDY_MANAGER.label, Role.MEDICAL_MONITOR.label}
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@require_http_methods(["GET", "POST"])
def take_over(request: HttpRequest, key: str) -> HttpResponse:
    """Check the spreadsheet of a trial that runs elsewhere, and say what would follow; what is
    staged and signed. Nothing is kept here."""
    viewer = viewer_for(request, key)
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
    viewer = viewer_for(request, key)
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
