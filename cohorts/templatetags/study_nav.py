"""The navigation of a study's pages: what this person may open, in one list."""

from __future__ import annotations

from collections.abc import Iterator
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
_DATA: Final = (*_CENTRAL, Role.DATA_MONITOR)
_EVERYBODY: Final = tuple(Role)
PAGES: Final = (
    ("safety:today", "Today", _CENTRAL),
    ("safety:calendar", "Calendar", _CENTRAL),
    ("safety:site", "My site", (Role.INVESTIGATOR, Role.PHARMACIST)),
    ("cohorts:ladder", "Ladder", _EVERYBODY),
    ("cohorts:path", "Path", _EVERYBODY),
    ("cohorts:part_2", "Part 2", _EVERYBODY),
    ("safety:ahead", "Look-ahead", _CENTRAL),
    ("safety:design", "What the design does", _CENTRAL),
    ("safety:decisions", "Decisions", _EVERYBODY),
    ("safety:committee", "Packets", (*_CENTRAL, Role.COMMITTEE)),
    ("safety:reviews", "Reviews", (*_CENTRAL, Role.COMMITTEE)),
    ("safety:participants", "Participants", (*_DATA, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("safety:events", "Events", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("safety:swimmer", "Day by day", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("safety:reports", "DLT reports", (*_CENTRAL, Role.INVESTIGATOR)),
    ("cohorts:queue", "Seats", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("safety:gates", "Gates", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("cohorts:holds", "Holds", _EVERYBODY),
    (
        "dosing:in_flight",
        "In flight",
        (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST),
    ),
    ("dosing:calls", "Calls", _CENTRAL),
    ("dosing:lots", "Lots", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("dosing:trends", "Trends", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("cohorts:screening_log", "Screening", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("safety:undelivered", "Undelivered", _CENTRAL),
    ("cohorts:deviations", "Deviations", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("safety:queries", "Queries", (*_DATA, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("safety:data", "Data", _DATA),
    ("cohorts:protocols", "Protocol", _EVERYBODY),
    ("cohorts:consents", "Consents", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("cohorts:sites", "Sites", (*_CENTRAL, Role.INVESTIGATOR, Role.PHARMACIST)),
    ("safety:take_over", "Take over", (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR)),
    ("cohorts:trail", "Trail", _CENTRAL),
    ("safety:audit", "Audit", (*_CENTRAL, Role.INVESTIGATOR)),
    ("safety:known", "As known on", _CENTRAL),
    ("safety:accounts", "Accounts", _CENTRAL),
    ("safety:on_call", "On call", _CENTRAL),
    ("safety:noise", "Noise", _CENTRAL),
    ("records:index", "Records", _DATA),
)
"""Name of the address, words, and who sees the link. The pages themselves check again."""
OF_ALL_STUDIES: Final = frozenset({"records:index"})
"""Pages that are not one study's: their addresses take no key."""

GROUPS: Final = (
    ("Today", ("Today", "My site", "Calendar", "Gates", "On call")),
    ("Cohorts", ("Ladder", "Path", "Seats", "Look-ahead", "What the design does", "Part 2")),
    (
        "Participants",
        (
            "Participants",
            "Day by day",
            "Screening",
            "Consents",
            "Lots",
            "Trends",
            "Queries",
            "Data",
        ),
    ),
    (
        "Safety",
        ("DLT reports", "Events", "Holds", "In flight", "Calls", "Deviations", "Undelivered"),
    ),
    ("Decisions", ("Decisions", "Packets", "Reviews")),
    ("Protocol", ("Protocol", "Sites", "Take over")),
    ("Audit", ("Trail", "Audit", "As known on", "Accounts", "Noise", "Records")),
)
"""The words of the main navigation, and the pages under each, in order. Pages in none of them
stand under `REST`."""
REST: Final = "More"

FIRST: Final = {
    Role.STUDY_MANAGER: ("Today", "Ladder", "Participants", "DLT reports", "Decisions"),
    Role.MEDICAL_MONITOR: ("Today", "Ladder", "Participants", "DLT reports", "Calls"),
    Role.INVESTIGATOR: ("My site", "Participants", "Seats", "Screening", "Ladder"),
    Role.PHARMACIST: ("My site", "Lots", "Participants", "Seats", "Ladder"),
    Role.COMMITTEE: ("Packets", "Decisions", "Ladder", "Path", "Protocol"),
    Role.DATA_MONITOR: ("Participants", "Queries", "Data", "Ladder", "Protocol"),
    Role.AUDITOR: ("Today", "Ladder", "Participants", "Deviations", "Trail"),
}
"""What a role needs most, in that order: where the word of a group leads. The first role held
decides; without an entry a word leads to its group's first page."""


@dataclass(frozen=True)
class Link:
    """A page. `is_here`: it is the one looked at; `is_within`: that one is below it."""

    url: str
    label: str
    is_here: bool
    is_within: bool = False


@dataclass(frozen=True)
class Group:
    """A word of the main navigation, with the pages under it that this person may open."""

    label: str
    url: str
    links: tuple[Link, ...]
    is_here: bool


@dataclass(frozen=True)
class Nav:
    """The groups, and the one in which the page looked at stands: none for a page of no group."""

    groups: tuple[Group, ...]

    @property
    def here(self) -> Group | None:
        return next((group for group in self.groups if group.is_here), None)


@register.simple_tag(takes_context=True)
def study_nav(context: dict[str, Any]) -> Nav:
    """What the person who looks at `study` may open; nothing without either."""
    request, study = context.get("request"), context.get("study")
    if not (isinstance(request, HttpRequest) and isinstance(study, Study)):
        return Nav(())
    if not isinstance(request.user, User):
        return Nav(())
    roles = roles_of(request.user, study)
    urls = {
        label: reverse(name, args=[] if name in OF_ALL_STUDIES else [study.key])
        for name, label, readers in PAGES
        if roles & {str(role) for role in readers}
    }
    top = reverse("cohorts:ladder", args=[study.key])
    here = _nearest(request.path, {url for url in urls.values() if url != top}) or (
        top if request.path == top else ""
    )
    links = {
        label: Link(url, label, url == request.path, url == here) for label, url in urls.items()
    }
    first = next((labels for role, labels in FIRST.items() if str(role) in roles), ())
    return Nav(tuple(_group(label, found, first) for label, found in _sort(links)))


def _nearest(path: str, urls: set[str]) -> str:
    """The address that is this page, or the closest one above it."""
    return max((url for url in urls if path.startswith(url)), key=len, default="")


def _sort(links: dict[str, Link]) -> Iterator[tuple[str, list[Link]]]:
    """Groups with something in them, each with its links in order."""
    grouped = {label for _, labels in GROUPS for label in labels}
    rest = tuple(label for label in links if label not in grouped)
    for name, labels in (*GROUPS, (REST, rest)):
        if found := [links[label] for label in labels if label in links]:
            yield name, found


def _group(label: str, links: list[Link], first: tuple[str, ...]) -> Group:
    by_label = {link.label: link for link in links}
    wanted = next((by_label[name] for name in first if name in by_label), links[0])
    return Group(label, wanted.url, tuple(links), any(link.is_within for link in links))
