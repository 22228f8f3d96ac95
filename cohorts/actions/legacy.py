"""Taking in what was done on paper: participants, decisions with their cohorts, seats, outcomes.

Parts of a take-over, which is signed by manager and monitor as a whole. Nothing here is told one by
one, and no gate is asked: it has happened. From then on the rows are rows like all others.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from cohorts.actions.seats import mark_filled, move_cohort, settle_cohorts
from cohorts.engine.basis import Basis, read_tallies
from cohorts.models import (
    Circulation,
    Cohort,
    Decision,
    DoseLevel,
    Outcome,
    Participant,
    ProtocolVersion,
    Slot,
)
from cohorts.policies import current_basis, free_seats, judge_outcome, require_protocol
from cohorts.states import (
    CohortState,
    DecisionState,
    OutcomeLetter,
    ParticipantState,
    SlotState,
)
from ntrust.change import Change
from ntrust.models import Signature, Site, User
from ntrust.signing import content_hash


@dataclass(frozen=True)
class Sealed:
    """What stands for the signatures on paper: the take-over's hash, its two signatures, who
    staged it, and the sites that were on paper and have read every decision there."""

    content_hash: str
    manager: Signature
    monitor: Signature
    staged_at: datetime
    staged_by: User
    sites: tuple[Site, ...]


@dataclass(frozen=True)
class PaperDecision:
    """A decision as the paper has it. `level` None is a STOP; `decided_at` is 00:00 UTC."""

    number: int
    verdict: str
    level: DoseLevel | None
    seats: int
    decided_at: datetime
    reference: str
    basis: Basis


def take_in_participant(  # noqa: PLR0913 - who it is
    change: Change,
    *,
    site: Site,
    version: ProtocolVersion,
    screening_number: str,
    subject_number: str,
    disease: str,
    consented_at: datetime,
    is_treated: bool,
) -> Participant:
    """One whose lymphodepletion had begun on paper. Their screening stays there."""
    state = ParticipantState.TREATED if is_treated else ParticipantState.CONDITIONING
    return Participant.objects.create(
        study=change.study,
        site=site,
        protocol_version=version,
        screening_number=screening_number,
        subject_number=subject_number,
        disease=disease,
        state=state,
        consented_at=consented_at,
        is_legacy=True,
    )


def take_in_decision(change: Change, paper: PaperDecision, *, sealed: Sealed) -> Decision:
    """A decision in force since its day, with its cohort. Cohorts are closed afterwards, by
    `settle_paper_cohorts`, when everybody has their seat."""
    facts = {
        "number": paper.number,
        "verdict": paper.verdict,
        "seats": paper.seats,
        "basis": paper.basis,
    }
    content = {
        **facts,
        "study": change.study.key,
        "level": paper.level.ordinal if paper.level else None,
        "decided_at": paper.decided_at.isoformat(),
        "reference": paper.reference,
        "take_over": sealed.content_hash,
    }
    decision = Decision.objects.create(
        **facts,
        study=change.study,
        level=paper.level,
        is_legacy=True,
        content=content,
        content_hash=content_hash(content),
        state=DecisionState.CIRCULATED,
        proposed_at=sealed.staged_at,
        proposed_by=sealed.staged_by,
        manager_signature=sealed.manager,
        monitor_signature=sealed.monitor,
        signed_at=paper.decided_at,
        circulated_at=paper.decided_at,
    )
    _mark_read(decision, sealed, at=paper.decided_at)
    if paper.level is not None:
        _open_cohort(change, decision, level=paper.level, opened_at=paper.decided_at)
    return decision


def _mark_read(decision: Decision, sealed: Sealed, *, at: datetime) -> None:
    """The manager's signature says that clinics and pharmacies on paper have read the decision."""
    Circulation.objects.bulk_create(
        Circulation(
            decision=decision,
            site=site,
            is_pharmacy=is_pharmacy,
            acknowledged_at=at,
            acknowledged_by=sealed.manager.signer,
        )
        for site in sealed.sites
        for is_pharmacy in (False, True)
    )


def _open_cohort(
    change: Change, decision: Decision, *, level: DoseLevel, opened_at: datetime
) -> None:
    Cohort.objects.create(
        study=change.study,
        level=level,
        number=Cohort.objects.filter(study=change.study).count() + 1,
        seats=decision.seats,
        decision=decision,
        state=CohortState.OPEN,
        opened_at=opened_at,
    )


def take_in_outcome(
    change: Change,
    participant: Participant,
    *,
    level: DoseLevel,
    began_on: date,
    facts: dict[str, Any],
) -> Outcome:
    """Judge the letter from the facts, as for everybody, and give the seat that goes with it.

    To be called in the order in which people began: who is not evaluable leaves the seat to a
    later one. More people than seats is what happened: the last have none.
    """
    outcome = Outcome(participant=participant, study=change.study, level=level, **facts)
    judged = judge_outcome(outcome)
    outcome = Outcome.objects.create(
        participant=participant,
        study=change.study,
        level=level,
        letter=judged.letter,
        because=judged.sentence,
        **facts,
    )
    _take_seat(change, outcome, began_on=began_on)
    return outcome


def _take_seat(change: Change, outcome: Outcome, *, began_on: date) -> None:
    """A seat in the newest cohort that was open at the level by then, as `open_cohort` has it."""
    began_at = datetime.combine(began_on, time(), tzinfo=UTC)
    cohorts = Cohort.objects.filter(
        study=change.study, level=outcome.level, opened_at__lte=began_at
    ).order_by("-number")
    cohort = next((cohort for cohort in cohorts if free_seats(cohort)), None)
    if cohort is None:
        return
    is_replaced = outcome.letter == OutcomeLetter.NOT_EVALUABLE
    Slot.objects.create(
        cohort=cohort,
        participant=outcome.participant,
        seat=free_seats(cohort)[0],
        state=SlotState.REPLACED if is_replaced else SlotState.CONFIRMED,
        freed_at=change.now if is_replaced else None,
    )
    mark_filled(cohort)


def settle_paper_cohorts(change: Change, decisions: Iterable[Decision]) -> None:
    """Each decision ended the cohorts at all other levels that were there before it; those left
    are what their seats make them."""
    for decision in decisions:
        earlier = Cohort.objects.filter(
            study=change.study,
            decision__number__lt=decision.number,
            state__in=[CohortState.OPEN, CohortState.FULL],
        )
        for cohort in earlier.exclude(level=decision.level) if decision.level else earlier:
            move_cohort(cohort, to=CohortState.CLOSED)
    version = require_protocol(change.study)
    settle_cohorts(change, read_tallies(current_basis(change.study, version)))
