"""What a review is shown, and which studies have a moment to apply."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cohorts.engine.basis import Basis, recommend_basis
from cohorts.engine.wire import recommendation_as_dict
from cohorts.models import Outcome, Participant, ProtocolVersion
from cohorts.policies import day_of
from cohorts.queries import Viewer
from cohorts.states import OutcomeLetter, ProtocolState
from dosing.models import DltWindow
from dosing.states import WindowState
from ntrust.models import Study
from safety.models import AdverseEvent, DltReport
from safety.states import DltReportState


@dataclass(frozen=True)
class StatementPanel:
    """The DLT window of a participant, what they count as, and whether a statement is owed."""

    state: str
    opened_at: datetime | None
    closes_at: datetime | None
    is_owed: bool
    counts_as: str
    because: str
    can_act: bool


def read_statement(
    participant: Participant, *, viewer: Viewer, now: datetime
) -> StatementPanel | None:
    """None before treatment."""
    window = DltWindow.objects.filter(participant=participant).first()
    outcome = Outcome.objects.filter(participant=participant).first()
    if window is None or outcome is None:
        return None
    return StatementPanel(
        state=WindowState(window.state).label,
        opened_at=window.opened_at,
        closes_at=window.closes_at,
        is_owed=window.state == WindowState.AWAITING_STATEMENT,
        counts_as=OutcomeLetter(outcome.letter).label,
        because=outcome.because,
        can_act=viewer.is_investigator_at(participant.site_id),
    )


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


def studies_with_due_moments(*, now: datetime) -> list[Study]:
    """Studies in which a DLT window has ended, a provisional DLT's clock has run out, or the day
    of an approved protocol version has come."""
    versions = ProtocolVersion.objects.filter(
        state=ProtocolState.APPROVED, effective_on__lte=day_of(now)
    )
    windows = DltWindow.objects.filter(state=WindowState.OPEN, closes_at__lte=now)
    reports = DltReport.objects.filter(state=DltReportState.PROVISIONAL, counts_at__lte=now)
    keys = {*windows.values_list("participant__study_id", flat=True)}
    keys |= {*versions.values_list("study_id", flat=True)}
    keys |= {*reports.values_list("event__participant__study_id", flat=True)}
    return list(Study.objects.filter(pk__in=keys).order_by("pk"))
