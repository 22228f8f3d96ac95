"""When a hold may be lifted, by whom, and what is under it."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Q

from cohorts.models import Decision, Hold, HoldLift, Outcome
from cohorts.policies.facts import active_protocol, document_of
from cohorts.policies.re_reviews import check_re_reviewed
from cohorts.states import DltStatus, HoldScope, HoldState
from ntrust.errors import Refused

PERSON: Final = "PERSON"
"""The rule of a hold that a person placed."""
_BASIS_CHANGED: Final = "BASIS_CHANGED_"


def facts_under(hold: Hold) -> dict[str, Any]:
    """What a hold rests on, as it is now: what is signed over when it is lifted.

    Its reason, what meets its pause rule, every DLT reported where it holds, and what changed under
    the decision it names.
    """
    dlts = Outcome.objects.filter(study=hold.study).exclude(dlt=DltStatus.NONE)
    if hold.scope == HoldScope.PART_2:
        dlts = dlts.filter(part=2)
        if hold.disease:
            dlts = dlts.filter(participant__disease=hold.disease)
    else:
        dlts = dlts.filter(Q(is_counted=True) | Q(part=2))
    if hold.scope == HoldScope.SITE:
        dlts = dlts.filter(participant__site=hold.site)
    elif hold.level is not None:
        dlts = dlts.filter(level__ordinal__gte=hold.level.ordinal)
    rows = dlts.order_by("participant_id").select_related("participant", "level")
    facts: dict[str, Any] = {
        "placed": hold.reason,
        "met_by": hold.met_by,
        "dlts": [[str(row.participant), row.level.ordinal, row.dlt] for row in rows],
    }
    if hold.rule.startswith(_BASIS_CHANGED):
        number = hold.rule.removeprefix(_BASIS_CHANGED)
        decision = Decision.objects.filter(study=hold.study, number=number).first()
        facts["basis_change"] = decision.basis_change if decision else ""
    return facts


def needs_committee(hold: Hold) -> bool:
    """Whether the protocol in force asks for the committee's verdict before it is lifted."""
    version = active_protocol(hold.study)
    return version is not None and document_of(version).holds.needs_committee(hold.rule)


def check_lift(hold: Hold, *, committee_verdict: str, minutes_reference: str) -> None:
    """Refuse to lift what is not in force (`not_held`), what a changed basis holds before that
    decision is re-reviewed (`re_review_first`), and without the committee's word where the
    protocol asks for it (`committee_needed`)."""
    if hold.state != HoldState.PLACED:
        raise Refused("not_held", "This hold is lifted already.")
    check_re_reviewed(hold)
    has_both = bool(committee_verdict.strip() and minutes_reference.strip())
    if bool(committee_verdict.strip()) != bool(minutes_reference.strip()):
        raise Refused("minutes_needed", "A verdict comes with the reference to its minutes.")
    if needs_committee(hold) and not has_both:
        raise Refused(
            "committee_needed",
            "This hold was placed by a rule of the protocol: only the committee's verdict, with "
            "the reference to its minutes, lets it be lifted.",
        )


def is_enough(lift: HoldLift) -> bool:
    """Whether the signatures suffice: manager and monitor; for a person's hold the monitor alone,
    unless that monitor placed it."""
    hold, monitor = lift.hold, lift.monitor_signature
    if monitor is None:
        return False
    is_own = hold.rule != PERSON or hold.placed_by_id == monitor.signer_id
    return lift.manager_signature is not None or not is_own
