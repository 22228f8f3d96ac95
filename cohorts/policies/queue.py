"""The queue for seats: who is next, and how many seats of a cohort one site may have.

Both are fairness, not safety: these two gates, and no other, an override with a reason may pass.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count

from cohorts.engine.queue import Request, first_come, round_robin
from cohorts.models import (
    Circulation,
    Cohort,
    Consent,
    Hold,
    Participant,
    ProtocolVersion,
    Slot,
)
from cohorts.policies.consents import owes_consent, version_to_consent_to
from cohorts.policies.facts import document_of, require_protocol
from cohorts.policies.screening import eligibility_gate
from cohorts.protocol import ProtocolDocument
from cohorts.states import TAKEN_SLOTS, HoldScope, HoldState, ParticipantState, SlotState
from ntrust.errors import Gate, Refused
from ntrust.models import Site, Study
from ntrust.states import SiteState

FAIRNESS = ("next_in_queue", "site_cap")
SHORTEST_REASON = 20


def queue_of(study: Study, document: ProtocolDocument) -> list[Slot]:
    """Open requests, the next to be seated first, in the order the protocol names."""
    slots = {
        slot.pk: slot
        for slot in Slot.objects.filter(
            participant__study=study, state=SlotState.REQUESTED
        ).select_related("participant__site", "participant__protocol_version")
    }
    requests = [_request(slot) for slot in slots.values()]
    if document.slots.order == "first_come" or not requests:
        return [slots[request.key] for request in first_come(requests)]
    return [slots[request.key] for request in round_robin(requests, _seats_by_site(study))]


def _request(slot: Slot) -> Request:
    assert slot.requested_at is not None  # the database refuses a request without its time
    return Request(slot.pk, slot.participant.site_id, slot.requested_at)


def _seats_by_site(study: Study, cohort: Cohort | None = None) -> dict[int, int]:
    """Seats reserved or confirmed, by site: in one cohort, or in the whole study."""
    taken = Slot.objects.filter(participant__study=study, state__in=TAKEN_SLOTS)
    if cohort is not None:
        taken = taken.filter(cohort=cohort)
    rows = taken.order_by().values_list("participant__site").annotate(Count("id"))
    return dict(rows)


def fairness_gates(cohort: Cohort, participant: Participant, *, now: datetime) -> list[Gate]:
    """Whether it is this participant's turn, and their site's. No numbers of other people. In
    Part 2 only those of the same disease are ahead, and sites have no cap."""
    study = participant.study
    document = document_of(require_protocol(study))
    queue = queue_of(study, document)
    position = next(
        (place for place, slot in enumerate(queue, 1) if slot.participant_id == participant.pk),
        None,
    )
    ahead = queue if position is None else queue[: position - 1]
    if cohort.part == 2:
        ahead = [slot for slot in ahead if slot.participant.disease == cohort.disease]
    site_cap = document.slots.site_cap if cohort.part == 1 else None
    in_cohort = _seats_by_site(study, cohort) if site_cap else {}
    seatable = _seatable(study, cohort, ahead, site_cap, in_cohort)
    first = _first_ready(seatable, now=now)
    gates = [_next_in_queue(participant, queue, position, first)]
    if site_cap is not None:
        taken = in_cohort.get(participant.site_id, 0)
        gates.append(_site_cap(participant.site, cohort, taken, site_cap))
    return gates


def next_in_queue(cohort: Cohort, *, now: datetime) -> Slot | None:
    """The first open request whose participant could take a seat of this cohort now, but for what
    concerns everybody, such as holds."""
    asked = Slot.objects.filter(participant__study=cohort.study_id, state=SlotState.REQUESTED)
    if not asked.exists():
        return None
    study = cohort.study
    document = document_of(require_protocol(study))
    queue = queue_of(study, document)
    if cohort.part == 2:
        queue = [slot for slot in queue if slot.participant.disease == cohort.disease]
    site_cap = document.slots.site_cap if cohort.part == 1 else None
    in_cohort = _seats_by_site(study, cohort) if site_cap and queue else {}
    return _first_ready(_seatable(study, cohort, queue, site_cap, in_cohort), now=now)


def _first_ready(slots: list[Slot], *, now: datetime) -> Slot | None:
    return next(
        (slot for slot in slots if eligibility_gate(slot.participant, now=now).is_clear), None
    )


def _next_in_queue(
    participant: Participant, queue: list[Slot], position: int | None, first: Slot | None
) -> Gate:
    if position is None:
        where = f"{participant} is not in the queue of {len(queue)}"
    else:
        where = f"{participant} is number {position} of {len(queue)} in the queue"
    if first is None:
        return Gate("next_in_queue", True, f"{where}; nobody ahead could be seated now.")
    sentence = f"{where}; number {queue.index(first) + 1} could be seated now and comes first."
    return Gate("next_in_queue", False, sentence, None, "study manager")


def _site_cap(site: Site, cohort: Cohort, taken: int, most: int) -> Gate:
    sentence = f"Site {site.code} has {taken} of at most {most} seats in cohort {cohort.number}."
    return Gate("site_cap", taken < most, sentence, None, "" if taken < most else "study manager")


def _seatable(
    study: Study,
    cohort: Cohort,
    slots: Iterable[Slot],
    site_cap: int | None,
    in_cohort: dict[int, int],
) -> list[Slot]:
    """Those who could take the seat now, but for the dates of their eligibility: eligible, their
    consent current, at an active site that is not held, has acknowledged the decision and is under
    its cap."""
    slots = list(slots)
    if not slots:
        return []
    held = set(
        Hold.objects.filter(study=study, state=HoldState.PLACED, scope=HoldScope.SITE).values_list(
            "site_id", flat=True
        )
    )
    ready = sites_ready(cohort)
    owing = _owing_consent(study, slots)
    return [
        slot
        for slot in slots
        if slot.participant.state == ParticipantState.ELIGIBLE
        and slot.participant.site.state == SiteState.ACTIVE
        and slot.participant_id not in owing
        and slot.participant.site_id not in held
        and slot.participant.site_id in ready
        and (site_cap is None or in_cohort.get(slot.participant.site_id, 0) < site_cap)
    ]


def _owing_consent(study: Study, slots: list[Slot]) -> set[int]:
    """Participants of these requests who have to consent again first."""
    asking = version_to_consent_to(study)
    if asking is None:
        return set()
    signed: defaultdict[int, list[ProtocolVersion]] = defaultdict(list)
    for consent in Consent.objects.filter(
        participant__in=[slot.participant_id for slot in slots]
    ).select_related("form__protocol_version"):
        signed[consent.participant_id].append(consent.form.protocol_version)
    return {
        slot.participant_id
        for slot in slots
        if owes_consent(slot.participant, signed[slot.participant_id], asking)
    }


def sites_ready(cohort: Cohort) -> set[int]:
    """Sites of which both clinic and pharmacy have acknowledged the decision of this cohort."""
    rows = Circulation.objects.filter(
        decision_id=cohort.decision_id, acknowledged_at__isnull=False
    ).values_list("site_id", "is_pharmacy")
    read = set(rows)
    return {site for site, is_pharmacy in read if is_pharmacy and (site, False) in read}


def overridden_gates(gates: list[Gate], reason: str) -> list[Gate]:
    """The shut gates that this reason passes: those of fairness, when nothing else is shut.

    Refuses (`no_seat`) anything else that is shut, a reason under 20 characters
    (`override_needs_reason`), and a reason where nothing is overridden (`nothing_to_override`).
    """
    shut = [gate for gate in gates if not gate.is_clear]
    reason = reason.strip()
    if any(gate.rule not in FAIRNESS for gate in shut) or (shut and not reason):
        raise Refused("no_seat", " ".join(gate.sentence for gate in shut), gates)
    if reason and not shut:
        raise Refused(
            "nothing_to_override", "Nothing needs an override here: leave the reason empty.", gates
        )
    if shut and len(reason) < SHORTEST_REASON:
        raise Refused(
            "override_needs_reason",
            f"Say in at least {SHORTEST_REASON} characters why the queue is passed over.",
            gates,
        )
    return shut
