"""Reviews: a packet frozen from the data, the committee's verdict, a decision to be signed."""

from __future__ import annotations

from datetime import datetime

from cohorts.actions import propose_decision
from cohorts.models import Decision, DoseLevel
from cohorts.policies import active_protocol, current_basis, document_of
from ntrust.change import study_change
from ntrust.errors import Refused
from ntrust.models import Study, User
from ntrust.policies import check_role
from ntrust.signing import content_hash
from ntrust.states import Role
from safety.models import Packet, Review
from safety.policies import check_quorum
from safety.queries import packet_content
from safety.states import REVIEW, ReviewState


def convene_review(study: Study, *, by: User, now: datetime | None = None) -> Review:
    """Freeze a packet from the data as they are, for the committee. Manager's action."""
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="review convened", now=now) as change:
        version = active_protocol(change.study)
        if version is None:
            raise Refused("no_protocol", "No protocol version is active.")
        content = packet_content(
            change.study,
            basis=current_basis(change.study, version),
            protocol_version=version.version,
            cut_at=change.now,
        )
        packet = Packet.objects.create(
            study=change.study,
            revision=change.study.revision,
            content=content,
            content_hash=content_hash(content),
            cut_at=change.now,
        )
        number = Review.objects.filter(study=study).count() + 1
        review = Review.objects.create(
            study=change.study,
            number=number,
            packet=packet,
            convened_at=change.now,
            convened_by=by,
        )
        change.record("REVIEW_CONVENED", f"Review {number} convened.")
    return review


def conclude_review(  # noqa: PLR0913 - what a committee's minutes hold
    review: Review,
    *,
    verdict: str,
    level: DoseLevel | None,
    attendees: int,
    committee_verdict: str,
    minutes_reference: str,
    by: User,
    reason: str = "",
    seats: int | None = None,
    now: datetime | None = None,
) -> Decision:
    """Record what the committee concluded and propose the decision for signature.

    Refuses a review concluded before, no quorum (`no_quorum`), and a packet whose data have
    changed since its cut (`stale_packet`).
    """
    study = review.study
    check_role(by, study, [Role.STUDY_MANAGER])
    with study_change(study, by=by, reason="review concluded", now=now) as change:
        review = Review.objects.select_related("packet").get(pk=review.pk)
        REVIEW.check(review.state, ReviewState.CONCLUDED)
        version = active_protocol(change.study)
        if version is None:
            raise Refused("no_protocol", "No protocol version is active.")
        check_quorum(document_of(version), attendees)
        basis = current_basis(change.study, version)
        if content_hash(review.packet.content["basis"]) != content_hash(basis):
            raise Refused(
                "stale_packet",
                "The data have changed since the packet was frozen: convene the review again.",
            )
        decision = propose_decision(
            change,
            verdict=verdict,
            level=level,
            seats=seats,
            reason=reason,
            committee_verdict=committee_verdict,
            packet_hash=review.packet.content_hash,
            by=by,
        )
        review.state, review.decision = ReviewState.CONCLUDED, decision
        review.attendees, review.committee_verdict = attendees, committee_verdict
        review.minutes_reference = minutes_reference
        review.save(
            update_fields=[
                "state",
                "decision",
                "attendees",
                "committee_verdict",
                "minutes_reference",
            ]
        )
        change.record(
            "DECISION_PROPOSED",
            f"Review {review.number} concluded: decision #{decision.number} awaits signatures.",
            level=level.ordinal if level else None,
            decision=decision.number,
        )
    return decision
