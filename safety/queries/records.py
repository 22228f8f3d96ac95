"""Who reads which record list, over every site or their own; and the views people saved of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ntrust.models import Membership, User
from ntrust.states import Role
from safety.models import SavedView

CENTRAL: Final = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.AUDITOR)
DATA: Final = (*CENTRAL, Role.DATA_MONITOR)
_CREW: Final = (Role.INVESTIGATOR, Role.PHARMACIST)
_INVESTIGATOR: Final = (Role.INVESTIGATOR,)

RECORD_LISTS: Final[Mapping[str, tuple[Role, ...]]] = {
    "participants": DATA,
    "screenings": CENTRAL,
    "slots": CENTRAL,
    "lymphodepletion": CENTRAL,
    "infusions": CENTRAL,
    "in-flight": CENTRAL,
    "calls": CENTRAL,
    "lots": CENTRAL,
    "adverse-events": CENTRAL,
    "dlt-reports": CENTRAL,
    "statements": CENTRAL,
    "deviations": CENTRAL,
    "queries": DATA,
    "cohorts": DATA,
    "levels": DATA,
    "holds": DATA,
    "decisions": DATA,
    "reviews": CENTRAL,
    "protocols": DATA,
    "sites": CENTRAL,
    "roles": CENTRAL,
    "events": CENTRAL,
    "notifications": CENTRAL,
    "deliveries": CENTRAL,
}
"""Record list to who reads all of it, as on the study's own pages."""

FIGURES: Final[Mapping[str, tuple[Role, ...]]] = {"noise": CENTRAL}
"""What is no list of records, and is taken away as one: to who does."""

AT_SITES: Final[Mapping[str, tuple[Role, ...]]] = {
    "participants": _CREW,
    "screenings": _CREW,
    "slots": _CREW,
    "lymphodepletion": _CREW,
    "infusions": _CREW,
    "in-flight": _CREW,
    "adverse-events": _CREW,
    "dlt-reports": _INVESTIGATOR,
    "statements": _INVESTIGATOR,
    "deviations": _CREW,
    "queries": _CREW,
}
"""Record list to who takes the rows of their own site away."""


@dataclass(frozen=True)
class Reading:
    """The roles somebody holds now: (study, role, site) each, and the studies' keys."""

    held: tuple[tuple[int, str, int | None], ...]
    keys: Mapping[int, str]

    def studies(self, name: str) -> frozenset[int]:
        """The studies of which this person reads all of a list."""
        roles = {str(role) for role in RECORD_LISTS[name]}
        return frozenset(study for study, role, _ in self.held if role in roles)

    def sites(self, name: str, study: int) -> frozenset[int]:
        """The sites of a study of which this person may take a list's rows away."""
        roles = {str(role) for role in AT_SITES.get(name, ())}
        return frozenset(
            site
            for where, role, site in self.held
            if where == study and role in roles and site is not None
        )

    def takes(self, name: str, study: int) -> bool:
        """Whether this person may take a list of a study away, whole or a site's rows of it."""
        roles = {str(role) for role in (*RECORD_LISTS.get(name, ()), *FIGURES.get(name, ()))}
        is_whole = any(where == study and role in roles for where, role, _ in self.held)
        return is_whole or bool(self.sites(name, study))

    @property
    def is_central(self) -> bool:
        """Whether this person reads any list at all."""
        return any(self.studies(name) for name in RECORD_LISTS)


def reading_of(user: User) -> Reading:
    """What somebody may read of the record lists; one statement."""
    rows = Membership.objects.filter(user=user, user__is_active=True, revoked_at=None)
    held = list(rows.order_by("id").values_list("study_id", "study__key", "role", "site_id"))
    return Reading(
        held=tuple((study, role, site) for study, _, role, site in held),
        keys={study: key for study, key, _, _ in held},
    )


@dataclass(frozen=True)
class ViewLine:
    """A saved view: its number, its name, and the filter as in an address."""

    number: int
    name: str
    query: str


def list_views(user: User, name: str) -> tuple[ViewLine, ...]:
    """The views somebody saved of a list, by name."""
    rows = SavedView.objects.filter(owner=user, record_list=name)
    return tuple(ViewLine(row.pk, row.name, row.query) for row in rows)
