"""The study as it was known on a date: what the rules said, who counted as what, at each level."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cohorts.models import Recommendation
from cohorts.queries import Ladder, ladder
from cohorts.queries.viewers import Viewer
from ntrust.models import Event, Study
from ntrust.past import as_known, revision_at
from ntrust.states import Role

PAST_READERS: Final = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.AUDITOR)


@dataclass(frozen=True)
class Known:
    """The ladder at the end of a revision. `moment` is when that revision was made, where an event
    tells; `basis_hash` is of what the rules were given."""

    revision: int
    moment: datetime | None
    ladder: Ladder
    basis_hash: str


def may_read_past(viewer: Viewer) -> bool:
    """Managers, monitors and auditors look back."""
    return viewer.holds(PAST_READERS)


def revision_asked(study: Study, *, at: str, revision: str) -> int | None:
    """The revision that a form names, by its number or by a moment in UTC; None for none."""
    if revision:
        is_number = revision.isascii() and revision.isdigit() and len(revision) < 10
        number = int(revision) if is_number else -1
        return number if 0 <= number <= study.revision else None
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return None
    return revision_at(study, moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment)


def read_known(viewer: Viewer, revision: int) -> Known:
    """The ladder then, as this person may see it now."""
    told = Event.objects.filter(study=viewer.study, revision__lte=revision)
    moment = told.order_by("-revision", "-id").values_list("at", flat=True).first()
    with as_known(viewer.study, revision=revision) as then:
        page = ladder(then, viewer=viewer, now=moment or then.created_at)
        last = Recommendation.objects.filter(study=then).order_by("-id").first()
    return Known(revision, moment, page, last.basis_hash if last else "")
