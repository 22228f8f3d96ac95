"""Why a participant can or cannot be seated now."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from django.db.models import Min

from cohorts.engine.advice import name_answer
from cohorts.engine.basis import Basis, read_tallies, recommend_basis
from cohorts.engine.design import Recommendation, Verdict
from cohorts.engine.rules import find_toxic, is_closed
from cohorts.models import Cohort, Decision, DoseLevel, Hold, Participant, ProtocolVersion, Slot
from cohorts.policies.consents import consent_gate
from cohorts.policies.facts import (
    active_protocol,
    current_basis,
    holds_on,
    pooled_outcomes,
    require_protocol,
)
from cohorts.policies.life import is_in_part_2
from cohorts.policies.part_2 import gates_for_expansion
from cohorts.policies.queue import fairness_gates, overridden_gates, sites_ready
from cohorts.policies.screening import eligibility_gate
from cohorts.states import (
    TAKEN_SLOTS,
    CohortState,
    DecisionState,
    OutcomeLetter,
    ParticipantState,
)
from ntrust.errors import Gate, Refused, refuse_unless_clear
from ntrust.models import Site, Study
from ntrust.states import SiteState, StudyState

_MANAGER = "study manager"
PLACING = (Verdict.ENROL, Verdict.EXPAND_COHORT, Verdict.ESCALATE, Verdict.DE_ESCALATE)
"""Verdicts that send the next participant somewhere."""


class Opening(NamedTuple):
    """A cohort with a seat for somebody, and the gates an override passed to give it to them."""

    cohort: Cohort
    overridden: tuple[Gate, ...] = ()


def gates_for_seat(
    study: Study,
    level: DoseLevel,
    *,
    now: datetime,
    participant: Participant | None = None,
    site: Site | None = None,
    disease: str = "",
) -> list[Gate]:
    """Why a participant can or cannot be seated at a level now, in order; without a participant,
    why somebody of `site`, or of any site, can or cannot.

    In Part 2 the seat is one in the expansion cohort of the participant's disease; without a
    participant, of `disease`.
    """
    if active_protocol(study) is None:
        return [
            Gate("protocol_active", False, "No protocol version is active.", None, "study manager")
        ]
    if participant is not None:
        disease, site = participant.disease, participant.site
    cohort = open_cohort(study, level, disease=disease)
    gates = _gates_for_cohort(study, level, cohort, site, disease)
    gates = [*gates, _seat_free(level, cohort), *_site_gates(site, cohort)]
    if participant is not None:
        gates += _participant_gates(participant, now)
    if participant is not None and cohort is not None:
        gates += fairness_gates(cohort, participant, now=now)
    return gates


def gates_for_confirmation(slot: Slot, *, now: datetime) -> list[Gate]:
    """A reserved seat is looked at again when it is confirmed: much may have happened since."""
    cohort, participant = slot.cohort, slot.participant
    if cohort is None:
        return [Gate("seat_reserved", False, "No seat is reserved.", None, "study manager")]
    is_open = cohort.state in (CohortState.OPEN, CohortState.FULL)
    label = CohortState(cohort.state).label
    return [
        Gate("cohort_open", is_open, f"Cohort {cohort.number} is {label}."),
        *_gates_for_cohort(
            participant.study, cohort.level, cohort, participant.site, participant.disease
        ),
        *_site_gates(participant.site, cohort),
        *_participant_gates(participant, now),
    ]


def _gates_for_cohort(
    study: Study,
    level: DoseLevel,
    cohort: Cohort | None,
    site: Site | None,
    disease: str,
) -> list[Gate]:
    version = require_protocol(study)
    basis = current_basis(study, version)
    active = Gate("protocol_active", True, f"Protocol version {version.version} is active.")
    if cohort.part == 2 if cohort is not None else is_in_part_2(study):
        return [
            active,
            *gates_for_expansion(study, version, disease),
            *hold_gates(study, level=level.ordinal, site=site, expansion=disease),
            _level_not_closed(basis, level),
        ]
    advice = recommend_basis(basis)
    next_answer = _next_answer(study, version, advice)
    return [
        active,
        _escalating(study),
        *hold_gates(study, level=level.ordinal, site=site),
        _level_not_closed(basis, level),
        _decision_in_force(level, cohort, advice),
        _rules_send_here(advice, basis, level, cohort, clears_at=next_answer),
    ]


def _next_answer(study: Study, version: ProtocolVersion, advice: Recommendation) -> datetime | None:
    """When the next window ends at the level that is waited for, as far as known."""
    if advice.verdict is not Verdict.WAIT or advice.level is None:
        return None
    pending = pooled_outcomes(study, version).filter(
        level__ordinal=advice.level,
        letter=OutcomeLetter.PENDING,
        is_window_over=False,
    )
    close: datetime | None = pending.aggregate(close=Min("window_closes_at"))["close"]
    return close


def check_seat(
    study: Study,
    level: DoseLevel,
    *,
    now: datetime,
    participant: Participant,
    override_reason: str = "",
) -> Opening:
    """Where this participant can be seated; refuses (`no_seat`) with the gates otherwise.

    `override_reason` passes the gates of fairness only, see `overridden_gates`.
    """
    if level.study_id != study.pk:
        raise Refused("not_found", "There is no such level in this study.")
    gates = gates_for_seat(study, level, now=now, participant=participant)
    passed = overridden_gates(gates, override_reason)
    cohort = open_cohort(study, level, disease=participant.disease)
    if cohort is None:
        raise Refused("no_seat", f"No cohort is open at level {level.ordinal}.")
    return Opening(cohort, tuple(passed))


def check_confirmation(slot: Slot, *, now: datetime) -> None:
    """Refuse (`no_seat`) with every gate that is not clear."""
    refuse_unless_clear("no_seat", gates_for_confirmation(slot, now=now))


def open_cohort(study: Study, level: DoseLevel, *, disease: str = "") -> Cohort | None:
    """The newest cohort of a level with a free seat, else the newest open or full one. In Part 2
    that of the disease."""
    of_part = {"part": 2, "disease": disease} if is_in_part_2(study) else {"part": 1}
    rows = list(
        Cohort.objects.filter(
            **of_part, study=study, level=level, state__in=[CohortState.OPEN, CohortState.FULL]
        )
        .select_related("decision")
        .order_by("number")
    )
    free = [cohort for cohort in rows if free_seats(cohort)]
    return free[-1] if free else (rows[-1] if rows else None)


def free_seats(cohort: Cohort) -> list[int]:
    """Seat numbers nobody has taken."""
    taken = set(cohort.slots.filter(state__in=TAKEN_SLOTS).values_list("seat", flat=True))
    return [seat for seat in range(1, cohort.seats + 1) if seat not in taken]


def hold_gates(
    study: Study,
    *,
    level: int,
    site: Site | None,
    participant: Participant | None = None,
    expansion: str = "",
) -> list[Gate]:
    """One gate a hold in force; a clear one when there is none. See `holds_on`."""
    holds = holds_on(study, level=level, site=site, participant=participant, expansion=expansion)
    if not holds:
        return [Gate("not_held", True, "Nothing is held.")]
    return [hold_gate(hold) for hold in holds]


def hold_gate(hold: Hold) -> Gate:
    """The gate of a hold in force."""
    return Gate(
        f"held_{hold.scope.lower()}",
        False,
        f"Held since {hold.placed_at:%d-%b-%Y %H:%M} UTC: {hold.reason}",
        None,
        "medical monitor",
    )


def _escalating(study: Study) -> Gate:
    is_clear = study.state == StudyState.ESCALATING
    label = StudyState(study.state).label
    return Gate("study_escalating", is_clear, f"The study is in state: {label}.")


def _level_not_closed(basis: Basis, level: DoseLevel) -> Gate:
    toxic = find_toxic(read_tallies(basis))
    if is_closed(level.ordinal, toxic):
        return Gate("level_closed", False, f"Two or more DLTs at level {toxic} close it and above.")
    return Gate("level_closed", True, f"Level {level.ordinal} is not closed by DLTs.")


def _decision_in_force(level: DoseLevel, cohort: Cohort | None, advice: Recommendation) -> Gate:
    who = "study manager and medical monitor"
    if cohort is None:
        waiting = Decision.objects.filter(level=level, state=DecisionState.SIGNED).first()
        if waiting:
            sentence = f"Decision #{waiting.number} is signed, not yet acknowledged everywhere."
            return Gate("decision_signed", False, sentence, None, "sites and pharmacies")
        sentence = (
            f"No signed decision opens level {level.ordinal}. "
            f"The rules say: {name_answer(advice.answer)}."
        )
        return Gate("decision_signed", False, sentence, None, who)
    decision = cohort.decision
    if not decision.is_in_force:
        sentence = f"Decision #{decision.number} no longer stands: {decision.basis_change}."
        return Gate("decision_signed", False, sentence, None, who)
    return Gate("decision_signed", True, _stands(decision))


def _stands(decision: Decision) -> str:
    if decision.state == DecisionState.RE_REVIEWED:
        return f"Decision #{decision.number} was re-reviewed and upheld."
    return f"Decision #{decision.number} is signed and circulated."


def _seat_free(level: DoseLevel, cohort: Cohort | None) -> Gate:
    if cohort is not None and free_seats(cohort):
        return Gate("seat_free", True, f"Cohort {cohort.number} has a free seat.")
    return Gate("seat_free", False, f"All open seats at level {level.ordinal} are taken.")


def _rules_send_here(
    advice: Recommendation,
    basis: Basis,
    level: DoseLevel,
    cohort: Cohort | None,
    *,
    clears_at: datetime | None,
) -> Gate:
    says = f"The rules say: {name_answer(advice.answer)} (rule {advice.rule})."
    if advice.verdict in PLACING and advice.level == level.ordinal:
        return Gate("rules_allow", True, says)
    if cohort is not None and cohort.decision.is_override:
        since = new_dlts(cohort.decision, basis)
        if not since:
            sentence = f"{says} Decision #{cohort.decision.number} overrides them, with reasons."
            return Gate("rules_allow", True, sentence)
        sentence = f"{says} The override was signed before the DLT of {', '.join(since)}."
        return Gate("rules_allow", False, sentence, None, "safety review committee")
    return Gate("rules_allow", False, says, clears_at)


def new_dlts(decision: Decision, basis: Basis) -> list[str]:
    """Subjects whose DLT counts now and did not when the decision was taken."""
    known = {row["subject"] for row in decision.basis["outcomes"] if row["letter"] == "T"}
    rows = basis["outcomes"]
    return [row["subject"] for row in rows if row["letter"] == "T" and row["subject"] not in known]


def site_gate(site: Site) -> Gate:
    """A site that is not active seats nobody and begins no lymphodepletion; treatment that has
    begun there goes on, for stopping half way is the greater risk."""
    label = SiteState(site.state).label
    why = f": {site.suspended_because}" if site.suspended_because else "."
    is_active = site.state == SiteState.ACTIVE
    return Gate("site_active", is_active, f"Site {site.code} is {label}{why}", None, _MANAGER)


def _site_gates(site: Site | None, cohort: Cohort | None) -> list[Gate]:
    if site is None:
        return []
    return [*([_acknowledged(site, cohort)] if cohort is not None else []), site_gate(site)]


def _participant_gates(participant: Participant, now: datetime) -> list[Gate]:
    return [
        consent_gate(participant),
        Gate(
            "eligible",
            participant.state in (ParticipantState.ELIGIBLE, ParticipantState.SLOTTED),
            f"{participant} is {ParticipantState(participant.state).label}.",
        ),
        eligibility_gate(participant, now=now),
    ]


def _acknowledged(site: Site, cohort: Cohort) -> Gate:
    """The participant's own clinic and pharmacy have read what they are to act on."""
    rule, number = "decision_acknowledged", cohort.decision.number
    if site.pk in sites_ready(cohort):
        return Gate(rule, True, f"Site {site.code} has acknowledged decision #{number}.")
    sentence = f"Site {site.code}, clinic and pharmacy, has yet to acknowledge decision #{number}."
    return Gate(rule, False, sentence, None, "investigator and pharmacist")
