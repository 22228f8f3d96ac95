"""One participant, for those who may know them; the list of those."""

from __future__ import annotations

from dataclasses import dataclass

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


def list_participants(viewer: Viewer) -> list[ParticipantRow]:
    """Participants this person may know, newest first."""
    rows = Participant.objects.filter(study=viewer.study).select_related("site").order_by("-id")
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
