"""The rows of a study as they were at a revision, for its datasets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from cohorts.models import (
    Cohort,
    Consent,
    DoseLevel,
    Outcome,
    Participant,
    ProtocolVersion,
    Screening,
    ScreeningResult,
    Slot,
)
from cohorts.policies import document_of
from cohorts.queries.past import history_of, versions_until
from dosing.models import (
    Course,
    Infusion,
    LdAdministration,
    Measurement,
    Medication,
    ProductLot,
)
from ntrust.models import Study
from safety.datasets import Source
from safety.models import AdverseEvent, DltReport

_MODELS: Final = (
    DoseLevel, Participant, Consent, Screening, ScreeningResult, Cohort, Slot, Outcome, Course,
    LdAdministration, ProductLot, Infusion, Measurement, Medication, AdverseEvent, DltReport,
)  # fmt: skip


def read_source(study: Study, *, revision: int, cut_at: datetime) -> Source:
    """Everything the datasets need, as it was at the end of a revision. A statement a table."""
    rows: dict[str, list[Mapping[str, Any]]] = {
        model.__name__: sorted(
            versions_until(model, study, revision).values(), key=lambda row: row["id"]
        )
        for model in _MODELS
    }
    versions = versions_until(ProtocolVersion, study, revision).values()
    active = {row["id"]: row["activated_at"] for row in versions if row["activated_at"]}
    stored = ProtocolVersion.objects.in_bulk(active)
    return Source(
        study=study.key,
        revision=revision,
        cut_at=cut_at,
        documents={
            key: document_of(stored[key]) for key in sorted(active, key=lambda one: active[one])
        },
        sites={row.pk: (row.code, row.timezone) for row in study.sites.all()},
        rows=rows,
        ended=_ended(study, revision),
    )


def _ended(study: Study, revision: int) -> dict[int, datetime]:
    """When each participant came to the state they are in, as the change that made it says."""
    found: dict[int, tuple[str, datetime]] = {}
    history = history_of(Participant)._default_manager
    kept = history.filter(pgh_context__study=study.pk, pgh_context__revision__lte=revision)
    for row in kept.order_by("pgh_id").values("pgh_obj_id", "state", "pgh_context"):
        before = found.get(row["pgh_obj_id"])
        if before is None or before[0] != row["state"]:
            at = datetime.fromisoformat(row["pgh_context"]["at"])
            found[row["pgh_obj_id"]] = (row["state"], at)
    return {person: at for person, (_, at) in found.items()}
