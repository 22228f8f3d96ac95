"""One participant, for those who may know them; the list of those."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from django.db.models import Q

from cohorts.models import Participant
from cohorts.queries.viewers import Viewer
from cohorts.states import ParticipantState


def find_participant(viewer: Viewer, number: str) -> Participant | None:
    """The participant of this screening number; None when there is none, or not for this person."""
    participant = (
        Participant.objects.select_related("study", "site", "protocol_version")
        .filter(study=viewer.study, screening_number=number)
        .first()
    )
    if participant is None or not viewer.sees(participant.site_id):
        return None
    return participant


@dataclass(frozen=True)
class ParticipantRow:
    """A participant in a list."""

    screening_number: str
    name: str
    site: str
    disease: str
    state: str
    is_legacy: bool


TREATED = Q(outcome__first_infused_at__isnull=False)
ENROLLED = TREATED | Q(outcome__is_counted=True) | Q(outcome__part=2)
"""Who has or had a seat that counts, in Part 1 or 2."""
_STAGES: Final = {"enrolled": ENROLLED, "treated": TREATED}
_WAYS: Final = {"site": "site__code", "disease": "disease"}


def asked_of(filters: Mapping[str, str]) -> dict[str, str]:
    """What of these filters the list goes by: a `site`, a `disease`, a `stage` that is one."""
    stage = filters.get("stage", "")
    plain = {name: filters.get(name, "").replace("\0", "") for name in _WAYS}
    return {
        **{name: value for name, value in plain.items() if value},
        **({"stage": stage} if stage in _STAGES else {}),
    }


def list_participants(
    viewer: Viewer, filters: Mapping[str, str] = MappingProxyType({})
) -> list[ParticipantRow]:
    """Participants this person may know, newest first; those of a `site`, with a `disease`, of a
    `stage` (enrolled, treated). A filter that nobody offers is ignored. One statement."""
    asked = asked_of(filters)
    rows = Participant.objects.filter(study=viewer.study).select_related("site").order_by("-id")
    rows = rows.filter(**{way: asked[name] for name, way in _WAYS.items() if name in asked})
    rows = rows.filter(_STAGES.get(asked.get("stage", ""), Q()))
    if not viewer.sees_every_site:
        rows = rows.filter(site_id__in=viewer.site_ids)
    return [
        ParticipantRow(
            screening_number=row.screening_number,
            name=str(row),
            site=row.site.code,
            disease=row.disease,
            state=ParticipantState(row.state).label,
            is_legacy=row.is_legacy,
        )
        for row in rows
    ]
