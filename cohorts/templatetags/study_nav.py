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
HOME: Final = "My studies"
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

FIRST: Final = {
    Role.STUDY_MANAGER: ("Ladder", "Gates", "Participants", "Seats", "Screening"),
    Role.MEDICAL_MONITOR: ("Ladder", "Gates", "Participants", "Calls", "Deviations"),
    Role.INVESTIGATOR: ("Participants", "Gates", "Seats", "Screening", "Ladder"),
    Role.PHARMACIST: ("Lots", "Participants", "Gates", "Seats", "Ladder"),
    Role.COMMITTEE: ("Ladder", "Path", "Protocol", HOME),
    Role.AUDITOR: ("Ladder", "Path", "Participants", "Deviations", "Trail"),
}
"""What a role needs most, in that order; the rest is folded. The first role held decides."""


@dataclass(frozen=True)
class Link:
    url: str
    label: str
    is_here: bool


@dataclass(frozen=True)
class Nav:
    """Links in sight, and those folded under one word: `here` when the page is among them."""

    first: tuple[Link, ...]
    more: tuple[Link, ...]
    here: str


@register.simple_tag(takes_context=True)
def study_nav(context: dict[str, Any]) -> Nav:
    """Links for the person who looks at `study`; none without either."""
    request, study = context.get("request"), context.get("study")
    if not (isinstance(request, HttpRequest) and isinstance(study, Study)):
        return Nav((), (), "")
    if not isinstance(request.user, User):
        return Nav((), (), "")
    match = request.resolver_match
    here = f"{match.app_name}:{match.url_name}" if match else ""
    roles = roles_of(request.user, study)
    links = {HOME: Link(reverse("cohorts:studies"), HOME, False)}
    for name, label, readers in PAGES:
        if roles & {str(role) for role in readers}:
            links[label] = Link(reverse(name, args=[study.key]), label, name == here)
    wanted = next((labels for role, labels in FIRST.items() if str(role) in roles), ())
    more = tuple(link for label, link in links.items() if label not in wanted)
    return Nav(
        first=tuple(links[label] for label in wanted),
        more=more,
        here=next((link.label for link in more if link.is_here), ""),
    )
