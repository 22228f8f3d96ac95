"""What the rules were given at an earlier revision, rebuilt from the history of the rows."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db.models import Model, QuerySet

from cohorts.engine.basis import Basis, make_basis
from cohorts.models import Cohort, DoseLevel, Outcome, Participant, ProtocolVersion
from cohorts.policies import document_of
from ntrust.models import Study


def versions_until(
    model: type[Model], study: Study, revision: int, **where: Any
) -> dict[int, dict[str, Any]]:
    """The last version of each row of a study at a revision, by its key; rows deleted by then are
    not there. One statement."""
    kept: QuerySet[Model, dict[str, Any]] = (
        history_of(model)
        ._default_manager.filter(
            pgh_context__study=study.pk, pgh_context__revision__lte=revision, **where
        )
        .order_by("pgh_id")
        .values()
    )
    last = {row["pgh_obj_id"]: row for row in kept}
    return {key: row for key, row in last.items() if row["pgh_label"] != "delete"}


def history_of(model: type[Model]) -> type[Model]:
    """The table of a clinical model's row history."""
    return apps.get_model(model._meta.app_label, f"{model.__name__}Event")


def basis_at(study: Study, version: ProtocolVersion, *, revision: int) -> Basis | None:
    """The basis under a protocol version as the rows were at the end of a revision.

    None when the history does not reach back to anybody counted who is in the rows today.
    """
    outcomes = versions_until(Outcome, study, revision)
    if not outcomes and Outcome.objects.filter(study=study).exists():
        return None
    people = versions_until(Participant, study, revision)
    levels = dict(DoseLevel.objects.filter(study=study).values_list("id", "ordinal"))
    pinned = dict(ProtocolVersion.objects.filter(study=study).values_list("id", "version"))
    document = document_of(version)
    counted, excluded = [], []
    for row in sorted(outcomes.values(), key=lambda row: row["participant_id"]):
        person = people.get(row["participant_id"])
        if person is None or not row["is_counted"]:
            continue
        plain = {
            "subject": person["subject_number"],
            "level": levels[row["level_id"]],
            "letter": row["letter"],
        }
        why = document.pooling.why_not(
            version=pinned[person["protocol_version_id"]], regimen=row["regimen"]
        )
        if why:
            excluded.append({**plain, "why": why})
        else:
            counted.append(plain)
    return make_basis(
        document.design(),
        current=_current_level(study, revision, levels),
        outcomes=counted,
        excluded=excluded,
    )


def _current_level(study: Study, revision: int, levels: dict[int, int]) -> int:
    cohorts = versions_until(Cohort, study, revision, part=1, opened_at__isnull=False)
    newest = max(cohorts.values(), key=lambda row: row["number"], default=None)
    return levels[newest["level_id"]] if newest else 1
