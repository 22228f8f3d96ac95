"""The files of the list that a page of a study shows, for those who may take it away."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlencode

from django import template
from django.http import HttpRequest
from django.urls import reverse
from django.utils.module_loading import import_string

from ntrust.models import Study, User
from safety.exports import FORMS
from safety.queries.records import reading_of
from safety.queries.shown import filter_of

register = template.Library()

PAGES: Final = {
    "safety:participants": "participants",
    "cohorts:screening_log": "screenings",
    "cohorts:queue": "slots",
    "dosing:in_flight": "in-flight",
    "dosing:calls": "calls",
    "dosing:lots": "lots",
    "safety:events": "adverse-events",
    "safety:reports": "dlt-reports",
    "cohorts:deviations": "deviations",
    "safety:queries": "queries",
    "cohorts:holds": "holds",
    "safety:decisions": "decisions",
    "safety:reviews": "reviews",
    "cohorts:protocols": "protocols",
    "cohorts:sites": "sites",
    "cohorts:trail": "events",
}
"""The name of a page's address to its record list."""

# By name, as the lists' library loads every library of tags while it is itself being loaded.
_FIND: Final = "safety.admin.record_list"


@register.inclusion_tag("safety/record_files.html", takes_context=True)
def record_files(context: dict[str, Any]) -> dict[str, Any]:
    """Ways to the files of what this page shows, and for those who read a whole study to the record
    list, filtered to this one; nothing where there is none for this person."""
    request, study = context.get("request"), context.get("study")
    match = request.resolver_match if isinstance(request, HttpRequest) else None
    name = PAGES.get(match.view_name, "") if match else ""
    user = request.user if request else None
    if not (name and request and isinstance(study, Study) and isinstance(user, User)):
        return {"files": ()}
    reading = reading_of(user)
    if study.pk not in reading.studies(name) and not reading.sites(name, study.pk):
        return {"files": ()}
    one = import_string(_FIND)(name)
    asked = filter_of(name, request.GET.dict())
    end = f"?{urlencode(asked)}" if asked else ""
    links = {form: reverse("safety:export_list", args=[study.key, name, form]) for form in FORMS}
    return {
        "csrf_token": context.get("csrf_token"),
        "files": tuple((form, f"{link}{end}") for form, link in links.items()),
        "title": one.title,
        "is_filtered": bool(asked),
        "whole": one.address_of(study.key) if study.pk in reading.studies(name) else "",
    }
