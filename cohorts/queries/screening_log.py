"""The screening log: who was screened where, and which criteria kept people out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import date
from typing import Final

from cohorts.models import Participant
from cohorts.policies import active_protocol, day_at, document_of
from cohorts.queries.viewers import Viewer
from cohorts.states import ParticipantState, ScreeningState
from ntrust.models import Site
from ntrust.states import Role, SiteState

READERS: Final = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.INVESTIGATOR,
    Role.PHARMACIST,
    Role.AUDITOR,
)


@dataclass(frozen=True)
class LogRow:
    """One attempt. `rescreens` and `rescreened_as` are screening numbers."""

    screening_number: str
    name: str
    site: str
    consented_on: date
    state: str
    failed_criteria: tuple[str, ...]
    failed_because: str
    rescreens: str
    rescreened_as: str


@dataclass(frozen=True)
class SiteRow:
    """What became of those screened at a site."""

    code: str
    name: str
    screened: int
    in_screening: int
    eligible: int
    failed: int
    left: int
    can_consent: bool


@dataclass(frozen=True)
class FailureRow:
    """A criterion, and whom it kept out; by site, in the order of the sites' codes."""

    criterion: str
    text: str
    count: int
    by_site: tuple[tuple[str, int], ...]
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class ScreeningLog:
    """Sites, failures by criterion, and every attempt, newest first."""

    sites: tuple[SiteRow, ...]
    failures: tuple[FailureRow, ...]
    rows: tuple[LogRow, ...]


def may_read_screening(viewer: Viewer) -> bool:
    """The committee reads packets under subject numbers instead."""
    return bool({role.label for role in READERS} & set(viewer.roles))


def find_consenting_site(viewer: Viewer, code: str) -> Site | None:
    """A site of the study where this person investigates; None for any other."""
    site = Site.objects.filter(study=viewer.study, code=code).first()
    return site if site and viewer.is_investigator_at(site.pk) else None


def read_screening_log(viewer: Viewer) -> ScreeningLog:
    """The log of the sites this person may know."""
    people = Participant.objects.filter(study=viewer.study)
    sites = Site.objects.filter(study=viewer.study).order_by("code")
    if not viewer.sees_every_site:
        people = people.filter(site_id__in=viewer.site_ids)
        sites = sites.filter(pk__in=viewer.site_ids)
    rows = list(people.select_related("site", "screening").order_by("-id"))
    numbers = {row.pk: row.screening_number for row in rows}
    again = {row.rescreens_id: row.screening_number for row in rows if row.rescreens_id}
    return ScreeningLog(
        sites=tuple(
            counted
            for counted in (_count(site, rows, viewer) for site in sites)
            if counted.screened or counted.can_consent
        ),
        failures=_failures(viewer, rows),
        rows=tuple(_row(row, numbers, again) for row in rows),
    )


def _row(row: Participant, numbers: dict[int, str], again: dict[int, str]) -> LogRow:
    screening = getattr(row, "screening", None)
    return LogRow(
        screening_number=row.screening_number,
        name=str(row),
        site=row.site.code,
        consented_on=day_at(row.site, row.consented_at),
        state=_state(row),
        failed_criteria=tuple(screening.failed_criteria) if screening else (),
        failed_because=screening.failed_because if screening else "",
        rescreens=numbers.get(row.rescreens_id, "") if row.rescreens_id else "",
        rescreened_as=again.get(row.pk, ""),
    )


def _state(row: Participant) -> str:
    screening = getattr(row, "screening", None)
    label = ParticipantState(row.state).label
    if row.state == ParticipantState.SCREENING and screening is not None:
        return f"{label}, {ScreeningState(screening.state).label}"
    return label


def _count(site: Site, rows: list[Participant], viewer: Viewer) -> SiteRow:
    own = [row for row in rows if row.site_id == site.pk]
    screening = sum(row.state == ParticipantState.SCREENING for row in own)
    failed = sum(row.state == ParticipantState.SCREEN_FAILED for row in own)
    eligible = sum(
        bool(row.subject_number) and row.state != ParticipantState.SCREEN_FAILED for row in own
    )
    return SiteRow(
        code=site.code,
        name=site.name,
        screened=len(own),
        in_screening=screening,
        eligible=eligible,
        failed=failed,
        left=len(own) - screening - failed - eligible,
        can_consent=viewer.is_investigator_at(site.pk) and site.state == SiteState.ACTIVE,
    )


def _failures(viewer: Viewer, rows: list[Participant]) -> tuple[FailureRow, ...]:
    """Failures by criterion, the most frequent first, then in the order of the protocol."""
    kept_out: dict[str, list[Participant]] = {}
    for row in reversed(rows):
        screening = getattr(row, "screening", None)
        for criterion in screening.failed_criteria if screening else ():
            kept_out.setdefault(criterion, []).append(row)
    version = active_protocol(viewer.study) if kept_out else None
    criteria = document_of(version).eligibility.criteria if version else ()
    texts = {each.id: each.text for each in criteria}
    place = {each.id: at for at, each in enumerate(criteria)}
    ordered = sorted(
        kept_out.items(), key=lambda item: (-len(item[1]), place.get(item[0], len(place)))
    )
    return tuple(
        FailureRow(
            criterion=criterion,
            text=texts.get(criterion, ""),
            count=len(people),
            by_site=tuple(sorted(Counter(row.site.code for row in people).items())),
            numbers=tuple(row.screening_number for row in people),
        )
        for criterion, people in ordered
    )
