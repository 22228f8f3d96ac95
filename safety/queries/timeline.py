"""DLT reports in force by day, counted from the first infusion of those who are shown."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db.models import Min

from cohorts.models import Outcome
from cohorts.queries import Viewer
from cohorts.queries.covers import IN_SCREENING
from ntrust.models import Study
from safety.models import DltReport


def read_timeline(
    study: Study, *, viewer: Viewer | None = None, cover: Callable[[str], str] = str
) -> list[dict[str, Any]]:
    """A row a report, by onset, of those the viewer may know or of everybody; none before the
    first infusion. Three statements."""
    outcomes = Outcome.objects.filter(study=study)
    rows = DltReport.objects.filter(
        event__participant__study=study, superseded_by__isnull=True
    ).select_related("event__participant", "adjudication__signature")
    if viewer is not None and not viewer.sees_every_site:
        outcomes = outcomes.filter(participant__site_id__in=viewer.site_ids)
        rows = rows.filter(event__participant__site_id__in=viewer.site_ids)
    began = outcomes.aggregate(at=Min("first_infused_at"))["at"]
    if began is None:
        return []
    levels = dict(outcomes.values_list("participant_id", "level__ordinal"))

    def day(at: datetime | None) -> int | None:
        return (at.date() - began.date()).days if at is not None else None

    return [
        {
            "id": row.pk,
            "subject": row.event.participant.subject_number or IN_SCREENING,
            "level": levels.get(row.event.participant_id),
            "criterion": row.criterion,
            "term": cover(row.event.term),
            "state": row.state,
            "onset": day(row.event.onset_at),
            "reported": day(row.reported_at),
            "counts": day(row.counts_at),
            "ruled": day(_ruled_at(row)),
        }
        for row in rows.order_by("event__onset_at", "id")
    ]


def _ruled_at(report: DltReport) -> datetime | None:
    ruling = getattr(report, "adjudication", None)
    return ruling.signature.signed_at if ruling is not None else None
