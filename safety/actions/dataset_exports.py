"""That somebody took a study's datasets away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from ntrust.change import study_change
from ntrust.models import Study, User
from ntrust.policies import check_role
from ntrust.states import Role
from safety.models import DataCut

TAKERS: Final = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.DATA_MONITOR)
"""Who takes the whole study's data away: all sites, pseudonymous."""


@dataclass(frozen=True)
class DatasetFile:
    """The datasets of a revision as one file: records by dataset, the hash of the data, and the
    SHA-256 of the file's bytes. `cut`: the locked cut they are of, None for the data as they were
    when it was made."""

    revision: int
    cut: DataCut | None
    records: Mapping[str, int]
    content_hash: str
    sha256: str


def record_dataset_export(
    study: Study, *, file: DatasetFile, by: User, now: datetime | None = None
) -> None:
    """Record that the datasets were taken away: by whom, of which revision, with which hash.

    For manager, medical monitor and data monitor.
    """
    check_role(by, study, TAKERS)
    of = f"data cut {file.cut.number}" if file.cut else "the data as they are"
    with study_change(study, by=by, reason="datasets exported", now=now) as change:
        change.record(
            "DATASETS_EXPORTED",
            f"{sum(file.records.values())} records in {len(file.records)} datasets of {of} "
            f"exported, revision {file.revision}.",
            revision=file.revision,
            cut=file.cut.number if file.cut else None,
            records=dict(file.records),
            content_hash=file.content_hash,
            sha256=file.sha256,
            username=by.username,
        )
