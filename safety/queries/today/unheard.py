"""Alerts that would reach nobody: a role that has to be told has nobody in it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from cohorts.queries.words import HARM
from ntrust.models import Study
from ntrust.notifications.unheard import roles_without_anybody
from safety.queries.today.needs import Kind, Need, Open, gather

UNHEARD: Final = Kind(
    "UNHEARD",
    "Alerts reach no {name}",
    "Alerts reach nobody in {count} roles",
    "study manager, with the administrator",
    "cohorts:sites",
    HARM,
    "■",
)


def read_unheard(study: Study, *, now: datetime) -> Need | None:
    """One a role, and a site where it is a site's: nobody holds it who could be told."""
    return gather(
        UNHEARD,
        [
            Open(
                name := f"{role.label}{f' at {site.code}' if site else ''}",
                f"Nobody is {name}: what is urgent for them is told to nobody.",
            )
            for role, site in roles_without_anybody(study)
        ],
        now=now,
    )
