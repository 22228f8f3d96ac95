"""Enrolment against plan, by site and by disease. The plan is protocol data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from cohorts.models import Participant
from cohorts.policies import active_protocol, document_of
from cohorts.protocol import PlanData
from cohorts.queries import Viewer
from cohorts.queries.participants import ENROLLED, TREATED
from ntrust.models import Site
from ntrust.states import SiteState


@dataclass(frozen=True)
class PlanRow:
    """A site, a disease, or all: people who were screened, have or had a seat, were treated.

    `planned` None: the protocol names no number. `key` is what a list is filtered by.
    """

    name: str
    key: str
    screened: int
    enrolled: int
    treated: int
    planned: int | None

    @property
    def percent(self) -> int | None:
        """Enrolled of planned."""
        return round(100 * self.enrolled / self.planned) if self.planned else None


@dataclass(frozen=True)
class Enrolment:
    """`is_illustrative`: how the planned number divides is not published."""

    total: PlanRow
    diseases: tuple[PlanRow, ...]
    sites: tuple[PlanRow, ...]
    is_illustrative: bool
    protocol_version: str


def read_enrolment(viewer: Viewer) -> Enrolment:
    """Of the sites that enrol or have somebody, and of every disease. Three statements."""
    version = active_protocol(viewer.study)
    plan = document_of(version).plan if version else PlanData()
    names = document_of(version).diseases if version else ()
    counts = _count(viewer)
    diseases = tuple(dict.fromkeys((*names, *(disease for _, disease in counts))))
    by_disease = plan.split.by_disease
    active = Site.objects.filter(study=viewer.study)
    sites = [
        _row(
            f"{site.code} {site.place or site.name}",
            site.code,
            [found for (code, _), found in counts.items() if code == site.code],
            plan.split.per_site,
        )
        for site in active
        if site.state != SiteState.PLANNED or any(code == site.code for code, _ in counts)
    ]
    return Enrolment(
        total=_row("All", "", list(counts.values()), plan.participants),
        diseases=tuple(
            _row(
                name,
                name,
                [found for (_, disease), found in counts.items() if disease == name],
                by_disease.get(name),
            )
            for name in diseases
        ),
        sites=tuple(sites),
        is_illustrative=plan.split.illustrative,
        protocol_version=version.version if version else "",
    )


def _count(viewer: Viewer) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Site and disease to screened, enrolled, treated; of the sites this person may know."""
    rows = Participant.objects.filter(study=viewer.study)
    if not viewer.sees_every_site:
        rows = rows.filter(site_id__in=viewer.site_ids)
    found: Any = (
        rows.order_by()
        .values_list("site__code", "disease")
        .annotate(
            screened=Count("id"),
            enrolled=Count("id", filter=ENROLLED),
            treated=Count("id", filter=TREATED),
        )
    )
    return {
        (code, disease): (screened, enrolled, infused)
        for code, disease, screened, enrolled, infused in sorted(found)
    }


def _row(name: str, key: str, counts: list[tuple[int, int, int]], planned: int | None) -> PlanRow:
    screened, enrolled, treated = (sum(one[at] for one in counts) for at in range(3))
    return PlanRow(name, key, screened, enrolled, treated, planned)
