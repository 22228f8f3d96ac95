"""One person of every kind, the data monitor among them."""

from __future__ import annotations

from typing import Any

from ntrust.models import User
from ntrust.states import Role
from safety.management.conduct import Conduct, enlist
from tests.factories import PASSWORD, cast


def everybody(trial: Conduct) -> dict[str, User]:
    """The cast of a trial with two sites, and its data monitor."""
    people = cast(trial)
    common: dict[str, Any] = {"study": trial.study, "password": PASSWORD, "now": trial.now}
    return {**people, "data monitor": enlist("data-monitor", role=Role.DATA_MONITOR, **common)}
