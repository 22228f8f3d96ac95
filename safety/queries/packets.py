"""What a review is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cohorts.engine.basis import Basis, recommend_basis
from cohorts.engine.wire import recommendation_as_dict
from cohorts.models import Participant
from ntrust.models import Study
from safety.models import AdverseEvent, DltReport


def packet_content(
    study: Study, *, basis: Basis, protocol_version: str, cut_at: datetime
) -> dict[str, Any]:
    """A packet's content as plain data: subject numbers only, no names, no staff."""
    events = AdverseEvent.objects.filter(participant__study=study).select_related("participant")
    reports = DltReport.objects.filter(
        event__participant__study=study, superseded_by__isnull=True
    ).select_related("event__participant")
    return {
        "study": study.protocol_number,
        "revision": study.revision,
        "cut_at": cut_at.isoformat(),
        "protocol_version": protocol_version,
        "basis": dict(basis),
        "recommendation": recommendation_as_dict(recommend_basis(basis)),
        "treated": Participant.objects.filter(
            study=study, outcome__first_infused_at__isnull=False
        ).count(),
        "events": [
            {
                "subject": event.participant.subject_number,
                "term": event.term,
                "grade": event.grade,
                "grading_system": event.grading_system,
                "is_serious": event.is_serious,
                "onset_at": event.onset_at.isoformat(),
            }
            for event in events
        ],
        "dlt_reports": [
            {
                "subject": report.event.participant.subject_number,
                "criterion": report.criterion,
                "state": report.state,
            }
            for report in reports
        ],
    }
