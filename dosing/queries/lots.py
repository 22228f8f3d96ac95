"""The product lots of a study: what is left, who got it, and what the DLTs have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from django.db.models import Prefetch

from cohorts.models import Outcome
from cohorts.policies import active_protocol, document_of
from cohorts.queries import Mark, Viewer
from cohorts.queries.words import QUIET, SETTLED, WAITING, name_dose
from cohorts.states import DltStatus
from dosing.models import Infusion, ProductLot
from dosing.states import InfusionState, LotState
from ntrust.states import Role

_MARKS: Final[Mapping[str, tuple[str, str]]] = {
    LotState.QUARANTINED: (WAITING, "▲"),
    LotState.RELEASED: (SETTLED, "●"),
    LotState.DISCARDED: (QUIET, "○"),
}
READERS: Final = (
    Role.STUDY_MANAGER,
    Role.MEDICAL_MONITOR,
    Role.AUDITOR,
    Role.INVESTIGATOR,
    Role.PHARMACIST,
)
_ACTS: Final[Mapping[str, tuple[tuple[str, str, frozenset[Role]], ...]]] = {
    LotState.QUARANTINED: (
        ("lot_release", "Release", frozenset({Role.STUDY_MANAGER})),
        ("lot_discard", "Discard", frozenset({Role.STUDY_MANAGER, Role.PHARMACIST})),
    ),
    LotState.RELEASED: (
        (
            "lot_quarantine",
            "Put in quarantine",
            frozenset({Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.PHARMACIST}),
        ),
        ("lot_discard", "Discard", frozenset({Role.STUDY_MANAGER, Role.PHARMACIST})),
    ),
    LotState.DISCARDED: (),
}
_CORRECT = ("lot_correct", "Correct", frozenset({Role.STUDY_MANAGER, Role.PHARMACIST}))


@dataclass(frozen=True)
class LotUse:
    """One infusion from a lot, or planned from it, of a participant this person may know."""

    participant: str
    screening_number: str
    site: str
    what: str
    at: datetime | None
    has_dlt: bool


@dataclass(frozen=True)
class LotRow:
    """A lot. `unseen`: infusions of other sites, which count in `used`. `finding`: what the DLTs
    have in common, for those who see every site."""

    code: str
    mark: Mark
    received_at: datetime
    expires_on: date
    is_expired: bool
    viability: str
    viable: str
    used: str
    left: str
    uses: tuple[LotUse, ...]
    unseen: int
    finding: str
    acts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class LotsPage:
    """Every lot of the study, by code."""

    lots: tuple[LotRow, ...]
    can_receive: bool


def may_read_lots(viewer: Viewer) -> bool:
    """Everybody who treats or oversees; the committee reads its packets."""
    return any(role.label in viewer.roles for role in READERS)


def find_lot(viewer: Viewer, code: str) -> ProductLot | None:
    """The lot of that code; None when there is none, or lots are not for this person."""
    if not may_read_lots(viewer):
        return None
    lots = ProductLot.objects.select_related("study")
    return lots.filter(study=viewer.study, code=code).first()


def list_lots(viewer: Viewer, *, now: datetime) -> LotsPage:
    """Lots with what was given from them. A constant number of statements."""
    version = active_protocol(viewer.study)
    unit = document_of(version).ladder.unit.removesuffix(" per dose") if version else "cells"
    uses = (
        Infusion.objects.exclude(state=InfusionState.MISSED)
        .select_related("course__participant__site")
        .order_by("given_at", "id")
    )
    lots = ProductLot.objects.filter(study=viewer.study).prefetch_related(
        Prefetch("infusions", queryset=uses)
    )
    with_dlt = set(
        Outcome.objects.filter(
            study=viewer.study, is_counted=True, dlt=DltStatus.COUNTED
        ).values_list("participant_id", flat=True)
    )
    return LotsPage(
        lots=tuple(_row(lot, viewer, unit=unit, with_dlt=with_dlt, now=now) for lot in lots),
        can_receive=_holds(viewer, {Role.STUDY_MANAGER, Role.PHARMACIST}),
    )


def _row(
    lot: ProductLot, viewer: Viewer, *, unit: str, with_dlt: set[int], now: datetime
) -> LotRow:
    infusions = list(lot.infusions.all())
    used = sum((i.given_cells for i in infusions if i.given_cells is not None), Decimal(0))
    seen = [i for i in infusions if viewer.sees(i.course.participant.site_id)]
    tone, shape = _MARKS[lot.state]
    return LotRow(
        code=lot.code,
        mark=Mark(LotState(lot.state).label, tone, shape),
        received_at=lot.received_at,
        expires_on=lot.expires_on,
        is_expired=lot.expires_on < now.date(),
        viability=f"{lot.viability * 100:.4g}%",
        viable=name_dose(lot.viable_cells, unit),
        used=name_dose(used, unit) if used else "none",
        left=name_dose(left, unit) if (left := lot.viable_cells - used) else "none",
        uses=tuple(_use(infusion, with_dlt) for infusion in seen),
        unseen=len(infusions) - len(seen),
        finding=_finding(lot, infusions, with_dlt) if viewer.sees_every_site else "",
        acts=tuple(
            (name, label)
            for name, label, owners in (*_ACTS[lot.state], _CORRECT)
            if _holds(viewer, owners)
        ),
    )


def _use(infusion: Infusion, with_dlt: set[int]) -> LotUse:
    participant = infusion.course.participant
    was = "given" if infusion.given_at else "planned"
    return LotUse(
        participant=str(participant),
        screening_number=participant.screening_number,
        site=participant.site.code,
        what=f"infusion {infusion.number}, {was}",
        at=infusion.given_at,
        has_dlt=participant.pk in with_dlt,
    )


def _finding(lot: ProductLot, infusions: list[Infusion], with_dlt: set[int]) -> str:
    """Two or more participants with a DLT who got the same lot are a finding, not a verdict."""
    got = {i.course.participant_id for i in infusions if i.given_at is not None}
    sharing = len(got & with_dlt)
    return f"{sharing} of {len(with_dlt)} DLTs share lot {lot}." if sharing > 1 else ""


def _holds(viewer: Viewer, roles: frozenset[Role] | set[Role]) -> bool:
    return any(role.label in viewer.roles for role in roles)
