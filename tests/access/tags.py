"""What every act of the API is answered that does not say what was read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.test import Client
from django.urls import get_resolver

from ntrust.api.endpoints import ActEndpoint
from ntrust.models import User
from safety.management.conduct import Conduct
from tests.access.places import fill, rows_of
from tests.access.routes import Route, routes
from tests.access.walking import quickly
from tests.factories import client_of

ASKERS: Final = ("manager", "monitor", "investigator", "pharmacist", "data monitor")
Said = tuple[int, str]


def acts(*, alerts: bool) -> list[Route]:
    """The acts of the API that are alerts, or the others."""
    return [
        route
        for route in routes(get_resolver())
        if issubclass(getattr(route.view, "cls", object), ActEndpoint)
        and _act_of(route).refuses_stale is not alerts
    ]


def _act_of(route: Route) -> Any:
    return route.view.view_initkwargs.get("act_class") or route.view.cls.act_class


def ask_acts(
    trial: Conduct, people: Mapping[str, User], wanted: list[Route], **headers: str
) -> dict[tuple[str, str], Said]:
    """Send nothing to each act, as everybody who may read it: status and code by address and
    asker."""
    found = {}
    with quickly(trial):
        clients = {name: client_of(people[name]) for name in ASKERS}
        rows = rows_of(trial)
        for route in wanted:
            address = fill(route, rows, key="trial")
            for name, client in clients.items():
                if "ETag" in client.get(address).headers:
                    found[route.shown, name] = _post(client, address, **headers)
    return found


def _post(client: Client, address: str, **headers: str) -> Said:
    """The answer to nothing; whatever it writes is undone."""
    point = transaction.savepoint()
    answer = client.post(
        address,
        "{}",
        content_type="application/json",
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
    transaction.savepoint_rollback(point)
    return answer.status_code, answer.json().get("code", "")
