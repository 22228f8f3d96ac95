"""What each participant counts as: facts come down from dosing and safety, the letter follows."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cohorts.actions.seats import mark_filled
from cohorts.engine.evaluability import DltState, InfusionState
from cohorts.models import DoseLevel, Outcome, Participant, Slot
from cohorts.policies import document_of, free_seats, judge_outcome
from cohorts.states import SLOT, OutcomeLetter, SlotState
from ntrust.change import Change, study_change
from ntrust.errors import Refused
from ntrust.models import User
from ntrust.policies import check_role
from ntrust.states import Role

FACTS = frozenset(
    {
        "regimen",
        "lymphodepletion_given",
        "infusions",
        "first_infused_at",
        "window_closes_at",
        "is_window_over",
        "dlt",
        "has_open_dlt_question",
        "has_dlt_elsewhere",
        "has_signed_statement",
        "is_toxicity_adjudicated",
        "not_evaluable_because",
        "not_evaluable_confirmed_by",
        "prohibited_medication",
        "doubts",
    }
)


def begin_outcome(
    change: Change, participant: Participant, *, level: DoseLevel, part: int = 1
) -> Outcome:
    """A confirmed seat counts as pending at its level; a seat given up before may be retaken. One
    in Part 2 never counts in the 3+3."""
    outcome = Outcome.objects.filter(participant=participant).first()
    if outcome is None:
        return Outcome.objects.create(
            participant=participant,
            study=change.study,
            level=level,
            part=part,
            is_counted=part == 1,
            because="Pending: not yet treated.",
        )
    outcome.level, outcome.part, outcome.is_counted = level, part, part == 1
    outcome.save(update_fields=["level", "part", "is_counted"])
    return outcome


def drop_outcome(change: Change, participant: Participant) -> None:
    """A seat given up before treatment counts nowhere. Refuses one already infused."""
    outcome = Outcome.objects.get(participant=participant)
    if outcome.first_infused_at is not None:
        raise Refused("already_infused", f"{participant} was infused and stays counted.")
    outcome.is_counted = False
    outcome.save(update_fields=["is_counted"])


def update_outcome(change: Change, participant: Participant, **facts: Any) -> Outcome:
    """Store facts, judge the letter, and give the seat away or back when it follows.

    `facts`: fields of Outcome named in FACTS.
    """
    unknown = set(facts) - FACTS
    if unknown:
        raise TypeError(f"not facts of an outcome: {sorted(unknown)}")
    outcome = Outcome.objects.select_related("participant__protocol_version").get(
        participant=participant
    )
    for name, value in facts.items():
        setattr(outcome, name, value)
    before = outcome.letter
    judged = judge_outcome(outcome)
    outcome.letter, outcome.because = judged.letter, judged.sentence
    outcome.save(update_fields=[*facts, "letter", "because"])
    if before != outcome.letter:
        _follow_letter(change, outcome, before=before)
    return outcome


def _follow_letter(change: Change, outcome: Outcome, *, before: str) -> None:
    participant = outcome.participant
    if outcome.letter == OutcomeLetter.NOT_EVALUABLE:
        _free_seat(change, participant)
    elif before == OutcomeLetter.NOT_EVALUABLE:
        _take_seat_back(participant)
    words = OutcomeLetter(outcome.letter).label
    change.record(
        "OUTCOME_CHANGED",
        f"{participant} at level {outcome.level.ordinal} now counts as: {words}.",
        level=outcome.level.ordinal,
        subject=str(participant),
        site=participant.site,
        before=before,
        after=outcome.letter,
    )


def _free_seat(change: Change, participant: Participant) -> None:
    """The seat of one who is not evaluable goes to a replacement."""
    slot = Slot.objects.filter(participant=participant, state=SlotState.CONFIRMED).first()
    if slot is None or slot.cohort is None:
        return
    SLOT.check(slot.state, SlotState.REPLACED)
    slot.state, slot.freed_at = SlotState.REPLACED, change.now
    slot.save(update_fields=["state", "freed_at"])
    mark_filled(slot.cohort)


def _take_seat_back(participant: Participant) -> None:
    """Counts again: the old seat too, unless a replacement has it (then the level is over full)."""
    slot = Slot.objects.filter(participant=participant, state=SlotState.REPLACED).last()
    if slot is None or slot.cohort is None or slot.seat not in free_seats(slot.cohort):
        return
    SLOT.check(slot.state, SlotState.CONFIRMED)
    slot.state, slot.freed_at = SlotState.CONFIRMED, None
    slot.save(update_fields=["state", "freed_at"])
    mark_filled(slot.cohort)


def confirm_not_evaluable(
    participant: Participant,
    *,
    reason: str,
    by: User,
    ground: str = "",
    now: datetime | None = None,
) -> Outcome:
    """Rule a participant not evaluable, so that they are replaced. Medical monitor's action.

    Refuses a blank reason, a ground that is not among those of the participant's protocol where it
    names any (`unknown_ground`), one with a counted or possible DLT (never replaced), and one who
    already counts without a DLT: correct the facts instead.
    """
    study = participant.study
    check_role(by, study, [Role.MEDICAL_MONITOR])
    if not reason.strip():
        raise Refused("reason_needed", "Say why the participant is not evaluable.")
    grounds = document_of(participant.protocol_version).replacement.grounds
    if ground not in (grounds or ("",)):
        raise Refused("unknown_ground", f"Somebody is replaced for: {'; '.join(grounds) or 'any'}.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        outcome = Outcome.objects.get(participant=participant)
        if outcome.dlt != DltState.NONE:
            raise Refused("has_dlt", f"{participant} has a DLT report and is never replaced.")
        if outcome.letter != OutcomeLetter.PENDING:
            words = OutcomeLetter(outcome.letter).label
            raise Refused("not_pending", f"{participant} already counts as: {words}.")
        outcome = update_outcome(
            change,
            participant,
            not_evaluable_because=": ".join(filter(None, (ground, reason.strip()))),
            not_evaluable_confirmed_by=by,
        )
    return outcome


def adjudicate_missed_infusion(
    participant: Participant, *, reason: str, by: User, now: datetime | None = None
) -> Outcome:
    """Rule that one who missed an infusion for a toxicity that is no DLT counts all the same.

    Medical monitor's action; whether exposure then suffices is for the rules. Refuses a blank
    reason, one who missed none for toxicity, one ruled on already, and one with a DLT report.
    """
    study = participant.study
    check_role(by, study, [Role.MEDICAL_MONITOR])
    if not reason.strip():
        raise Refused("reason_needed", "Say why the participant counts.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        outcome = Outcome.objects.select_related("level").get(participant=participant)
        if outcome.dlt != DltState.NONE:
            raise Refused("has_dlt", f"{participant} has a DLT report: that is judged first.")
        missed = [r for r in outcome.infusions if r["state"] == InfusionState.MISSED_FOR_TOXICITY]
        if not missed or outcome.is_toxicity_adjudicated:
            raise Refused(
                "nothing_to_rule", f"{participant} missed no infusion that waits for a ruling."
            )
        outcome = update_outcome(change, participant, is_toxicity_adjudicated=True)
        _record_ruling(change, outcome, "MISSED_INFUSION_RULED", "counts", reason)
    return outcome


def withdraw_ruling(
    participant: Participant, *, reason: str, by: User, now: datetime | None = None
) -> Outcome:
    """Take a ruling back, "not evaluable" or "counts", because what it rested on was corrected.

    Medical monitor's action. One who counts again gets the old seat back, unless a replacement has
    it: then the level is over-enrolled and says so. Refuses a blank reason and one never ruled on.
    """
    study = participant.study
    check_role(by, study, [Role.MEDICAL_MONITOR])
    if not reason.strip():
        raise Refused("reason_needed", "Say why the ruling is taken back.")
    with study_change(study, by=by, reason=reason, now=now) as change:
        outcome = Outcome.objects.get(participant=participant)
        if not outcome.not_evaluable_because and not outcome.is_toxicity_adjudicated:
            raise Refused("nothing_to_rule", f"{participant} was not ruled on.")
        outcome = update_outcome(
            change,
            participant,
            not_evaluable_because="",
            not_evaluable_confirmed_by=None,
            is_toxicity_adjudicated=False,
        )
        _record_ruling(change, outcome, "RULING_WITHDRAWN", "the ruling is taken back", reason)
    return outcome


def _record_ruling(change: Change, outcome: Outcome, kind: str, what: str, reason: str) -> None:
    participant = outcome.participant
    change.record(
        kind,
        f"{participant}: {what}: {reason}",
        level=outcome.level.ordinal,
        subject=str(participant),
        site=participant.site,
        detail=reason,
    )
