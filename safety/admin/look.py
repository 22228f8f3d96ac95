"""How the record lists look: the house's colours, the way to all other pages, the training sign."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.module_loading import import_string

from ntrust.states import Role
from safety.admin.site import reading, records
from safety.queries.records import Reading

_GROUPS: Final = (
    ("People", "group", ("participants", "screenings", "slots")),
    (
        "Treatment",
        "vaccines",
        ("lymphodepletion", "infusions", "in-flight", "calls", "lots"),
    ),
    (
        "Safety",
        "health_and_safety",
        ("adverse-events", "dlt-reports", "statements", "deviations", "queries"),
    ),
    (
        "Escalation",
        "stairs",
        ("levels", "cohorts", "decisions", "reviews", "holds", "protocols", "sites"),
    ),
    ("Trail", "history", ("events", "notifications", "deliveries", "roles")),
)
_HERE: Final = f"{records.name}:index"
"""The one of a study's pages that is no study's: this site."""
# Weight to colour: the tokens of ntrust.css, from the lightest paper to the darkest ink.
_BASE: Final = {
    "50": "#f6f7f9",
    "100": "#eef1f4",
    "200": "#dde3ea",
    "300": "#c3cdd7",
    "400": "#9aabba",
    "500": "#5b6b7a",
    "600": "#45535f",
    "700": "#2b3a48",
    "800": "#18222c",
    "900": "#0f161d",
    "950": "#0a1015",
}
_ACCENT: Final = {
    "50": "#e6f1f6",
    "100": "#cfe5ee",
    "200": "#a9d5e6",
    "300": "#8acce4",
    "400": "#6cc4e3",
    "500": "#6cc4e3",
    "600": "#0b5c7a",
    "700": "#094d66",
    "800": "#16303d",
    "900": "#12262f",
    "950": "#0c1a21",
}
_TRAINING: Final = {
    "50": "#fff4dc",
    "100": "#ffe3a8",
    "200": "#f8d183",
    "300": "#f5c972",
    "400": "#f2c063",
    "500": "#f2c063",
    "600": "#8a5a00",
    "700": "#734b00",
    "800": "#4a3a14",
    "900": "#3a2c0c",
    "950": "#241b07",
}
_FONT: Final = {
    "subtle-light": "#5b6b7a",
    "subtle-dark": "#9aabba",
    "default-light": "#14202b",
    "default-dark": "#e8eef4",
    "important-light": "#14202b",
    "important-dark": "#e8eef4",
}


@dataclass(frozen=True)
class Group:
    """Record lists that belong together: name, address and words of each."""

    title: str
    icon: str
    lists: tuple[tuple[str, str, str], ...]


def is_training() -> bool:
    """Whether nothing here is a real participant."""
    return bool(settings.NTRUST_MODE == "training")


def environment(request: HttpRequest) -> list[str] | None:
    """The sign in the head of every list of a training copy."""
    return ["TRAINING", "warning"] if is_training() else None


def colours(request: HttpRequest) -> dict[str, dict[str, str]]:
    """The house's colours; a training copy has another accent."""
    accent = _TRAINING if is_training() else _ACCENT
    return {"base": dict(_BASE), "primary": dict(accent), "font": dict(_FONT)}


def stylesheet(request: HttpRequest) -> str:
    """The few rules of our own."""
    return static("ntrust/records.css")


def favicon(request: HttpRequest) -> str:
    """The house's own."""
    return static("ntrust/icon.svg")


def groups(request: HttpRequest) -> tuple[Group, ...]:
    """The record lists that this person reads, by subject."""
    known: Any = records._registry.values()
    lists = {one.name: one for one in known if one.has_view_permission(request)}
    found = []
    for title, icon, names in _GROUPS:
        lines = tuple(
            (name, reverse(lists[name].addresses["changelist"]), lists[name].title)
            for name in names
            if name in lists
        )
        if lines:
            found.append(Group(title, icon, lines))
    return tuple(found)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The first page: every list."""
    return {**context, "groups": groups(request)}


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The side: the record lists, then each study's own pages, where the actions are."""
    held = reading(request)
    lists = [
        {
            "title": group.title,
            "items": [{"title": words, "link": address} for _, address, words in group.lists],
        }
        for group in groups(request)
    ]
    return [*lists, *(_study_pages(held, study) for study in held.keys if _is_read(held, study))]


def _study_pages(held: Reading, study: int) -> dict[str, Any]:
    """The pages of a study that this person may open."""
    key = held.keys[study]
    roles = {role for where, role, _ in held.held if where == study}
    pages: tuple[tuple[str, str, tuple[Role, ...]], ...] = import_string(settings.NTRUST_PAGES)
    items = [
        {"title": words, "link": reverse(name, args=[key])}
        for name, words, readers in pages
        if name != _HERE and roles & {str(role) for role in readers}
    ]
    return {"title": key, "separator": True, "collapsible": True, "items": items}


def _is_read(held: Reading, study: int) -> bool:
    return study in held.studies("participants")
