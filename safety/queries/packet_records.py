"""The later sections of a packet: decisions, holds, deviations, and how good the data are."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from cohorts.models import Decision, Deviation, Hold, Outcome, Recommendation, ReReview
from cohorts.queries.covers import Cover
from cohorts.states import (
    DecisionState,
    DeviationKind,
    DltStatus,
    HoldScope,
    OutcomeLetter,
    ReReviewState,
    Severity,
)
from ntrust.models import Signature, Study
from safety.models import DltReport
from safety.states import DltReportState

_ELSEWHERE: Final = (
    DeviationKind.CONSENT,
    DeviationKind.VISIT,
    DeviationKind.PRIVACY,
    DeviationKind.SAFETY_REPORTING,
    DeviationKind.OTHER,
)
"""Kinds entered by hand that do not touch evaluability, unless they are important."""


def decision_history(study: Study, cover: Cover) -> list[dict[str, Any]]:
    """Every decision that was ever signed, first to last; overrides with reason and verdict."""
    rows = (
        Decision.objects.filter(study=study, signed_at__isnull=False)
        .exclude(state=DecisionState.WITHDRAWN)
        .select_related("level", "recommendation", "manager_signature", "monitor_signature")
        .prefetch_related("re_reviews__manager_signature", "re_reviews__monitor_signature")
        .order_by("number")
    )
    return [_decision(row, cover) for row in rows]


def _decision(row: Decision, cover: Cover) -> dict[str, Any]:
    return {
        "number": row.number,
        "verdict": row.verdict,
        "level": row.level.ordinal if row.level else None,
        "seats": row.seats,
        "state": row.state,
        "advised": _advised(row.recommendation),
        "is_override": row.is_override,
        "is_less_safe": row.is_less_safe,
        "reason": cover.of(row.reason),
        "committee_verdict": cover.of(row.committee_verdict),
        "signatures": _signatures(row.manager_signature, row.monitor_signature),
        "circulated_at": _iso(row.circulated_at),
        "basis_changed_at": _iso(row.basis_changed_at),
        "basis_change": cover.of(row.basis_change),
        "re_reviews": [
            _re_review(one, cover)
            for one in row.re_reviews.all()
            if one.state == ReReviewState.SIGNED
        ],
        "is_legacy": row.is_legacy,
        "content_hash": row.content_hash,
    }


def _advised(row: Recommendation | None) -> dict[str, Any] | None:
    if row is None:
        return None
    return {
        "verdict": row.verdict,
        "level": row.level,
        "outcome": row.outcome or None,
        "mtd": row.mtd,
        "rule": row.rule,
    }


def _re_review(row: ReReview, cover: Cover) -> dict[str, Any]:
    return {
        "number": row.number,
        "verdict": row.verdict,
        "reason": cover.of(row.reason),
        "committee_verdict": cover.of(row.committee_verdict),
        "signatures": _signatures(row.manager_signature, row.monitor_signature),
    }


def _signatures(*signatures: Signature | None) -> list[dict[str, Any]]:
    """In which role, when and in what meaning; a packet names nobody."""
    return [
        {"role": one.role, "meaning": one.meaning, "signed_at": one.signed_at.isoformat()}
        for one in signatures
        if one is not None
    ]


def holds_of(study: Study, cover: Cover) -> list[dict[str, Any]]:
    """Every hold that was ever placed, in force or lifted."""
    rows = Hold.objects.filter(study=study).select_related("level", "site").order_by("id")
    return [
        {
            "id": row.pk,
            "scope": row.scope,
            "level": row.level.ordinal if row.level else None,
            "site": row.site.code if row.site and row.scope == HoldScope.SITE else None,
            "rule": row.rule,
            "reason": cover.of(row.reason),
            "state": row.state,
            "placed_at": row.placed_at.isoformat(),
            "lifted_at": _iso(row.lifted_at),
            "lift_reason": cover.of(row.lift_reason),
        }
        for row in rows
    ]


def deviations_of(study: Study, cover: Cover) -> list[dict[str, Any]]:
    """Deviations of those who count that may touch whether they are evaluable."""
    rows = (
        Deviation.objects.filter(study=study, participant__outcome__is_counted=True)
        .select_related("participant__outcome")
        .order_by("id")
    )
    return [
        {
            "id": row.pk,
            "subject": row.participant.subject_number,
            "letter": row.participant.outcome.letter,
            "kind": row.kind,
            "sentence": cover.of(row.sentence),
            "state": row.state,
            "severity": row.severity,
            "occurred_at": row.occurred_at.isoformat(),
        }
        for row in rows
        if row.participant is not None
        and (row.kind not in _ELSEWHERE or row.severity == Severity.IMPORTANT)
    ]


def what_is_owed(study: Study, cut_at: datetime) -> dict[str, Any]:
    """What is owed at the cut: statements, answers on DLTs, adjudications."""
    pending = Outcome.objects.filter(
        study=study, is_counted=True, letter=OutcomeLetter.PENDING
    ).select_related("participant")
    overdue = [
        row.participant.subject_number
        for row in pending
        if row.window_closes_at is not None
        and row.window_closes_at <= cut_at
        and not row.has_signed_statement
        and row.dlt == DltStatus.NONE
    ]
    waiting = DltReport.objects.filter(
        event__participant__study=study,
        superseded_by__isnull=True,
        state__in=[DltReportState.REPORTED, DltReportState.PROVISIONAL],
    ).select_related("event__participant")
    by_state: dict[str, list[str]] = {DltReportState.REPORTED: [], DltReportState.PROVISIONAL: []}
    for report in waiting.order_by("id"):
        by_state[report.state].append(report.event.participant.subject_number)
    return {
        "statements_overdue": overdue,
        "dlts_not_adjudicated": by_state[DltReportState.REPORTED],
        "dlts_provisional": by_state[DltReportState.PROVISIONAL],
        "rulings_owed": [
            row.participant.subject_number
            for row in pending
            if row.not_evaluable_because and row.not_evaluable_confirmed_by_id is None
        ],
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None
