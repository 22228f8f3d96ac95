"""What is known of each participant: the letter's reasons, doubts, and the rows of an account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from cohorts.engine.doubts import find_doubts
from cohorts.engine.evaluability import (
    DltState,
    Evaluability,
    Facts,
    Infusion,
    InfusionState,
    judge,
)
from cohorts.models import Outcome, ProtocolVersion, Slot
from cohorts.policies.facts import document_of
from cohorts.protocol import ProtocolDocument
from cohorts.states import TAKEN_SLOTS, SlotState
from ntrust.models import Study


def judge_outcome(outcome: Outcome) -> Evaluability:
    """The engine's word on the stored facts, by the participant's own protocol version."""
    return judge(_facts(outcome), _document(outcome).exposure_rules())


def _facts(outcome: Outcome) -> Facts:
    return Facts(
        is_lymphodepletion_given=outcome.lymphodepletion_given,
        infusions={row["number"]: _infusion(row) for row in outcome.infusions},
        is_window_over=outcome.is_window_over,
        is_statement_signed=outcome.has_signed_statement,
        dlt=DltState(outcome.dlt),
        is_toxicity_adjudicated=outcome.is_toxicity_adjudicated,
        ruled_reason=outcome.not_evaluable_because or None,
        prohibited_medication=outcome.prohibited_medication or None,
    )


def _infusion(row: Mapping[str, Any]) -> Infusion:
    return Infusion(
        state=InfusionState(row["state"]), assigned_cells=row["assigned"], given_cells=row["given"]
    )


def _document(outcome: Outcome) -> ProtocolDocument:
    return document_of(outcome.participant.protocol_version)


def current_rows(study: Study, version: ProtocolVersion) -> list[dict[str, Any]]:
    """One row a participant in the order they came, as `cohorts.engine.standing` has them.

    `version` is the one in force: it says who is pooled. Two statements.
    """
    pooling = document_of(version).pooling
    outcomes = (
        Outcome.objects.filter(study=study, is_counted=True)
        .select_related("participant__protocol_version", "level")
        .order_by("participant_id")
    )
    replaced = _replaced(study)
    return [
        _row(
            outcome,
            why_apart=pooling.why_not(
                version=outcome.participant.protocol_version.version, regimen=outcome.regimen
            ),
            is_replaced=outcome.participant_id in replaced,
        )
        for outcome in outcomes
    ]


def _row(outcome: Outcome, *, why_apart: str, is_replaced: bool) -> dict[str, Any]:
    judged = judge_outcome(outcome)
    return {
        "subject": outcome.participant.subject_number,
        "level": outcome.level.ordinal,
        "letter": outcome.letter,
        "is_pooled": not why_apart,
        "cause": str(judged.cause),
        "because": outcome.not_evaluable_because or outcome.because,
        "is_proposed": judged.is_proposed_not_evaluable,
        "is_replaced": is_replaced,
        "infused_at": _moment(outcome.first_infused_at),
        "closes_at": _moment(outcome.window_closes_at),
        "is_window_over": outcome.is_window_over,
        "awaited_infusions": [
            row["number"] for row in outcome.infusions if row["state"] == InfusionState.AWAITED
        ],
        "dlt": str(outcome.dlt),
        "doubts": doubts_about(outcome),
    }


def doubts_about(outcome: Outcome) -> list[dict[str, Any]]:
    """Doubts about the evaluability, worked out here, then those that came down with the facts."""
    document = _document(outcome)
    own = find_doubts(
        _facts(outcome),
        document.exposure_rules(),
        margin=Fraction(document.borderline.exposure_margin),
    )
    return [*own, *outcome.doubts]


def _replaced(study: Study) -> set[int]:
    """Participants whose freed seat somebody else has taken."""
    seats = Slot.objects.filter(
        cohort__study=study, state__in=[SlotState.REPLACED, *TAKEN_SLOTS]
    ).values_list("participant_id", "cohort_id", "seat", "state")
    rows = list(seats)
    taken = {(cohort, seat) for _, cohort, seat, state in rows if state != SlotState.REPLACED}
    return {
        person
        for person, cohort, seat, state in rows
        if state == SlotState.REPLACED and (cohort, seat) in taken
    }


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat()
