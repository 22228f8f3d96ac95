"""The navigation of a study's pages: what this person may open, in one list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django import template
from django.http import HttpRequest
from django.urls import reverse

from ntrust.models import Study, User
from ntrust.policies import roles_of
from ntrust.states import Role

register = template.Library()

_CENTRAL: Final = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.AUDITOR)
_EVERYBODY: Final = tuple(Role)
PAGES: Final = (
    ("cohorts:ladder", "Ladder", _EVERYBODY),
    ("cohorts:path", "Path", _EVERYBODY),
    ("safety:participants", "Participants", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("cohorts:queue", "Seats", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("safety:gates", "Gates", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("dosing:calls", "Calls", _CENTRAL),
    ("dosing:lots", "Lots", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("dosing:trends", "Trends", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("cohorts:screening_log", "Screening", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("cohorts:deviations", "Deviations", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("cohorts:protocols", "Protocol", _EVERYBODY),
    ("cohorts:consents", "Consents", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("cohorts:sites", "Sites", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("safety:take_over", "Take over", (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)),
    ("cohorts:trail", "Trail", _CENTRAL),
)
"""Name of the address, words, and who sees the link. The pages themselves check again."""


@dataclass(frozen=True)
class Link:
    url: str
    label: str
    is_here: bool


@register.simple_tag(takes_context=True)
def study_nav(context: dict[str, Any]) -> list[Link]:
    """Links for the person who looks at `study`; none without either."""
    request, study = context.get("request"), context.get("study")
    if not (isinstance(request, HttpRequest) and isinstance(study, Study)):
        return []
    if not isinstance(request.user, User):
        return []
    match = request.resolver_match
    here = f"{match.app_name}:{match.url_name}" if match else ""
    roles = roles_of(request.user, study)
    links = [Link(reverse("cohorts:studies"), "My studies", False)]
    for name, label, readers in PAGES:
        if roles & {str(role) for role in readers}:
            links.append(Link(reverse(name, args=[study.key]), label, name == here))
    return links
