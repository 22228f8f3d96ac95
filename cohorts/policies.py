"""May I, and if not, why and until when: the gates of the escalation.

Policies come in pairs: `gates_for_x` lists every rule in order with what it says now, `check_x`
refuses naming those that are not clear. The same list is the tooltip, the API's answer and the
mail's text.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Count, Min, Q

from cohorts.engine.advice import name_answer
from cohorts.engine.basis import Basis, make_basis, read_design, read_tallies, recommend_basis
from cohorts.engine.design import MINUS_ONE, NOBODY, Recommendation, Verdict
from cohorts.engine.rules import cap, find_toxic, is_closed
from cohorts.models import (
    Cohort,
    Decision,
    DoseLevel,
    Hold,
    Outcome,
    Participant,
    ProtocolVersion,
    Slot,
)
from cohorts.protocol import ProtocolDocument
from cohorts.states import (
    TAKEN_SLOTS,
    CohortState,
    DecisionState,
    HoldScope,
    HoldState,
    OutcomeLetter,
    ParticipantState,
    ProtocolState,
    SlotState,
)
from ntrust.errors import Gate, Refused, refuse_unless_clear
from ntrust.models import Site, Study
from ntrust.states import SiteState, StudyState

PLACING = (Verdict.ENROL, Verdict.EXPAND_COHORT, Verdict.ESCALATE, Verdict.DE_ESCALATE)
"""Verdicts that send the next participant somewhere."""


# --- What is ---------------------------------------------------------------------------------


def active_protocol(study: Study) -> ProtocolVersion | None:
    """The protocol version in force."""
    return ProtocolVersion.objects.filter(study=study, state=ProtocolState.ACTIVE).first()


def require_protocol(study: Study) -> ProtocolVersion:
    """The protocol version in force; refuses (`no_protocol`) while there is none."""
    version = active_protocol(study)
    if version is None:
        raise Refused("no_protocol", "No protocol version is active.")
    return version


def document_of(version: ProtocolVersion) -> ProtocolDocument:
    """A stored version's document, which was validated when it was stored."""
    return ProtocolDocument.model_validate(version.document)


def current_level(study: Study) -> int:
    """The level now being dosed: that of the cohort opened last; level 1 before the first."""
    newest = (
        Cohort.objects.filter(study=study, opened_at__isnull=False)
        .select_related("level")
        .order_by("-number")
        .first()
    )
    return newest.level.ordinal if newest else 1


def current_basis(study: Study, version: ProtocolVersion) -> Basis:
    """What the rules are given now: design, current level, one row a counted participant."""
    rows = (
        Outcome.objects.filter(study=study, is_counted=True)
        .order_by("participant_id")
        .values_list("participant__subject_number", "level__ordinal", "letter")
    )
    return make_basis(
        document_of(version).design(),
        current=current_level(study),
        outcomes=[
            {"subject": subject, "level": level, "letter": letter}
            for subject, level, letter in rows
        ],
    )


def recommend_now(study: Study) -> Recommendation | None:
    """What the rules say on the rows as they are; None without an active protocol."""
    version = active_protocol(study)
    return recommend_basis(current_basis(study, version)) if version else None


def seats_to_offer(study: Study, level: int) -> int:
    """Seats the rules still allow at a level: at most three, none when its cap is reached.

    Seats that a decision in force has opened and nobody counts in yet are offered already.
    """
    version = active_protocol(study)
    if version is None:
        return 0
    basis = current_basis(study, version)
    tallies = read_tallies(basis)
    tally = tallies.get(level, NOBODY)
    most = cap(read_design(basis["design"]), level, tally, find_toxic(tallies))
    return max(0, min(3, most - tally.seats - _seats_open(study, level)))


def _seats_open(study: Study, level: int) -> int:
    """Seats free or only reserved in the level's open cohorts whose decision stands."""
    cohorts = Cohort.objects.filter(
        study=study,
        level__ordinal=level,
        state__in=[CohortState.OPEN, CohortState.FULL],
        decision__state=DecisionState.CIRCULATED,
    ).annotate(confirmed=Count("slots", filter=Q(slots__state=SlotState.CONFIRMED)))
    return sum(cohort.seats - cohort.confirmed for cohort in cohorts)


def holds_on(study: Study, *, level: int | None, site: Site | None = None) -> list[Hold]:
    """Holds in force on the study, on this level or one below it, or on this site.

    A hold on level -1 stops every level.
    """
    placed = Hold.objects.filter(study=study, state=HoldState.PLACED).select_related("level")
    return [
        hold
        for hold in placed
        if hold.scope == HoldScope.STUDY
        or (hold.level is not None and level is not None and hold.level.ordinal <= level)
        or (hold.site_id is not None and site is not None and hold.site_id == site.pk)
    ]


# --- Seats -----------------------------------------------------------------------------------


def gates_for_seat(
    study: Study, level: DoseLevel, *, now: datetime, participant: Participant | None = None
) -> list[Gate]:
    """Why a participant can or cannot be seated at a level now, in order."""
    if active_protocol(study) is None:
        return [
            Gate("protocol_active", False, "No protocol version is active.", None, "study manager")
        ]
    cohort = open_cohort(study, level)
    gates = _gates_for_cohort(study, level, cohort, participant)
    return [*gates, _seat_free(level, cohort), *_participant_gates(participant)]


def gates_for_confirmation(slot: Slot, *, now: datetime) -> list[Gate]:
    """A reserved seat is looked at again when it is confirmed: much may have happened since."""
    cohort, participant = slot.cohort, slot.participant
    is_open = cohort.state in (CohortState.OPEN, CohortState.FULL)
    label = CohortState(cohort.state).label
    return [
        Gate("cohort_open", is_open, f"Cohort {cohort.number} is {label}."),
        *_gates_for_cohort(participant.study, cohort.level, cohort, participant),
        *_participant_gates(participant),
    ]


def _gates_for_cohort(
    study: Study, level: DoseLevel, cohort: Cohort | None, participant: Participant | None
) -> list[Gate]:
    version = require_protocol(study)
    basis = current_basis(study, version)
    advice = recommend_basis(basis)
    site = participant.site if participant else None
    return [
        Gate("protocol_active", True, f"Protocol version {version.version} is active."),
        _escalating(study),
        *hold_gates(study, level=level.ordinal, site=site),
        _level_not_closed(basis, level),
        _decision_in_force(level, cohort, advice),
        _rules_send_here(advice, basis, level, cohort, clears_at=_next_answer(study, advice)),
    ]


def _next_answer(study: Study, advice: Recommendation) -> datetime | None:
    """When the next window ends at the level that is waited for, as far as known."""
    if advice.verdict is not Verdict.WAIT or advice.level is None:
        return None
    pending = Outcome.objects.filter(
        study=study,
        is_counted=True,
        level__ordinal=advice.level,
        letter=OutcomeLetter.PENDING,
        is_window_over=False,
    )
    close: datetime | None = pending.aggregate(close=Min("window_closes_at"))["close"]
    return close


def check_seat(
    study: Study, level: DoseLevel, *, now: datetime, participant: Participant
) -> Cohort:
    """The cohort that can seat this participant; refuses (`no_seat`) with the gates otherwise."""
    if level.study_id != study.pk:
        raise Refused("not_found", "There is no such level in this study.")
    refuse_unless_clear("no_seat", gates_for_seat(study, level, now=now, participant=participant))
    cohort = open_cohort(study, level)
    if cohort is None:
        raise Refused("no_seat", f"No cohort is open at level {level.ordinal}.")
    return cohort


def check_confirmation(slot: Slot, *, now: datetime) -> None:
    """Refuse (`no_seat`) with every gate that is not clear."""
    refuse_unless_clear("no_seat", gates_for_confirmation(slot, now=now))


def open_cohort(study: Study, level: DoseLevel) -> Cohort | None:
    """The newest cohort of a level with a free seat, else the newest open or full one."""
    rows = list(
        Cohort.objects.filter(
            study=study, level=level, state__in=[CohortState.OPEN, CohortState.FULL]
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


def hold_gates(study: Study, *, level: int, site: Site | None) -> list[Gate]:
    """One gate a hold in force; a clear one when there is none."""
    holds = holds_on(study, level=level, site=site)
    if not holds:
        return [Gate("not_held", True, "Nothing is held.")]
    return [
        Gate(
            f"held_{hold.scope.lower()}",
            False,
            f"Held since {hold.placed_at:%d-%b-%Y %H:%M} UTC: {hold.reason}",
            None,
            "medical monitor",
        )
        for hold in holds
    ]


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
    if decision.state != DecisionState.CIRCULATED:
        sentence = f"Decision #{decision.number} no longer stands: {decision.basis_change}."
        return Gate("decision_signed", False, sentence, None, who)
    return Gate("decision_signed", True, f"Decision #{decision.number} is signed and circulated.")


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


def _participant_gates(participant: Participant | None) -> list[Gate]:
    if participant is None:
        return []
    site = participant.site
    return [
        Gate(
            "site_active",
            site.state == SiteState.ACTIVE,
            f"Site {site.code} is {SiteState(site.state).label}.",
            None,
            "study manager",
        ),
        Gate(
            "eligible",
            participant.state in (ParticipantState.ELIGIBLE, ParticipantState.SLOTTED),
            f"{participant} is {ParticipantState(participant.state).label}.",
        ),
    ]


# --- Decisions -------------------------------------------------------------------------------


def check_override(  # noqa: PLR0913 - each is part of the question
    study: Study,
    *,
    advice: Recommendation,
    level: DoseLevel | None,
    reason: str,
    committee_verdict: str,
) -> None:
    """Refuse an override without committee verdict and reason, or that reopens what is closed."""
    if len(reason.strip()) < 20 or not committee_verdict.strip():
        raise Refused(
            "override_needs_reason",
            "This differs from the recommendation "
            f"({name_answer(advice.answer)}): give the committee's verdict and a reason of at "
            "least 20 characters.",
        )
    if level is None:
        return
    version = active_protocol(study)
    toxic = find_toxic(read_tallies(current_basis(study, version))) if version else None
    if is_closed(level.ordinal, toxic):
        raise Refused("level_closed", f"Nothing reopens level {level.ordinal}: it is toxic.")
    if level.ordinal == MINUS_ONE and toxic != 1:
        raise Refused("level_minus_one", "Level -1 opens only below a toxic level 1.")
    refuse_unless_clear("held", hold_gates(study, level=level.ordinal, site=None))


def check_decision(
    *, verdict: Verdict, level: DoseLevel | None, offered: int, is_override: bool
) -> None:
    """Refuse what is no decision: waiting, a stop with a level, seats that are open already."""
    if verdict is Verdict.WAIT:
        raise Refused("nothing_to_decide", "The rules say wait: there is nothing to sign.")
    if (verdict is Verdict.STOP) != (level is None):
        raise Refused("level_needed", "A stop names no level; every other decision names one.")
    if level is not None and not is_override and offered == 0:
        raise Refused(
            "seats_open", f"The seats that level {level.ordinal} may have are open already."
        )
