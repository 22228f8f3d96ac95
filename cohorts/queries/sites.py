"""The sites of a study, as far as a person may know them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.db.models import Count, Q

from cohorts.queries.viewers import Viewer
from cohorts.queries.words import HARM, QUIET, SETTLED, Mark
from cohorts.states import ENDED
from ntrust.models import Site
from ntrust.states import Role, SiteState

READERS: Final = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.INVESTIGATOR,
    Role.PHARMACIST,
    Role.AUDITOR,
)
_MARKS: Final = {
    SiteState.PLANNED: Mark("planned", QUIET, "○"),
    SiteState.ACTIVE: Mark("active", SETTLED, "●"),
    SiteState.SUSPENDED: Mark("suspended", HARM, "■"),
}


@dataclass(frozen=True)
class SiteRow:
    """A site: the registry's words about it, and whether it may enrol here."""

    code: str
    name: str
    place: str
    registry_status: str
    timezone: str
    state: Mark
    suspended_because: str
    on_study: int
    is_planned: bool
    is_active: bool


@dataclass(frozen=True)
class SiteList:
    """Sites by code; `can_act`: this person activates, suspends and resumes them."""

    rows: tuple[SiteRow, ...]
    can_act: bool


def may_read_sites(viewer: Viewer) -> bool:
    """Everybody but the committee."""
    return bool({role.label for role in READERS} & set(viewer.roles))


def read_sites(viewer: Viewer) -> SiteList:
    """The sites this person may know: all, or their own. One statement."""
    rows = Site.objects.filter(study=viewer.study)
    if not viewer.sees_every_site:
        rows = rows.filter(pk__in=viewer.site_ids)
    on_study = Count("participants", filter=~Q(participants__state__in=ENDED))
    return SiteList(
        tuple(_row(site, site.on_study) for site in rows.annotate(on_study=on_study)),
        Role.STUDY_MANAGER.label in viewer.roles,
    )


def _row(site: Site, on_study: int) -> SiteRow:
    return SiteRow(
        code=site.code,
        name=site.name,
        place=site.place,
        registry_status=site.registry_status,
        timezone=site.timezone,
        state=_MARKS[SiteState(site.state)],
        suspended_because=site.suspended_because,
        on_study=on_study,
        is_planned=site.state == SiteState.PLANNED,
        is_active=site.state == SiteState.ACTIVE,
    )
