"""Concomitant medication of a participant, with what the protocol says of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.db.models import Q, QuerySet

from cohorts.models import Participant
from cohorts.queries import Viewer
from cohorts.queries.words import HARM, PLAN, Mark
from dosing.models import Medication
from dosing.policies import was_in_window
from dosing.states import MedicationKind, Route
from ntrust.states import Role

_MARKS: Final = {
    MedicationKind.PROHIBITED: Mark("prohibited", HARM, "▲"),
    MedicationKind.STEROID: Mark("systemic steroid", PLAN, "◆"),
    MedicationKind.ANTICYTOKINE: Mark("anticytokine therapy", PLAN, "◆"),
    MedicationKind.ANTIPYRETIC: Mark("antipyretic", PLAN, "◆"),
}


@dataclass(frozen=True)
class MedicationRow:
    """A medicine. `in_window`: given on a day of the DLT window."""

    number: int
    name: str
    dose: str
    route: str
    indication: str
    started_on: date
    ended_on: date | None
    kinds: tuple[str, ...]
    marks: tuple[Mark, ...]
    in_window: bool
    is_prohibited: bool
    accepted_because: str

    @property
    def proposes_not_evaluable(self) -> bool:
        """Whether the participant waits for a person's word because of it."""
        return self.is_prohibited and self.in_window and not self.accepted_because


@dataclass(frozen=True)
class MedicationPanel:
    """What a participant takes besides the study's treatment."""

    rows: tuple[MedicationRow, ...]
    can_enter: bool
    can_accept: bool


def read_medications(
    participant: Participant, *, viewer: Viewer, now: datetime
) -> MedicationPanel | None:
    """All medicines, in order of their start; none before there is anything to say. One
    statement."""
    can_enter = viewer.is_investigator_at(participant.site_id)
    rows = tuple(_row(medication) for medication in _of(participant))
    if not rows and not can_enter:
        return None
    return MedicationPanel(
        rows=rows,
        can_enter=can_enter,
        can_accept=Role.MEDICAL_MONITOR.label in viewer.roles,
    )


def medications_in(participant: Participant, start: date, end: date) -> list[MedicationRow]:
    """What was given on any of these days (both included), in order of its start.

    Safety asks it whether systemic steroids or anticytokine therapy were needed.
    """
    given = _of(participant).filter(started_on__lte=end)
    return [
        _row(medication)
        for medication in given.filter(Q(ended_on__isnull=True) | Q(ended_on__gte=start))
    ]


def find_medication(viewer: Viewer, number: int) -> Medication | None:
    """The medication of that number; None when there is none, or not for this person."""
    found = (
        Medication.objects.select_related(
            "participant__site", "participant__study", "participant__protocol_version"
        )
        .filter(participant__study=viewer.study, pk=number)
        .first()
    )
    return found if found is not None and viewer.sees(found.participant.site_id) else None


def _of(participant: Participant) -> QuerySet[Medication]:
    return Medication.objects.filter(participant=participant).select_related(
        "participant__site", "participant__window"
    )


def _row(medication: Medication) -> MedicationRow:
    dose = "" if medication.dose is None else f"{medication.dose.normalize():f} {medication.unit}"
    return MedicationRow(
        number=medication.pk,
        name=medication.name,
        dose=dose,
        route=Route(medication.route).label,
        indication=medication.indication,
        started_on=medication.started_on,
        ended_on=medication.ended_on,
        kinds=tuple(medication.kinds),
        marks=tuple(_MARKS[MedicationKind(kind)] for kind in medication.kinds),
        in_window=was_in_window(medication),
        is_prohibited=medication.is_prohibited,
        accepted_because=medication.accepted_because,
    )
