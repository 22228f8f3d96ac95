"""How good the data are: shares verified, and what is still asked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from ntrust.models import Study
from ntrust.signing import content_hash
from ntrust.states import Role
from safety.models import DataQuery
from safety.policies.source_data import SOURCES, SourceRow, source_rows
from safety.states import DataQueryState

ASKERS: Final = (Role.STUDY_MANAGER, Role.MEDICAL_MONITOR, Role.DATA_MONITOR)
"""Who asks sites about data, and settles the answers."""
ANSWERERS: Final = (Role.INVESTIGATOR, Role.PHARMACIST)
VERIFIERS: Final = (Role.DATA_MONITOR, Role.MEDICAL_MONITOR, *ANSWERERS)
"""Who compares rows with their source; never their own."""


@dataclass(frozen=True)
class Share:
    """Of how many rows how many are verified, and how many were but have changed since."""

    rows: int
    verified: int
    lapsed: int


@dataclass(frozen=True)
class VerifiedShare:
    """Of a study: all, by table (in its words) and by dose level (None: no seat yet)."""

    all: Share
    by_table: dict[str, Share]
    by_level: dict[int | None, Share]


def verified_share(study: Study) -> VerifiedShare:
    """How much of what counts has been compared with its source and is unchanged since."""
    return share_of(source_rows(study))


def share_of(rows: Iterable[SourceRow]) -> VerifiedShare:
    """The same for rows at hand."""
    rows = list(rows)
    levels = sorted({one.level for one in rows}, key=lambda level: (level is None, level))
    return VerifiedShare(
        all=_count(rows),
        by_table={
            source.label: _count([one for one in rows if one.table == source.key])
            for source in SOURCES.values()
        },
        by_level={level: _count([one for one in rows if one.level == level]) for level in levels},
    )


def _count(rows: list[SourceRow]) -> Share:
    return Share(
        rows=len(rows),
        verified=sum(one.is_verified for one in rows),
        lapsed=sum(one.has_lapsed for one in rows),
    )


def cut_content(study: Study) -> dict[str, Any]:
    """What a locked cut keeps: the shares, the open queries, and one hash over every row."""
    rows = source_rows(study)
    share = share_of(rows)
    unanswered = DataQuery.objects.filter(study=study).exclude(state=DataQueryState.CLOSED)
    return {
        "verified": {
            label: [one.verified, one.rows]
            for label, one in {"all": share.all, **share.by_table}.items()
        },
        "open_queries": list(unanswered.order_by("number").values_list("number", flat=True)),
        "rows": len(rows),
        "rows_hash": content_hash(sorted(one.facts_hash for one in rows)),
    }
