"""Every address, asked as everybody."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.test import override_settings
from django.urls import get_resolver

from ntrust import clock
from ntrust.models import User
from safety.management.conduct import Conduct
from tests.access.asking import Browser, new_handler
from tests.access.places import ANOTHER, OTHER, STUDIES, Asked, fill, rows_of
from tests.access.routes import Route, routes
from tests.everybody import everybody

METHODS: Final = ("GET", "POST")
_THERE: Final = "of another study, there"
_ASKED_FIRST: Final = ("nobody", "manager", "committee", "investigator", "pharmacist elsewhere")
PEOPLE: Final = (
    "nobody",
    "manager",
    "monitor",
    "data monitor",
    "committee",
    "auditor",
    "investigator",
    "investigator elsewhere",
    "pharmacist",
    "pharmacist elsewhere",
    "superuser",
    "revoked",
    "of another study",
    _THERE,
)
"""Who asks, one letter each in a row. "Of another study" holds every role there, and asks about
this study; "there" the same person asks about their own study, with the numbers of this study's
rows. Who was never in a study can do no more than whose roles are revoked."""


@dataclass
class Walked:
    """What everybody was answered: address to a letter each, by method; and who read of whom.
    `people`: those who asked, by what they are."""

    people: Mapping[str, User]
    letters: dict[str, dict[str, str]] = field(default_factory=dict)
    read: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)


def every_route() -> list[Route]:
    """Each address once; the resolver answers with the first of those that are the same."""
    first: dict[str, Route] = {}
    for route in routes(get_resolver()):
        first.setdefault(route.shown, route)
    return list(first.values())


@contextmanager
def quickly(trial: Conduct) -> Iterator[None]:
    """In the trial's time; nobody asks too often, sessions are in their cookies, and the middleware
    of static files is left out: neither has a say in who gets in, and both take time."""
    told, clock.now = clock.now, lambda: trial.now
    was = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with override_settings(
            SESSION_SAVE_EVERY_REQUEST=False,
            SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
            API_REQUESTS_A_MINUTE=10**6,
            MIDDLEWARE=[one for one in settings.MIDDLEWARE if not one.startswith("whitenoise.")],
        ):
            yield
    finally:
        clock.now = told
        logging.disable(was)


def walk(trial: Conduct) -> Walked:
    """Ask for every address as everybody, with an empty form; nothing of it is kept."""
    known = everybody(trial)
    another = User.objects.get(username=ANOTHER)
    users = {name: known.get(name, another) for name in PEOPLE if name != "nobody"}
    found = Walked(known)
    with quickly(trial):
        handler = new_handler()
        browsers = {name: Browser(users.get(name), handler) for name in PEOPLE}
        rows = rows_of(trial)
        for route in every_route():
            found.letters[route.shown] = {
                method: _ask_all(found, method, route, browsers, rows) for method in METHODS
            }
    return found


def _ask_all(
    found: Walked,
    method: str,
    route: Route,
    browsers: Mapping[str, Browser],
    rows: Mapping[Asked, Any],
) -> str:
    """Everybody's letters. What the address takes from none of five is not asked of all others:
    whether it takes a method is said before anybody is looked at."""
    first = {name: _ask(found, method, route, name, browsers[name], rows) for name in _ASKED_FIRST}
    others = [name for name in PEOPLE if name not in first]
    if set(first.values()) - {"l"} == {"m"}:
        said = {name: "_" if _is_left_out(name, route) else "m" for name in others}
    else:
        said = {name: _ask(found, method, route, name, browsers[name], rows) for name in others}
    return "".join({**first, **said}[name] for name in PEOPLE)


def _ask(  # noqa: PLR0913 - one question
    found: Walked, method: str, route: Route, name: str, browser: Browser, rows: Mapping[Asked, Any]
) -> str:
    if _is_left_out(name, route):
        return "_"
    key = {"key": OTHER, "paper": OTHER} if name == _THERE else {"key": "trial"}
    address = fill(route, rows, **key)
    letter, numbers = browser.ask(method, address)
    if numbers:
        found.read[name, f"{method} {route.shown}"] = numbers
    return letter


def _is_left_out(name: str, route: Route) -> bool:
    """Whether there is nothing to ask: no study's key stands in the address."""
    of_a_study = any(name == "key" and before in STUDIES for before, name in route.asked)
    return name == _THERE and not of_a_study
